use super::UpstashBuilder;
#[cfg(feature = "client-ip")]
use crate::client_ip::ClientIpSource;
#[cfg(feature = "qstash")]
use crate::qstash::{QStashClient, Receiver};
#[cfg(feature = "redis")]
use crate::redis::Redis;
use crate::{Error, env};
use std::{fmt, sync::Arc};

/// Every client and every layer of the application, and its axum state. Cloning is cheap.
///
/// See the [module](crate::state) for an example.
#[derive(Clone)]
pub struct Upstash {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    /// `None` where memory takes its place.
    #[cfg(feature = "redis")]
    pub(super) redis: Option<Redis>,
    /// The same as the other one, where sessions have none of their own.
    #[cfg(feature = "session")]
    pub(super) session_redis: Option<Redis>,
    #[cfg(feature = "session")]
    pub(super) session_keys: crate::session::KeyRing,
    #[cfg(feature = "qstash")]
    pub(super) qstash: QStashClient,
    #[cfg(feature = "qstash")]
    pub(super) receiver: Receiver,
    #[cfg(feature = "client-ip")]
    pub(super) client_ip: ClientIpSource,
    #[cfg(feature = "redis")]
    pub(super) namespace: String,
    #[cfg(feature = "redis")]
    pub(super) memory: Memory,
    #[cfg(feature = "session")]
    pub(super) sessions: std::sync::OnceLock<crate::session::SessionLayer>,
    #[cfg(feature = "response-cache")]
    pub(super) cache: std::sync::OnceLock<crate::response_cache::ResponseCacheLayer>,
}

/// What stands in for Redis: one store of each kind, as one database would be.
#[cfg(feature = "redis")]
#[derive(Default)]
pub(super) struct Memory {
    #[cfg(feature = "ratelimit")]
    limits: std::sync::OnceLock<Arc<crate::ratelimit::MemoryStore>>,
}

impl Upstash {
    pub(super) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Reads the environment; Redis has to be configured.
    ///
    /// # Errors
    /// Every problem there is, by the name of the variable, and without its value.
    pub fn from_env() -> Result<Self, Error> {
        UpstashBuilder::from_env().build()
    }

    /// Reads the environment, and keeps in memory what belongs in Redis where Redis is not configured.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env): half a configuration is a problem, not a reason to use memory.
    pub fn from_env_or_memory() -> Result<Self, Error> {
        UpstashBuilder::from_env().or_memory().build()
    }

    /// Reads variables from somewhere else than the environment of the process.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_env_with(lookup: impl FnMut(&str) -> Option<String>) -> Result<Self, Error> {
        UpstashBuilder::from_env_with(lookup).build()
    }

    /// Begins without any setting.
    pub fn builder() -> UpstashBuilder {
        UpstashBuilder::default()
    }

    /// Whether limits and cached responses are kept in the memory of this process; and sessions, where no database is set
    /// for them alone.
    #[must_use]
    #[cfg(feature = "redis")]
    pub fn is_memory(&self) -> bool {
        self.inner.redis.is_none()
    }

    /// Connects to Redis, so that a wrong address or token is found at start and the first request does not wait.
    ///
    /// Each database is sent a `PING` ([`Redis::connect`]). In memory there is nothing to check.
    ///
    /// ```no_run
    /// use axum_upstash::Upstash;
    ///
    /// # async fn run() -> Result<(), axum_upstash::Error> {
    /// let upstash = Upstash::from_env()?;
    /// upstash.check().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of a command: the server cannot be reached, or refuses the token.
    #[cfg(feature = "redis")]
    pub async fn check(&self) -> Result<(), Error> {
        if let Some(redis) = &self.inner.redis {
            redis.connect().await?;
        }
        #[cfg(feature = "session")]
        if let Some(redis) = self.inner.session_redis.as_ref().filter(|redis| !redis.is(self.inner.redis.as_ref())) {
            redis.connect().await?;
        }
        Ok(())
    }

    /// The Redis client. Where Redis is not configured, each of its calls fails with what has to be set.
    #[must_use]
    #[cfg(feature = "redis")]
    pub fn redis(&self) -> Redis {
        self.inner.redis.clone().unwrap_or_else(|| {
            Redis::not_configured(format!("{} and {} are not set", env::REDIS_URL.name, env::REDIS_TOKEN.name))
        })
    }

    /// A limiter that counts in Redis, or in memory.
    #[cfg(feature = "ratelimit")]
    pub fn ratelimit(&self, algorithm: impl Into<crate::ratelimit::Algorithm>) -> crate::ratelimit::Ratelimit {
        use crate::ratelimit::Ratelimit;
        match &self.inner.redis {
            Some(redis) => Ratelimit::new(redis.clone(), algorithm),
            None => Ratelimit::with_store(Arc::clone(self.inner.memory.limits.get_or_init(Arc::default)), algorithm),
        }
    }

    /// A layer that limits requests by the client's address.
    ///
    /// Layers share their counts unless they have a
    /// [prefix](crate::ratelimit::RateLimitLayer::with_prefix) of their own.
    #[cfg(feature = "ratelimit")]
    pub fn rate_limit(&self, algorithm: impl Into<crate::ratelimit::Algorithm>) -> crate::ratelimit::RateLimitLayer {
        crate::ratelimit::RateLimitLayer::new(self.ratelimit(algorithm)).with_key(self.inner.client_ip.clone())
    }

    /// A layer that gives each request its session. One layer and its clones, so that one inside another is no second
    /// session.
    #[cfg(feature = "session")]
    pub fn sessions(&self) -> crate::session::SessionLayer {
        use crate::session::{MemoryStore, RedisStore, SessionLayer};
        let layer = self.inner.sessions.get_or_init(|| {
            let keys = self.inner.session_keys.clone();
            match &self.inner.session_redis {
                Some(redis) => {
                    let store = RedisStore::new(redis.clone()).with_prefix(format!("{}:session", self.inner.namespace));
                    SessionLayer::new(store, keys)
                }
                None => SessionLayer::new(MemoryStore::new(), keys),
            }
        });
        layer.clone()
    }

    /// A layer that stores responses for `ttl`, or for as long as they say themselves.
    #[cfg(feature = "response-cache")]
    pub fn response_cache(&self, ttl: std::time::Duration) -> crate::response_cache::ResponseCacheLayer {
        use crate::response_cache::{RedisStore, ResponseCacheLayer};
        // One layer and its clones: they know of each other's requests and changes.
        let layer = self.inner.cache.get_or_init(|| {
            let layer = match &self.inner.redis {
                Some(redis) => ResponseCacheLayer::new(RedisStore::new(redis.clone())),
                None => ResponseCacheLayer::memory(),
            };
            layer.with_prefix(&format!("{}:cache", self.inner.namespace))
        });
        layer.clone().with_ttl(ttl)
    }

    /// The QStash client. Where QStash is not configured, each of its calls fails with what has to be set.
    #[must_use]
    #[cfg(feature = "qstash")]
    pub fn qstash(&self) -> QStashClient {
        self.inner.qstash.clone()
    }

    /// What verifies QStash's webhooks. Where its keys are not configured, it refuses every webhook with a 500.
    #[cfg(feature = "qstash")]
    pub fn receiver(&self) -> Receiver {
        self.inner.receiver.clone()
    }

    #[cfg(feature = "client-ip")]
    pub(super) fn client_ip(&self) -> ClientIpSource {
        self.inner.client_ip.clone()
    }
}

impl fmt::Debug for Upstash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Upstash");
        #[cfg(feature = "redis")]
        f.field("redis", &self.inner.redis);
        #[cfg(feature = "qstash")]
        f.field("qstash", &self.inner.qstash).field("receiver", &self.inner.receiver);
        f.finish_non_exhaustive()
    }
}
