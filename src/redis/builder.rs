use super::{
    KeyLocking, Redis, RequestEvent, ResponseFormat,
    auto_pipeline::Limits,
    backend::Backend,
    observe::Observer,
    rest::{Rest, RestSettings},
};
use crate::{
    Error,
    client::{RestClient, RestConfig, Secret},
    problems::Problems,
};
use std::time::Duration;

/// Sets up a [`Redis`] client.
///
/// ```
/// use axum_upstash::{local::LocalRedis, redis::Redis};
/// use std::{sync::{Arc, atomic::{AtomicUsize, Ordering}}, time::Duration};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let local = LocalRedis::start().await?;
/// let billed = Arc::new(AtomicUsize::new(0));
/// let count = Arc::clone(&billed);
/// let redis = Redis::builder(local.url(), local.token())
///     .timeout(Duration::from_secs(2))
///     .on_request(move |event| drop(count.fetch_add(event.commands, Ordering::Relaxed)))
///     .build()?;
/// redis.incr("visits").await?;
/// assert_eq!(billed.load(Ordering::Relaxed), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct RedisBuilder {
    url: String,
    token: Secret,
    names: (&'static str, &'static str),
    rest: RestConfig,
    settings: RestSettings,
    key_locking: KeyLocking,
    auto_pipeline: Option<Limits>,
    keep_warm: Option<Duration>,
}

impl Redis {
    /// A client for the database at `url`, with its REST token.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the URL or the token cannot be right.
    pub fn new(url: impl Into<String>, token: impl Into<String>) -> Result<Self, Error> {
        Self::builder(url, token).build()
    }

    /// Sets up a client with settings of its own.
    pub fn builder(url: impl Into<String>, token: impl Into<String>) -> RedisBuilder {
        RedisBuilder::new(url.into(), token.into())
    }
}

impl RedisBuilder {
    pub(super) fn new(url: String, token: String) -> Self {
        Self {
            url,
            token: Secret::new(token),
            names: ("the Redis URL", "the Redis token"),
            rest: RestConfig::default(),
            settings: RestSettings::default(),
            key_locking: KeyLocking::default(),
            auto_pipeline: Some(Limits::default()),
            keep_warm: None,
        }
    }

    rest_setters!();
    named_setters!();

    /// Whether the sync token of each answer goes out with the next request (it does).
    pub fn read_your_writes(mut self, enabled: bool) -> Self {
        self.settings.read_your_writes = enabled;
        self
    }

    /// Sets how scripts request key locking.
    pub fn key_locking(mut self, key_locking: KeyLocking) -> Self {
        self.key_locking = key_locking;
        self
    }

    /// Sets the format of replies ([`ResponseFormat::Json`]).
    pub fn response_format(mut self, format: ResponseFormat) -> Self {
        self.settings.format = format;
        self
    }

    /// Whether single commands share requests (they do).
    ///
    /// A command goes at once, alone or with those that are issued in the same turn of the runtime. It waits for company
    /// only while there is no room for another request: on a fast network that is one request at a time, because there a
    /// request costs more than a wait; the longer the measured round trip, the more are in flight, up to four over
    /// HTTP/1.1 and 32 over HTTP/2. A request that is slow makes room for others. Each command keeps its own deadline
    /// and result.
    ///
    /// A call with a longer deadline than the client's goes by itself. Without automatic pipelining each command is a
    /// request of its own, in no order ([`max_connections`](Self::max_connections)).
    pub fn auto_pipelining(mut self, enabled: bool) -> Self {
        self.auto_pipeline = enabled.then(Limits::default);
        self
    }

    /// Sets the limits of one request of automatic pipelining (1000 commands, 1 MiB). Larger commands go alone.
    pub fn auto_pipelining_limits(mut self, commands: usize, bytes: usize) -> Self {
        self.auto_pipeline = Some(Limits { commands, bytes, ..Limits::default() });
        self
    }

    /// The most connections of HTTP/1.1 for pipelines, transactions, and commands that go by themselves (64).
    ///
    /// Each of them takes a connection while it waits for its answer. Further ones queue, within their deadlines. A
    /// request that is slow makes room, for as many again at the most. Over HTTP/2, which Upstash speaks, one connection
    /// is enough, and the server says how many requests it carries.
    pub fn max_connections(mut self, requests: usize) -> Self {
        self.settings.max_connections = requests;
        self
    }

    /// The time after which a silent stream of messages is taken for lost (none).
    ///
    /// A [`Subscription`](super::Subscription) or [`Monitor`](super::Monitor) is then opened again, and reports a gap.
    /// REST has no ping, so a channel on which nothing is published for so long counts as silent too, unless the server
    /// sends comments in between, as `upstash-local` does every 15 s. If it does, and nothing is set here, the stream is
    /// taken for lost after 45 s. TCP and HTTP/2 find out about most dead connections by themselves.
    pub fn heartbeat(mut self, silence: Duration) -> Self {
        self.settings.heartbeat = Some(silence);
        self
    }

    /// Pings the server when there was no command for this time (never), so that no command has to connect anew.
    ///
    /// It begins with [`Redis::connect`] and ends with the client. Each `PING` is billed as a command. Connections are
    /// kept for five idle minutes without it, if the server keeps them. On wasm32 the host keeps connections, and nothing
    /// is sent.
    pub fn keep_warm(mut self, every: Duration) -> Self {
        self.keep_warm = Some(every);
        self
    }

    /// Calls `observe` after each request with what it was, to count requests and commands.
    ///
    /// The hook runs on the task that reads the answer, so it must be quick and must not panic.
    pub fn on_request(mut self, observe: impl Fn(&RequestEvent) + Send + Sync + 'static) -> Self {
        self.settings.observer = Observer::new(observe);
        self
    }

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the URL or the token cannot be right.
    pub fn build(self) -> Result<Redis, Error> {
        Problems::collect(|problems| self.build_into(problems))
    }

    /// The same with the problems of other clients.
    pub(crate) fn build_into(self, problems: &mut Problems) -> Option<Redis> {
        let client = RestClient::new(self.names, &self.url, &self.token, self.rest, problems)?;
        let rest = Rest::new(client, self.settings);
        Some(Redis::kept_warm(Backend::rest(rest, self.auto_pipeline), self.key_locking, self.keep_warm))
    }
}
