use super::{
    super::{KeyLocking, Redis, RequestEvent, backend::Backend, observe::Observer},
    cluster::Cluster,
    connect::Connector,
    server::Server,
    settings::{Address, Settings},
    tcp::{Target, Tcp},
};
use crate::{
    Error, ErrorKind,
    client::{RetryPolicy, Secret},
};
use redis_rs::IntoConnectionInfo;
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
    settings: Settings,
    keep_warm: Option<Duration>,
}

impl Redis {
    /// A client for a server that is reached over TCP: `redis://`, `rediss://` for TLS, or `unix://` with a path.
    ///
    /// All commands of a runtime share one connection. They go out as they come and are answered in their order, so a
    /// command waits for a large reply to one before it. The connection is made with the first command, or by
    /// [`connect`](Redis::connect). A command that would change or block it for all is refused.
    ///
    /// A lost connection is made again: one attempt at a time serves all callers, and the waits between attempts grow.
    /// If a deadline passes while nothing arrives, the connection is replaced. Commands that were not written are sent
    /// again; those that may have arrived are sent again only if that does no harm, as over REST. After a failover the
    /// server refuses writes as a replica (`READONLY`): then its name is looked up anew, and the command is sent to the
    /// server that the name now stands for.
    ///
    /// Replies are read in RESP2. A URL that asks for RESP3 is refused.
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
            settings: Settings::default(),
            keep_warm: None,
        }
    }

    /// The deadline of a call, with connecting and retries (10 s).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how often and when a command is sent again.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets how scripts request key locking.
    pub fn key_locking(mut self, key_locking: KeyLocking) -> Self {
        self.key_locking = key_locking;
        self
    }

    /// Calls `observe` after each exchange with what it was, to count round trips and commands.
    pub fn on_request(mut self, observe: impl Fn(&RequestEvent) + Send + Sync + 'static) -> Self {
        self.observer = Observer::new(observe);
        self
    }

    /// The deadline of an attempt to connect, with the lookup of the name, TLS and the login (5 s). Of a cluster a node
    /// has 1 s at the most.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// Whether small commands are sent at once, rather than when the ones before are acknowledged (`TCP_NODELAY`; they
    /// are).
    pub fn nodelay(mut self, enabled: bool) -> Self {
        self.settings.nodelay = enabled;
        self
    }

    /// The idle time after which TCP probes a connection (15 s). Three probes without an answer, each after a third of
    /// this time, end it.
    pub fn keepalive(mut self, idle: Duration) -> Self {
        self.settings.keepalive = idle;
        self
    }

    /// The time for which sent bytes may stay without an acknowledgement before the connection ends (10 s; on Linux).
    pub fn user_timeout(mut self, timeout: Duration) -> Self {
        self.settings.user_timeout = timeout;
        self
    }

    /// The silence after which a [`Subscription`](crate::redis::Subscription) or [`Monitor`](crate::redis::Monitor)
    /// pings its server (15 s). If nothing comes for as long again, it is opened anew, and reports a gap.
    pub fn heartbeat(mut self, silence: Duration) -> Self {
        self.settings.heartbeat = silence;
        self
    }

    /// Pings the server when there was no command for this time (never), once the client has
    /// [connected](Redis::connect).
    pub fn keep_warm(mut self, every: Duration) -> Self {
        self.keep_warm = Some(every);
        self
    }

    /// Trusts the authority with this certificate, in PEM, and no longer those that the system trusts. It may be called
    /// several times.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.settings.tls.roots.push(pem.into());
        self
    }

    /// Shows the server this certificate, with its key, both in PEM.
    pub fn client_certificate(mut self, chain: impl Into<Vec<u8>>, key: impl Into<String>) -> Self {
        self.settings.tls.client = Some((chain.into(), Secret::new(key)));
        self
    }

    /// Checks the settings and sets up the client. No connection is made yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if a URL or certificate cannot be right, or asks for what is not supported.
    pub fn build(self) -> Result<Redis, Error> {
        let Self { urls, cluster, timeout, retry, key_locking, observer, settings, keep_warm } = self;
        // The library's own text may repeat the URL.
        let wrong = || Error::new(ErrorKind::Configuration, "the URL of the Redis server cannot be used");
        let mut infos = Vec::new();
        let mut addresses = Vec::new();
        for url in &urls {
            let info = url.expose().into_connection_info().map_err(|_| wrong())?;
            addresses.push(Address::new(&info)?);
            infos.push(info);
        }
        let target = if cluster {
            Target::Cluster(Box::new(Cluster::new(infos, &settings, retry, observer)?))
        } else {
            let connector = Connector::new(addresses.pop().ok_or_else(wrong)?, settings)?;
            Target::Server(Server::new(connector, retry, observer))
        };
        Ok(Redis::kept_warm(Backend::tcp(Tcp::new(target, timeout)), key_locking, keep_warm))
    }
}
