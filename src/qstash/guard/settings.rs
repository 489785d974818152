use super::{
    GuardFailure,
    store::{Entry, Store},
};
#[cfg(feature = "redis")]
use crate::redis::Redis;
use crate::{CircuitBreaker, Clock, Error, background::Background};
use std::{future::Future, sync::Arc, time::Duration};

/// The store's name in the log.
const STORE: &str = "store of deliveries";

/// The store of a guard, and how it is asked.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    store: Arc<Store>,
    breaker: CircuitBreaker,
    pub(super) prefix: Arc<str>,
    pub(super) timeout: Duration,
    pub(super) failure: GuardFailure,
    pub(super) clock: Clock,
    pub(super) background: Background,
}

impl Settings {
    #[cfg(feature = "redis")]
    pub(super) fn redis(redis: Redis) -> Self {
        Self { breaker: redis.breaker(), ..Self::with_store(Store::Redis(redis)) }
    }

    pub(super) fn memory() -> Self {
        Self::with_store(Store::memory())
    }

    fn with_store(store: Store) -> Self {
        Self {
            store: Arc::new(store),
            breaker: CircuitBreaker::new(),
            prefix: "axum-upstash:qstash".into(),
            timeout: Duration::from_secs(1),
            failure: GuardFailure::default(),
            clock: Clock::system(),
            background: Background::new(),
        }
    }

    /// Puts the value if the key has none, and returns the value of another.
    pub(super) async fn put_first(&self, key: &str, value: &str, ttl: Duration) -> Result<Option<String>, Error> {
        self.call(self.store.put_first(self.entry(key, value, ttl))).await
    }

    pub(super) async fn put(&self, key: &str, value: &str, ttl: Duration) -> Result<(), Error> {
        self.call(self.store.put(self.entry(key, value, ttl))).await
    }

    /// Forgets the key if it has this value.
    pub(super) async fn remove(&self, key: &str, value: &str) -> Result<(), Error> {
        self.call(self.store.remove(self.entry(key, value, Duration::ZERO))).await
    }

    /// The same at once, if the store is memory; otherwise `false`.
    pub(super) fn remove_now(&self, key: &str, value: &str) -> bool {
        self.store.remove_now(self.entry(key, value, Duration::ZERO))
    }

    fn entry<'a>(&self, key: &'a str, value: &'a str, ttl: Duration) -> Entry<'a> {
        Entry { key, value, ttl, now_ms: self.clock.now_ms() }
    }

    async fn call<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.breaker.call(STORE, self.timeout, call).await
    }
}

/// The keys that guards have let the request pass with. A layer inside another one, or an extractor behind it, does not
/// ask again: it would refuse the request for its own entry.
#[derive(Debug, Clone, Default)]
pub(in crate::qstash) struct Passed(Vec<Arc<str>>);

impl Passed {
    /// Notes a key, and says whether it is new.
    pub(super) fn is_first(&mut self, key: &Arc<str>) -> bool {
        let is_first = !self.0.contains(key);
        if is_first {
            self.0.push(Arc::clone(key));
        }
        is_first
    }
}

/// The setters of a guard that has its [`Settings`] in a field `settings`.
macro_rules! guard_setters {
    () => {
        /// Sets what the keys begin with (`axum-upstash:qstash`).
        pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
            self.settings.prefix = prefix.into().into();
            self
        }

        /// Sets how long the store may take (1 s).
        pub fn with_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.settings.timeout = timeout;
            self
        }

        /// Sets the policy for a store that does not answer ([`GuardFailure::Retry`]).
        pub fn with_failure(mut self, policy: GuardFailure) -> Self {
            self.settings.failure = policy;
            self
        }

        /// Sets the executor that finishes the calls of requests that were given up.
        pub fn with_background(mut self, background: crate::background::Background) -> Self {
            self.settings.background = background;
            self
        }

        /// Reads the time from another clock.
        pub fn with_clock(mut self, clock: crate::Clock) -> Self {
            self.settings.clock = clock;
            self
        }
    };
}
pub(super) use guard_setters;
