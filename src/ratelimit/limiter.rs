use super::{
    Algorithm, AllowList, Analytics, Background, BlockCache, Check, DenyList, DynamicLimits, Leases, LocalCounter,
    MemoryStore, OnOutage, RateLimitStore, RedisStore,
};
use crate::{CircuitBreaker, Clock, Error, redis::Redis};
use std::{fmt, sync::Arc, time::Duration};

/// The default prefix of the keys, that of `@upstash/ratelimit`.
const PREFIX: &str = "@upstash/ratelimit";

/// A rate limiter: an algorithm, and a store to count in.
///
/// Cloning is cheap, and clones count together. See the [module](crate::ratelimit) for an example.
#[derive(Clone)]
#[must_use]
pub struct Ratelimit {
    // One count to raise for each clone, whatever there is to know.
    pub(super) settings: Arc<Settings>,
}

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) store: Arc<dyn RateLimitStore>,
    pub(super) algorithm: Algorithm,
    pub(super) prefix: Arc<str>,
    pub(super) timeout: Duration,
    pub(super) on_timeout: OnOutage,
    pub(super) on_error: OnOutage,
    pub(super) fallback: Arc<MemoryStore>,
    pub(super) breaker: CircuitBreaker,
    pub(super) blocks: Option<BlockCache>,
    pub(super) allow: Option<Arc<AllowList>>,
    pub(super) deny: Option<Arc<DenyList>>,
    pub(super) dynamic: DynamicLimits,
    pub(super) analytics: Option<Analytics>,
    pub(super) background: Background,
    pub(super) clock: Clock,
}

impl Ratelimit {
    /// Counts in Redis.
    pub fn new(redis: Redis, algorithm: impl Into<Algorithm>) -> Self {
        Self::with_store(RedisStore::new(redis), algorithm)
    }

    /// Counts in the memory of this process.
    pub fn memory(algorithm: impl Into<Algorithm>) -> Self {
        Self::with_store(MemoryStore::new(), algorithm)
    }

    /// Counts in a store of yours.
    pub fn with_store(store: impl RateLimitStore, algorithm: impl Into<Algorithm>) -> Self {
        let blocks = (!store.is_local()).then(BlockCache::default);
        let settings = Settings {
            breaker: store.breaker().unwrap_or_default(),
            store: Arc::new(store),
            algorithm: algorithm.into(),
            prefix: PREFIX.into(),
            timeout: Duration::from_secs(1),
            on_timeout: OnOutage::default(),
            on_error: OnOutage::default(),
            fallback: Arc::new(MemoryStore::new()),
            blocks,
            allow: None,
            deny: None,
            dynamic: DynamicLimits::Off,
            analytics: None,
            background: Background::new(),
            clock: Clock::system(),
        };
        Self { settings: Arc::new(settings) }
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// Counts by another algorithm, in the same store. Limiters that are
    /// [checked together](Self::limit_all) are made like this.
    pub fn with_algorithm(self, algorithm: impl Into<Algorithm>) -> Self {
        self.with(|settings| settings.algorithm = algorithm.into())
    }

    /// What the keys begin with. Limiters with the same prefix and store share their counts.
    ///
    /// A key is `<prefix>:<identifier>`, as in `@upstash/ratelimit`, so two names can run into each other: if clients choose
    /// their identifiers, no prefix may be another one with a colon and more behind it (`api` and `api:v2`), and windows and
    /// buckets need prefixes of their own (window 7 of `user` is the key of the bucket of `user:7`).
    pub fn with_prefix(self, prefix: impl AsRef<str>) -> Self {
        self.with(|settings| settings.prefix = prefix.as_ref().into())
    }

    /// How long the store may take (1 s) before the request is decided without it.
    ///
    /// Longer than the Redis client's own deadline (10 s), decisions do not share their requests with other commands.
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = timeout)
    }

    /// What becomes of requests while the store cannot be asked ([`OnOutage::Memory`]), for timeouts and for errors.
    pub fn with_on_outage(self, policy: OnOutage) -> Self {
        self.with_on_timeout(policy).with_on_error(policy)
    }

    /// What becomes of requests that the store did not answer in time.
    pub fn with_on_timeout(self, policy: OnOutage) -> Self {
        self.with(|settings| settings.on_timeout = policy)
    }

    /// What becomes of requests that the store answered with an error, or could not be reached for.
    pub fn with_on_error(self, policy: OnOutage) -> Self {
        self.with(|settings| settings.on_error = policy)
    }

    /// The store that counts in an outage ([`OnOutage::Memory`]): 100 000 clients, if nothing else is said.
    ///
    /// ```
    /// use axum_upstash::ratelimit::{FixedWindow, MemoryStore, Ratelimit};
    /// use std::time::Duration;
    ///
    /// let limiter = Ratelimit::memory(FixedWindow::new(10, Duration::from_secs(60)));
    /// let limiter = limiter.with_fallback(MemoryStore::with_capacity(1_000_000));
    /// ```
    pub fn with_fallback(self, store: MemoryStore) -> Self {
        self.with(|settings| settings.fallback = Arc::new(store))
    }

    /// Where clients that have nothing left are remembered (10 000 of them), or not: `None`. Without one every request
    /// goes to the store. Limiters that count in memory have none.
    pub fn with_block_cache(self, cache: impl Into<Option<BlockCache>>) -> Self {
        self.with(|settings| settings.blocks = cache.into())
    }

    /// Lets limits in the store take the place of the algorithm's. One command more for each decision, at most.
    pub fn with_dynamic_limits(self, dynamic: DynamicLimits) -> Self {
        self.with(|settings| settings.dynamic = dynamic)
    }

    /// Lets pass who is on a list, before anything is counted or denied.
    pub fn with_allow_list(self, list: AllowList) -> Self {
        self.with(|settings| settings.allow = Some(Arc::new(list)))
    }

    /// Refuses who is on a deny list, before anything is counted.
    pub fn with_deny_list(self, list: DenyList) -> Self {
        self.with(|settings| settings.deny = Some(Arc::new(list)))
    }

    /// Records what was decided.
    pub fn with_analytics(self, analytics: Analytics) -> Self {
        self.with(|settings| settings.analytics = Some(analytics))
    }

    /// Where work is done that no request waits for.
    pub fn with_background(self, background: Background) -> Self {
        self.with(|settings| settings.background = background)
    }

    /// Takes `permits` at a time from the store and spends them in memory: see [`Leases`] for what that costs in
    /// precision. For routes where a round trip for each request is too dear.
    pub fn with_leases(self, permits: u32) -> Self {
        self.with(|settings| settings.store = Arc::new(Leases::new(Arc::clone(&settings.store), permits)))
    }

    /// Counts in memory and tells the store afterwards: see [`LocalCounter`] for what that costs in precision.
    /// `cachedFixedWindow` of `@upstash/ratelimit`, without its faults; fixed windows only.
    pub fn with_local_counter(self) -> Self {
        self.with(|settings| settings.store = Arc::new(LocalCounter::new(Arc::clone(&settings.store))))
    }

    /// Reads the time from another clock.
    pub fn with_clock(self, clock: Clock) -> Self {
        self.with(|settings| settings.clock = clock)
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> &Algorithm {
        &self.settings.algorithm
    }

    /// The work that no request waits for: await [`Background::finished`] before the process ends.
    pub fn background(&self) -> &Background {
        &self.settings.background
    }

    pub(super) fn check<'a>(&'a self, identifier: &'a str, cost: i64) -> Check<'a> {
        Check::new(&self.settings.algorithm, &self.settings.prefix, identifier)
            .with_cost(cost)
            .with_dynamic(self.settings.dynamic)
    }

    /// Where it counts, whoever it is: two kinds of identifiers do not go together in one place.
    pub(super) fn place(&self) -> (u64, &str) {
        let name = self.check("", 0).name();
        (name.kind, &self.settings.prefix)
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.settings.clock.now_ms()
    }

    /// The RedisStore behind, where there is one.
    pub(super) fn redis_store(&self) -> Result<&RedisStore, Error> {
        self.settings.store.as_redis().ok_or_else(|| {
            Error::new(crate::ErrorKind::InvalidInput, "shared deny lists need a limiter that counts in Redis")
        })
    }
}

impl fmt::Debug for Ratelimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.settings;
        f.debug_struct("Ratelimit")
            .field("store", &settings.store)
            .field("algorithm", &settings.algorithm)
            .field("prefix", &settings.prefix)
            .field("timeout", &settings.timeout)
            .field("on_timeout", &settings.on_timeout)
            .field("on_error", &settings.on_error)
            .finish_non_exhaustive()
    }
}
