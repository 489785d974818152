use super::{Cmd, Reply, backend::Backend, event_source::EventSource, node::Node, warmth::Warmth};
use crate::{CircuitBreaker, Error, rt::Deadline};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A Redis database. Cloning is cheap, and clones share everything.
///
/// ```
/// use axum_upstash::redis::SetOptions;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.set_with("greeting", "hello", SetOptions::new().expire(Duration::from_secs(60))).await?;
/// let greeting: Option<String> = redis.get("greeting").await?;
/// assert_eq!(greeting.as_deref(), Some("hello"));
/// assert_eq!(redis.incr("visits").await?, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Finding a command
/// Methods have the names of the commands; a suffix names a variant (`set_with`, `get_many`). The same methods are on
/// [`Pipeline`](super::Pipeline).
///
#[doc = include_str!("commands/index.md")]
/// | any other command | [`cmd`](Self::cmd), [`issue`](Self::issue) |
/// | several at once | [`pipeline`](Self::pipeline), [`transaction`](Self::transaction), [`script`](Self::script) |
/// | messages | [`subscribe`](Self::subscribe), [`psubscribe`](Self::psubscribe), [`monitor`](Self::monitor) |
/// | walks | [`scan_stream`](Self::scan_stream), [`hscan_stream`](Self::hscan_stream), [`sscan_stream`](Self::sscan_stream), [`zscan_stream`](Self::zscan_stream) |
#[derive(Clone)]
pub struct Redis {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Backend,
    key_locking: KeyLocking,
    /// Learned in [`KeyLocking::Auto`]: this Redis does not know the flag.
    refuses_key_locking: AtomicBool,
    breaker: CircuitBreaker,
    warmth: Warmth,
}

impl AsRef<Warmth> for Inner {
    fn as_ref(&self) -> &Warmth {
        &self.warmth
    }
}

/// Whether scripts begin with the line that tells Upstash to lock only the keys a script names.
///
/// Without it Upstash locks the whole database while a script runs; plain Redis does not know the flag and refuses it
/// ([key locking](https://upstash.com/docs/redis/features/key-locking)).
///
/// ```
/// use axum_upstash::redis::{KeyLocking, Redis};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let redis = Redis::builder("https://eu1-example.upstash.io", "token").key_locking(KeyLocking::On).build()?;
/// # drop(redis);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum KeyLocking {
    /// With the line, until the server refuses it once.
    #[default]
    Auto,
    /// Always with the line.
    On,
    /// Never with the line.
    Off,
}

impl Redis {
    /// A client whose every call fails with what has to be set.
    pub(crate) fn not_configured(reason: impl Into<String>) -> Self {
        Self::over(Backend::not_configured(reason.into()), KeyLocking::Off)
    }

    pub(super) fn over(backend: Backend, key_locking: KeyLocking) -> Self {
        Self::kept_warm(backend, key_locking, None)
    }

    /// A client that is pinged when it was idle for so long, once it has [connected](Self::connect).
    pub(super) fn kept_warm(backend: Backend, key_locking: KeyLocking, every: Option<Duration>) -> Self {
        let (refuses_key_locking, breaker) = (AtomicBool::new(false), CircuitBreaker::new());
        let warmth = Warmth::new(every);
        Self { inner: Arc::new(Inner { backend, key_locking, refuses_key_locking, breaker, warmth }) }
    }

    /// Opens a connection, so that the first command does not wait for it.
    ///
    /// Connecting takes one round trip over TCP, and two or three with TLS. The connection is tried by a `PING`, which
    /// Upstash bills as a command. Without this call the first command connects.
    ///
    /// ```no_run
    /// use axum_upstash::redis::Redis;
    /// use std::time::Duration;
    ///
    /// # async fn run() -> Result<(), axum_upstash::Error> {
    /// let redis = Redis::builder("https://eu1-example.upstash.io", "token")
    ///     .keep_warm(Duration::from_secs(240))
    ///     .build()?;
    /// redis.connect().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of any command: the server cannot be reached, or refuses the credentials.
    pub async fn connect(&self) -> Result<(), Error> {
        let ping = Cmd::new("PING");
        self.run(&ping, None, true).await?;
        self.inner.warmth.begin(&self.inner, |inner| {
            let redis = Self { inner };
            // The next command meets what a ping that failed would say.
            Box::pin(async move { drop(redis.run(&Cmd::new("PING"), None, true).await) })
        });
        Ok(())
    }

    /// Whether both are clones of one client.
    #[cfg(feature = "session")]
    pub(crate) fn is(&self, other: Option<&Self>) -> bool {
        other.is_some_and(|other| Arc::ptr_eq(&self.inner, &other.inner))
    }

    /// The circuit breaker that layers share. The client's own calls do not ask it.
    pub(crate) fn breaker(&self) -> CircuitBreaker {
        self.inner.breaker.clone()
    }

    /// Events of a streaming end point, with the channels or patterns in its path.
    pub(super) fn events(&self, endpoint: &'static str, names: &[String]) -> EventSource {
        self.inner.backend.events(endpoint, names)
    }

    /// The time until a call with this deadline, or the client's, has to be answered.
    pub(super) fn deadline(&self, timeout: Option<Duration>) -> Deadline {
        self.inner.backend.deadline(timeout)
    }

    pub(super) fn locks_keys(&self) -> bool {
        match self.inner.key_locking {
            KeyLocking::On => true,
            KeyLocking::Off => false,
            KeyLocking::Auto => !self.inner.refuses_key_locking.load(Ordering::Relaxed),
        }
    }

    /// Remembers that the server does not support key locking; `false` if the setting requires it.
    pub(super) fn learn_no_key_locking(&self) -> bool {
        let auto = self.inner.key_locking == KeyLocking::Auto;
        if auto {
            self.inner.refuses_key_locking.store(true, Ordering::Relaxed);
        }
        auto
    }

    pub(super) async fn run(&self, cmd: &Cmd, timeout: Option<Duration>, repeatable: bool) -> Result<Reply, Error> {
        self.inner.warmth.used();
        self.inner.backend.single(cmd, timeout, repeatable).await.map_err(|error| cmd.describe(error))
    }

    /// The primaries of a cluster; nothing if there is one server.
    pub(super) async fn primaries(&self) -> Result<Option<Vec<Node>>, Error> {
        self.inner.backend.primaries().await
    }

    /// Runs a command that only reads, at one node of a cluster.
    pub(super) async fn run_at(&self, cmd: &Cmd, node: Option<&Node>) -> Result<Reply, Error> {
        self.inner.warmth.used();
        self.inner.backend.at(cmd, node).await.map_err(|error| cmd.describe(error))
    }

    /// Sends several commands as one; the outer error is the whole request's, the inner ones each command's.
    pub(super) async fn run_many(
        &self,
        cmds: &[Cmd],
        atomic: bool,
        timeout: Option<Duration>,
    ) -> Result<Vec<Result<Reply, Error>>, Error> {
        let name = if atomic { "MULTI" } else { "pipeline" };
        let describe_all = |error: Error| if error.operation().is_some() { error } else { error.with_operation(name) };
        self.inner.warmth.used();
        let replies = self.inner.backend.several(cmds, atomic, timeout).await.map_err(describe_all)?;
        let replies = replies.into_iter().zip(cmds);
        Ok(replies.map(|(reply, cmd)| reply.map_err(|error| cmd.describe(error))).collect())
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("backend", &self.inner.backend)
            .field("key_locking", &self.inner.key_locking)
            .finish()
    }
}
