use super::{
    super::{KeyLocking, Redis, RequestEvent, backend::Backend, observe::Observer},
    connection::{Target, Tcp},
};
use crate::{
    Error, ErrorKind,
    http::{RetryPolicy, Secret},
};
use redis_rs::{Client, IntoConnectionInfo, cluster::ClusterClient};
use std::time::Duration;

/// Sets up a [`Redis`] client that reaches its server over TCP.
///
/// ```no_run
/// use axum_upstash::redis::Redis;
///
/// # async fn run() -> Result<(), axum_upstash::Error> {
/// let redis = Redis::tcp("rediss://default:password@eu1-example.upstash.io:6379").build()?;
/// redis.set("greeting", "hello").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct RedisTcpBuilder {
    // With their passwords.
    urls: Vec<Secret>,
    cluster: bool,
    timeout: Duration,
    retry: RetryPolicy,
    key_locking: KeyLocking,
    observer: Observer,
}

impl Redis {
    /// A client for a server that is reached over TCP: `redis://`, `rediss://` for TLS, or `unix://` with a path.
    ///
    /// One connection is shared by all commands, which go out as they come and are answered in their order. It is made
    /// with the first command, and made again when it is lost. A command that would change or block it for all is
    /// refused.
    pub fn tcp(url: impl Into<String>) -> RedisTcpBuilder {
        RedisTcpBuilder::new(vec![url.into()], false)
    }

    /// A client for a cluster, of which some nodes are given.
    ///
    /// The commands of a pipeline go to the nodes of their keys at the same time, in no order between nodes; the keys
    /// of a transaction have to be on one node. The library behind it follows redirections and mends connections
    /// itself, and in doing so may send a command again whose answer was lost, also one that writes.
    pub fn cluster(urls: impl IntoIterator<Item = impl Into<String>>) -> RedisTcpBuilder {
        RedisTcpBuilder::new(urls.into_iter().map(Into::into).collect(), true)
    }
}

impl RedisTcpBuilder {
    fn new(urls: Vec<String>, cluster: bool) -> Self {
        Self {
            urls: urls.into_iter().map(Secret::new).collect(),
            cluster,
            timeout: Duration::from_secs(10),
            retry: RetryPolicy::default(),
            key_locking: KeyLocking::default(),
            observer: Observer::default(),
        }
    }

    /// The deadline of a call, with connecting and retries (10 s).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often and when a command is sent again.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// How scripts ask for key locking.
    pub fn key_locking(mut self, key_locking: KeyLocking) -> Self {
        self.key_locking = key_locking;
        self
    }

    /// Calls `observe` after each exchange with what it was, to count round trips and commands.
    pub fn on_request(mut self, observe: impl Fn(&RequestEvent) + Send + Sync + 'static) -> Self {
        self.observer = Observer::new(observe);
        self
    }

    /// Checks the settings and sets up the client. No connection is made yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where a URL cannot be right.
    pub fn build(self) -> Result<Redis, Error> {
        // The library's own text may repeat the URL.
        let wrong = || Error::new(ErrorKind::Configuration, "the URL of the Redis server cannot be used");
        let mut infos = Vec::new();
        for url in &self.urls {
            infos.push(url.expose().into_connection_info().map_err(|_| wrong())?);
        }
        let target = if self.cluster {
            Target::Cluster(Box::new(ClusterClient::new(infos).map_err(|_| wrong())?))
        } else {
            let info = infos.pop().ok_or_else(wrong)?;
            Target::Single(Box::new(Client::open(info).map_err(|_| wrong())?))
        };
        let tcp = Tcp::new(target, self.timeout, self.retry, self.observer);
        Ok(Redis::over(Backend::tcp(tcp), self.key_locking))
    }
}
