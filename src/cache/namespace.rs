use super::{
    codec::{Codec, JsonCodec},
    event::CacheEvent,
    settings::Settings,
    shared::Shared,
    store::{CacheStore, RedisCacheStore},
};
use crate::{Clock, background::Background, redis::Redis};
use serde::{Serialize, de::DeserializeOwned};
use std::{any::Any, fmt, marker::PhantomData, sync::Arc, time::Duration};

/// Values that memory holds.
const CAPACITY: usize = 10_000;

/// The values of one namespace, by their keys.
///
/// It comes from [`Upstash::cache`](crate::Upstash::cache). Clones, and all caches of one name, share values and
/// computations; settings are those of a clone.
///
/// See the [module docs](crate::cache) for an example, and for what each call costs.
pub struct Cache<K: ?Sized, V> {
    pub(super) shared: Arc<Shared<V>>,
    pub(super) settings: Settings<V>,
    key: PhantomData<fn(&K)>,
}

impl<K: ?Sized, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// A namespace in the memory of this process alone, up to 10,000 values.
    #[must_use]
    pub fn memory(namespace: impl AsRef<str>) -> Self {
        Self::over(namespace.as_ref(), CAPACITY, None)
    }

    /// A namespace in memory for so many values. Those that are used least make room.
    #[must_use]
    pub fn memory_of(namespace: impl AsRef<str>, values: usize) -> Self {
        Self::over(namespace.as_ref(), values.max(1), None)
    }

    /// A namespace in Redis, under keys that begin with `{<prefix>:<namespace>}`, as JSON. Memory holds values for up to
    /// a second.
    #[must_use]
    pub fn new(redis: Redis, prefix: impl AsRef<str>, namespace: impl AsRef<str>) -> Self
    where
        V: Serialize + DeserializeOwned,
    {
        let namespace = namespace.as_ref();
        Self::with_store(namespace, RedisCacheStore::new(redis, prefix, namespace))
    }

    /// A namespace in a store of its own, as JSON. Memory holds values for up to a second.
    #[must_use]
    pub fn with_store(namespace: impl AsRef<str>, store: impl CacheStore) -> Self
    where
        V: Serialize + DeserializeOwned,
    {
        Self::over(namespace.as_ref(), CAPACITY, Some(Arc::new(store))).with_codec(JsonCodec)
    }

    fn over(namespace: &str, capacity: usize, store: Option<Arc<dyn CacheStore>>) -> Self {
        let shared = Arc::new(Shared::new(capacity, store));
        Self { shared, settings: Settings::new(namespace), key: PhantomData }
    }

    /// The cache without its types, for a list of namespaces.
    pub(crate) fn into_any(self) -> Arc<dyn Any + Send + Sync>
    where
        K: 'static,
    {
        Arc::new(self)
    }

    /// Sets how long values are fresh (1 min), unless their computation says otherwise.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.settings.ttl = ttl;
        self
    }

    /// Sets how long a value is fresh by the value itself; `None` is the time of the namespace.
    #[must_use]
    pub fn with_ttl_of(mut self, ttl_of: impl Fn(&V) -> Option<Duration> + Send + Sync + 'static) -> Self {
        self.settings.ttl_of = Some(Arc::new(ttl_of));
        self
    }

    /// Sets by which part the life of a value is shorter at the most (0.1), so that values that were computed together are
    /// not over together.
    #[must_use]
    pub fn with_jitter(mut self, part: f64) -> Self {
        self.settings.jitter = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
        self
    }

    /// Serves a value for so long after it was fresh, while it is computed anew in the background (not at all).
    ///
    /// [RFC 5861](https://www.rfc-editor.org/rfc/rfc5861), section 3.
    #[must_use]
    pub fn with_stale_while_revalidate(mut self, time: Duration) -> Self {
        self.settings.stale_while_revalidate = time;
        self
    }

    /// Serves a value for so long after it was fresh if its computation fails (not at all). For a
    /// [pause](Self::with_error_pause) it is not computed again.
    ///
    /// [RFC 5861](https://www.rfc-editor.org/rfc/rfc5861), section 4.
    #[must_use]
    pub fn with_stale_if_error(mut self, time: Duration) -> Self {
        self.settings.stale_if_error = time;
        self
    }

    /// Sets the pause after a failure in which a stale value is served without another computation (1 s).
    #[must_use]
    pub fn with_error_pause(mut self, pause: Duration) -> Self {
        self.settings.error_pause = pause;
        self
    }

    /// Computes a value anew in the background when this part of its life is over and it is asked for (never).
    #[must_use]
    pub fn with_eager_refresh(mut self, part: f64) -> Self {
        self.settings.eager = part.is_finite().then(|| part.clamp(0.0, 1.0));
        self
    }

    /// Serves a stale value, if there is one of any kind, when a computation takes longer than this. The computation goes on.
    #[must_use]
    pub fn with_soft_timeout(mut self, timeout: Duration) -> Self {
        self.settings.soft_timeout = Some(timeout);
        self
    }

    /// Ends a computation that takes longer (30 s), and the wait for one of another process.
    #[must_use]
    pub fn with_hard_timeout(mut self, timeout: Duration) -> Self {
        self.settings.hard_timeout = timeout;
        self
    }

    /// Sets for how long memory holds a value of Redis (1 s): so late may an invalidation by another process be seen. Without
    /// Redis values stay for all of their lives.
    #[must_use]
    pub fn with_memory_ttl(mut self, ttl: Duration) -> Self {
        self.settings.memory_ttl = ttl;
        self
    }

    /// Tells other processes of the values that this one sets, removes or invalidates, and hears of theirs at once, over a
    /// channel of Redis (not at all).
    ///
    /// All processes of the namespace need it. While the channel is open, memory holds values for `memory_ttl`. When it is
    /// lost, they are looked up again, and stay for [their usual time](Self::with_memory_ttl) until it is open again. A
    /// connection that dies unnoticed is [found](crate::redis::Subscription) by its silence; `memory_ttl` is the bound.
    ///
    /// Each change is one more billed command. On Workers nothing is heard; on hosts that freeze a process, do without it.
    #[must_use]
    pub fn with_channel(mut self, memory_ttl: Duration) -> Self {
        self.settings.channel_ttl = Some(memory_ttl);
        self
    }

    /// Sets the longest life of a value (30 days), stale times included. Invalidations are remembered for so long.
    #[must_use]
    pub fn with_max_life(mut self, life: Duration) -> Self {
        self.settings.max_life = life;
        self
    }

    /// Sets how long a call of Redis may take (1 s). Redis that fails is a miss, and values are computed.
    #[must_use]
    pub fn with_store_timeout(mut self, timeout: Duration) -> Self {
        self.settings.store_timeout = timeout;
        self
    }

    /// Sets how long other processes wait for one that computes a value and has died (5 s, at least 100 ms).
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease.max(Duration::from_millis(100));
        self
    }

    /// Sets the form of values in Redis.
    #[must_use]
    pub fn with_codec(mut self, codec: impl Codec<V> + 'static) -> Self {
        self.settings.codec = Some(Arc::new(codec));
        self
    }

    /// Compresses a value in Redis that is longer than so many bytes (1,024), if that makes it shorter; `usize::MAX` is never.
    /// DEFLATE, at its quickest level.
    #[must_use]
    pub fn with_compression_above(mut self, bytes: usize) -> Self {
        self.settings.compression_above = bytes;
        self
    }

    /// Sets the version of values (0). Values of another version are misses: count it up when their type changes.
    #[must_use]
    pub fn with_version(mut self, version: u32) -> Self {
        self.settings.version = version;
        self
    }

    /// Calls `observer` with the name of the namespace and each [event](CacheEvent).
    #[must_use]
    pub fn with_observer(mut self, observer: impl Fn(&str, CacheEvent) + Send + Sync + 'static) -> Self {
        self.settings.observer = Some(Arc::new(observer));
        self
    }

    /// Reads the time of this process from `clock`. Redis has its own.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Runs computations on this executor.
    #[must_use]
    pub fn with_background(mut self, background: Background) -> Self {
        self.settings.background = background;
        self
    }
}

impl<K: ?Sized, T: Clone + Send + Sync + 'static> Cache<K, Option<T>> {
    /// Sets how long it is known that there is no value (as long as a value is fresh).
    #[must_use]
    pub fn with_none_ttl(self, ttl: Duration) -> Self {
        self.with_ttl_of(move |value| value.is_none().then_some(ttl))
    }
}

impl<K: ?Sized, V> Clone for Cache<K, V> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), settings: self.settings.clone(), key: PhantomData }
    }
}

impl<K: ?Sized, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("settings", &self.settings).field("shared", &self.shared).finish()
    }
}
