#[cfg(feature = "client-ip")]
use crate::client_ip::ClientIpSource;
use crate::env;
#[cfg(feature = "qstash")]
use crate::qstash::{QStashClient, Receiver};
#[cfg(feature = "redis")]
use crate::redis::Redis;
use std::{fmt, sync::Arc};

/// Every client and every layer of the application, and the state of its router. Cloning is cheap.
///
/// ```
/// use axum::{Router, extract::State, routing::get};
/// use axum_upstash::{Upstash, ratelimit::SlidingWindow, redis::Redis, session::Session};
/// use std::time::Duration;
///
/// async fn handler(State(redis): State<Redis>, session: Session) {}
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let upstash = Upstash::builder().or_memory().build()?; // Upstash::from_env()? in an application
/// assert!(upstash.is_memory());
/// let app: Router = Router::new()
///     .route("/", get(handler))
///     .layer(upstash.session_layer())
///     .layer(upstash.rate_limit_layer("all", SlidingWindow::new(100, Duration::from_secs(60))))
///     .with_state(upstash);
/// # Ok(())
/// # }
/// ```
///
/// # In a state of your own
/// Extractors find their clients in the router's state, and so does `State<Redis>`. A state of your own that contains an
/// `Upstash` says so by one [`FromRef`](axum_core::extract::FromRef), which serves every extractor of this crate:
///
/// ```
/// use axum::{Router, extract::{FromRef, State}, routing::get};
/// use axum_upstash::{Upstash, client_ip::ClientIp, redis::Redis};
///
/// #[derive(Clone)]
/// struct App {
///     upstash: Upstash,
/// }
///
/// impl FromRef<App> for Upstash {
///     fn from_ref(app: &App) -> Self {
///         app.upstash.clone()
///     }
/// }
///
/// async fn handler(State(redis): State<Redis>, ClientIp(ip): ClientIp) {}
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let app: Router = Router::new().route("/", get(handler)).with_state(App { upstash });
/// # Ok(())
/// # }
/// ```
///
/// A `#[derive(FromRef)]` on `App` writes this one as well. A client of this crate that is a field beside the `Upstash`
/// is left out of it by `#[from_ref(skip)]`. A state without an `Upstash` implements `FromRef` for the clients it has.
///
/// # Products that are not configured
/// The layers stand on Redis, so [`from_env`](Self::from_env) requires its variables. With
/// [`from_env_or_memory`](Self::from_env_or_memory) the layers keep everything in the memory of the process if Redis is
/// not configured. Any other product that is not configured returns an error on use, which names the missing variables.
#[derive(Clone)]
pub struct Upstash {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    /// `None` if memory takes its place.
    #[cfg(feature = "redis")]
    pub(super) redis: Option<Redis>,
    /// The variable of its address.
    #[cfg(feature = "redis")]
    pub(super) redis_name: &'static str,
    /// The same client as `redis` if sessions have no database of their own.
    #[cfg(feature = "session")]
    pub(super) session_redis: Option<Redis>,
    #[cfg(feature = "session")]
    pub(super) session_keys: crate::session::KeyRing,
    #[cfg(feature = "qstash")]
    pub(super) qstash: QStashClient,
    /// The variable of its address.
    #[cfg(feature = "qstash")]
    pub(super) qstash_name: &'static str,
    #[cfg(feature = "qstash")]
    pub(super) receiver: Receiver,
    /// The receiver with the replay guard, if it should have one.
    #[cfg(feature = "qstash")]
    pub(super) guarded_receiver: Option<std::sync::OnceLock<Receiver>>,
    #[cfg(feature = "vector")]
    pub(super) vector: crate::vector::Index,
    #[cfg(feature = "kafka")]
    pub(super) kafka: crate::kafka::Kafka,
    pub(super) background: crate::background::Background,
    #[cfg(feature = "client-ip")]
    pub(super) client_ip: ClientIpSource,
    pub(super) namespace: String,
    #[cfg(feature = "qstash")]
    pub(super) qstash_guards: std::sync::OnceLock<(crate::qstash::IdempotencyGuard, crate::qstash::ReplayGuard)>,
    #[cfg(feature = "ratelimit")]
    pub(super) limiter: std::sync::OnceLock<crate::ratelimit::Ratelimit>,
    #[cfg(feature = "session")]
    pub(super) sessions: std::sync::OnceLock<crate::session::SessionLayer>,
    /// Caches by name, each with its types.
    #[cfg(feature = "cache")]
    pub(super) caches:
        std::sync::Mutex<std::collections::HashMap<(String, std::any::TypeId), Arc<dyn std::any::Any + Send + Sync>>>,
    #[cfg(feature = "response-cache")]
    pub(super) cache: std::sync::OnceLock<crate::response_cache::ResponseCacheLayer>,
}

impl Upstash {
    pub(super) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Whether limits and cached responses are kept in the memory of this process. So are sessions, if no database is
    /// set for them alone.
    #[must_use]
    #[cfg(feature = "redis")]
    pub fn is_memory(&self) -> bool {
        self.inner.redis.is_none()
    }

    /// The Redis client. If Redis is not configured, each call fails with the names of the missing variables.
    #[must_use]
    #[cfg(feature = "redis")]
    pub fn redis(&self) -> Redis {
        self.inner.redis.clone().unwrap_or_else(|| {
            Redis::not_configured(format!("{} and {} are not set", env::REDIS_URL.name, env::REDIS_TOKEN.name))
        })
    }

    /// The executor of all work that no request waits for. Its [`layer`](crate::background::Background::layer) lets responses
    /// wait for it.
    pub fn background(&self) -> crate::background::Background {
        self.inner.background.clone()
    }

    /// A limiter that counts in Redis, or in memory.
    ///
    /// All limiters of an `Upstash` count in one store, so they can be [checked together](crate::ratelimit::Ratelimit::limit_all).
    /// Their keys begin with `<namespace>:limiter`, unless [`with_prefix`](crate::ratelimit::Ratelimit::with_prefix) is set.
    /// To share a limit with `@upstash/ratelimit`, set its prefix:
    ///
    /// ```
    /// use axum_upstash::{Upstash, ratelimit::SlidingWindow};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let upstash = Upstash::builder().or_memory().build()?;
    /// let limiter = upstash
    ///     .ratelimit(SlidingWindow::new(10, Duration::from_secs(10)))
    ///     .with_prefix("@upstash/ratelimit");
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "ratelimit")]
    pub fn ratelimit(&self, algorithm: impl Into<crate::ratelimit::Algorithm>) -> crate::ratelimit::Ratelimit {
        use crate::ratelimit::Ratelimit;
        let algorithm = algorithm.into();
        let limiter = self.inner.limiter.get_or_init(|| {
            let limiter = match &self.inner.redis {
                Some(redis) => Ratelimit::new(redis.clone(), algorithm),
                None => Ratelimit::memory(algorithm),
            };
            limiter.with_namespace(&self.inner.namespace).with_background(self.background())
        });
        limiter.clone().with_algorithm(algorithm)
    }

    /// A layer that limits requests by the client's address, under a name of its own.
    ///
    /// The name is the policy's name in the `RateLimit` fields. Keys begin with `<namespace>:ratelimit:<name>`, so two
    /// layers share a count only if they have one name.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use axum_upstash::{Upstash, ratelimit::SlidingWindow};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let upstash = Upstash::builder().or_memory().build()?;
    /// let app: Router = Router::new()
    ///     .route("/", get(|| async { "hello" }))
    ///     .layer(upstash.rate_limit_layer("all", SlidingWindow::new(100, Duration::from_secs(60))));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "ratelimit")]
    pub fn rate_limit_layer(
        &self,
        name: impl AsRef<str>,
        algorithm: impl Into<crate::ratelimit::Algorithm>,
    ) -> crate::ratelimit::RateLimitLayer {
        let layer = crate::ratelimit::RateLimitLayer::new(name, self.ratelimit(algorithm));
        layer.with_key_from(self.inner.client_ip.clone())
    }

    /// A layer that gives each request its session. All calls return clones of one layer, so that a layer inside another
    /// one is no second session.
    #[cfg(feature = "session")]
    pub fn session_layer(&self) -> crate::session::SessionLayer {
        use crate::session::{
            SessionLayer,
            store::{MemorySessionStore, RedisSessionStore},
        };
        let layer = self.inner.sessions.get_or_init(|| {
            let keys = self.inner.session_keys.clone();
            let layer = match &self.inner.session_redis {
                Some(redis) => {
                    let prefix = format!("{}:session", self.inner.namespace);
                    SessionLayer::new(RedisSessionStore::new(redis.clone()).with_prefix(prefix), keys)
                }
                None => SessionLayer::new(MemorySessionStore::new(), keys),
            };
            layer.with_background(self.background())
        });
        layer.clone()
    }

    /// The index of users' sessions, which lists and ends them.
    #[must_use]
    #[cfg(feature = "session")]
    pub fn user_sessions(&self) -> crate::session::UserSessions {
        self.session_layer().user_sessions()
    }

    /// A layer that stores responses for `ttl`, or for as long as they say themselves.
    ///
    /// All calls return clones of one layer, which know of each other's requests and changes.
    #[cfg(feature = "response-cache")]
    pub fn response_cache_layer(&self, ttl: std::time::Duration) -> crate::response_cache::ResponseCacheLayer {
        use crate::response_cache::{ResponseCacheLayer, store::RedisResponseStore};
        let layer = self.inner.cache.get_or_init(|| {
            let layer = match &self.inner.redis {
                Some(redis) => ResponseCacheLayer::new(RedisResponseStore::new(redis.clone())),
                None => ResponseCacheLayer::memory(),
            };
            layer.with_prefix(format!("{}:cache", self.inner.namespace)).with_background(self.background())
        });
        layer.clone().with_ttl(ttl)
    }

    /// A typed cache under a name: in Redis and memory, or in memory alone.
    ///
    /// All calls with one name and the same types return clones of one cache, which share values and computations. Keys
    /// begin with `{<namespace>:data:<name>}`.
    #[cfg(feature = "cache")]
    #[must_use]
    pub fn cache<K, V>(&self, name: impl AsRef<str>) -> crate::cache::Cache<K, V>
    where
        K: crate::cache::CacheKey + ?Sized + 'static,
        V: serde::Serialize + serde::de::DeserializeOwned + Clone + Send + Sync + 'static,
    {
        use crate::cache::Cache;
        let name = name.as_ref();
        let types = std::any::TypeId::of::<Cache<K, V>>();
        let mut caches = self.inner.caches.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = caches.get(&(name.to_owned(), types)).and_then(|known| known.downcast_ref::<Cache<K, V>>());
        if let Some(known) = known {
            return known.clone();
        }
        let cache = match &self.inner.redis {
            Some(redis) => Cache::new(redis.clone(), format!("{}:data", self.inner.namespace), name),
            None => Cache::memory(name),
        };
        let cache = cache.with_background(self.background());
        caches.insert((name.to_owned(), types), cache.clone().into_any());
        cache
    }

    /// The QStash client. If QStash is not configured, each call fails with the names of the missing variables.
    #[must_use]
    #[cfg(feature = "qstash")]
    pub fn qstash(&self) -> QStashClient {
        self.inner.qstash.clone()
    }

    /// The client of workflows, which stands on that of QStash.
    #[must_use]
    #[cfg(feature = "workflow")]
    pub fn workflow(&self) -> crate::workflow::WorkflowClient {
        crate::workflow::WorkflowClient::new(self.qstash())
    }

    /// The index of Vector; [`typed`](crate::vector::Index::typed) gives it metadata of a type of yours. If it is not configured, each call fails with the names of the
    /// missing variables.
    ///
    /// ```
    /// use axum_upstash::{Upstash, vector::Index};
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Article {
    ///     title: String,
    /// }
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let upstash = Upstash::builder().or_memory().build()?;
    /// let articles: Index<Article> = upstash.vector().typed();
    /// # drop(articles);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    #[cfg(feature = "vector")]
    pub fn vector(&self) -> crate::vector::Index {
        self.inner.vector.clone()
    }

    /// The client of Kafka over REST. If it is not configured, each call fails with the names of the missing variables.
    #[must_use]
    #[cfg(feature = "kafka")]
    pub fn kafka(&self) -> crate::kafka::Kafka {
        self.inner.kafka.clone()
    }

    /// The receiver that verifies QStash's webhooks. If its keys are not configured, it refuses every webhook with a
    /// 500.
    #[cfg(feature = "qstash")]
    pub fn receiver(&self) -> Receiver {
        let receiver = &self.inner.receiver;
        match &self.inner.guarded_receiver {
            // One receiver for all, so that an extractor knows the layer's.
            Some(guarded) => guarded.get_or_init(|| receiver.clone().with_replay_guard(self.replay_guard())).clone(),
            None => receiver.clone(),
        }
    }

    /// A layer that verifies QStash's webhooks with the [receiver](Self::receiver), and hands them on.
    ///
    /// ```
    /// use axum::{Router, body::Bytes, routing::post};
    /// use axum_upstash::Upstash;
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let upstash = Upstash::builder().or_memory().build()?;
    /// let app: Router = Router::new()
    ///     .route("/webhooks/receipt", post(async |receipt: Bytes| println!("{receipt:?}")))
    ///     .layer(upstash.qstash_layer().with_idempotency_guard(upstash.idempotency_guard()));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "qstash")]
    pub fn qstash_layer(&self) -> crate::qstash::QStashLayer {
        crate::qstash::QStashLayer::new(self.receiver())
    }

    /// The guard that handles each message of QStash once. It keeps them in Redis, or in memory. All calls return clones of
    /// one guard. Its keys begin with `<namespace>:qstash`.
    #[cfg(feature = "qstash")]
    pub fn idempotency_guard(&self) -> crate::qstash::IdempotencyGuard {
        self.qstash_guards().0.clone()
    }

    /// The guard that accepts each signature of QStash once, for a [receiver](Receiver::with_replay_guard) of your own. The
    /// state's has it with [`qstash_replay_guard`](crate::UpstashBuilder::qstash_replay_guard). It keeps them in Redis, or in
    /// memory. All calls return clones of one guard. Its keys begin with `<namespace>:qstash`.
    #[cfg(feature = "qstash")]
    pub fn replay_guard(&self) -> crate::qstash::ReplayGuard {
        self.qstash_guards().1.clone()
    }

    #[cfg(feature = "qstash")]
    fn qstash_guards(&self) -> &(crate::qstash::IdempotencyGuard, crate::qstash::ReplayGuard) {
        use crate::qstash::{IdempotencyGuard, ReplayGuard};
        self.inner.qstash_guards.get_or_init(|| {
            #[cfg(feature = "redis")]
            let (idempotency, replay) = match &self.inner.redis {
                Some(redis) => (IdempotencyGuard::new(redis.clone()), ReplayGuard::new(redis.clone())),
                None => (IdempotencyGuard::memory(), ReplayGuard::memory()),
            };
            #[cfg(not(feature = "redis"))]
            let (idempotency, replay) = (IdempotencyGuard::memory(), ReplayGuard::memory());
            let prefix = format!("{}:qstash", self.inner.namespace);
            let background = self.background();
            (
                idempotency.with_prefix(prefix.clone()).with_background(background.clone()),
                replay.with_prefix(prefix).with_background(background),
            )
        })
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
        #[cfg(feature = "vector")]
        f.field("vector", &self.inner.vector);
        #[cfg(feature = "kafka")]
        f.field("kafka", &self.inner.kafka);
        f.finish_non_exhaustive()
    }
}
