use super::{
    Algorithm, AllowList, Analytics, BlockCache, DenyList, OutagePolicy,
    store::{Check, DynamicLimits, Leases, LocalCounter, MemoryRateLimitStore, RateLimitStore, RedisRateLimitStore},
};
use crate::{CircuitBreaker, Clock, background::Background, redis::Redis};
use std::{fmt, sync::Arc, time::Duration};

/// The default namespace of the keys.
const NAMESPACE: &str = "axum-upstash";

/// A rate limiter: an algorithm, and a store to count in.
///
/// Cloning is cheap, and clones count together. See the [module](crate::ratelimit) for an example.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::SlidingWindow};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let limiter = upstash.ratelimit(SlidingWindow::new(1, Duration::from_secs(60))).with_prefix("mails");
/// assert!(limiter.limit("user:7").await?.allowed);
/// assert!(!limiter.limit("user:7").await?.allowed);
/// assert!(limiter.limit("user:8").await?.allowed);
/// # Ok(())
/// # }
/// ```
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
    /// The mistake in the algorithm's settings, if there is one.
    pub(super) problem: Option<&'static str>,
    namespace: Arc<str>,
    pub(super) prefix: Arc<str>,
    /// Whether the application has set the prefix.
    has_own_prefix: bool,
    pub(super) timeout: Duration,
    pub(super) timeout_policy: OutagePolicy,
    pub(super) error_policy: OutagePolicy,
    pub(super) fallback: Arc<MemoryRateLimitStore>,
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
        Self::with_store(RedisRateLimitStore::new(redis), algorithm)
    }

    /// Counts in the memory of this process.
    pub fn memory(algorithm: impl Into<Algorithm>) -> Self {
        Self::with_store(MemoryRateLimitStore::new(), algorithm)
    }

    /// Counts in a store of yours.
    pub fn with_store(store: impl RateLimitStore, algorithm: impl Into<Algorithm>) -> Self {
        let blocks = (!store.is_local()).then(BlockCache::default);
        let algorithm = algorithm.into();
        let settings = Settings {
            breaker: store.breaker().unwrap_or_default(),
            store: Arc::new(store),
            problem: algorithm.problem(),
            algorithm,
            namespace: NAMESPACE.into(),
            prefix: default_prefix(NAMESPACE),
            has_own_prefix: false,
            timeout: Duration::from_secs(1),
            timeout_policy: OutagePolicy::default(),
            error_policy: OutagePolicy::default(),
            fallback: Arc::new(MemoryRateLimitStore::new()),
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
        self.with(|settings| {
            settings.algorithm = algorithm.into();
            settings.problem = settings.algorithm.problem();
        })
    }

    /// Sets the prefix of the keys. Limiters with the same prefix and store share their counts.
    ///
    /// A key is `<prefix>:<identifier>`, as in `@upstash/ratelimit`, so two names can run into each other: if clients choose
    /// their identifiers, no prefix may be another one with a colon and more behind it (`api` and `api:v2`), and windows and
    /// buckets need prefixes of their own (window 7 of `user` is the key of the bucket of `user:7`).
    pub fn with_prefix(self, prefix: impl Into<String>) -> Self {
        self.with(|settings| {
            settings.prefix = prefix.into().into();
            settings.has_own_prefix = true;
        })
    }

    /// Sets the namespace of the default prefix.
    pub(crate) fn with_namespace(self, namespace: &str) -> Self {
        self.with(|settings| {
            settings.namespace = namespace.into();
            if !settings.has_own_prefix {
                settings.prefix = default_prefix(namespace);
            }
        })
    }

    /// Counts under the name of a rule, unless the application has set a prefix.
    pub(super) fn named(self, name: &str) -> Self {
        if self.settings.has_own_prefix {
            return self;
        }
        self.with(|settings| {
            // A colon in the name would make it look like an identifier under a shorter name.
            let name = name.replace('%', "%25").replace(':', "%3A");
            settings.prefix = [&*settings.namespace, ":ratelimit:", &name].concat().into();
        })
    }

    /// Sets how long the store may take before the request is decided without it (1 s).
    ///
    /// Longer than the Redis client's own deadline (10 s), decisions do not share their requests with other commands.
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = timeout)
    }

    /// Sets the policy for timeouts and for errors of the store ([`OutagePolicy::Memory`]).
    pub fn with_outage_policy(self, policy: OutagePolicy) -> Self {
        self.with_timeout_policy(policy).with_error_policy(policy)
    }

    /// Sets the policy for requests that the store did not answer in time.
    pub fn with_timeout_policy(self, policy: OutagePolicy) -> Self {
        self.with(|settings| settings.timeout_policy = policy)
    }

    /// Sets the policy for requests that the store answered with an error, or that could not reach it.
    pub fn with_error_policy(self, policy: OutagePolicy) -> Self {
        self.with(|settings| settings.error_policy = policy)
    }

    /// Sets the store that counts in an outage ([`OutagePolicy::Memory`]) (100 000 clients).
    ///
    /// ```
    /// use axum_upstash::ratelimit::{FixedWindow, Ratelimit, store::MemoryRateLimitStore};
    /// use std::time::Duration;
    ///
    /// let limiter = Ratelimit::memory(FixedWindow::new(10, Duration::from_secs(60)));
    /// let limiter = limiter.with_fallback(MemoryRateLimitStore::with_capacity(1_000_000));
    /// ```
    pub fn with_fallback(self, store: MemoryRateLimitStore) -> Self {
        self.with(|settings| settings.fallback = Arc::new(store))
    }

    /// Sets the cache of clients that have nothing left (10 000 clients), or `None`. Without one every request goes to
    /// the store. Limiters that count in memory have none.
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

    /// Sets the executor of work that no request waits for.
    pub fn with_background(self, background: Background) -> Self {
        self.with(|settings| settings.background = background)
    }

    /// Takes `permits` at a time from the store and spends them in memory. Use it for routes on which a round trip for
    /// each request is too expensive. [`Leases`] says how that affects the precision.
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

    /// The name of the place in which it counts. Two kinds of identifiers must not meet in one.
    pub(super) fn counter_location(&self) -> (u64, &str) {
        (self.settings.algorithm.namespace(), &self.settings.prefix)
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.settings.clock.now_ms()
    }
}

/// The prefix of a limiter that is no rule of a layer.
fn default_prefix(namespace: &str) -> Arc<str> {
    [namespace, ":limiter"].concat().into()
}

impl fmt::Debug for Ratelimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.settings;
        f.debug_struct("Ratelimit")
            .field("store", &settings.store)
            .field("algorithm", &settings.algorithm)
            .field("prefix", &settings.prefix)
            .field("timeout", &settings.timeout)
            .field("timeout_policy", &settings.timeout_policy)
            .field("error_policy", &settings.error_policy)
            .finish_non_exhaustive()
    }
}
