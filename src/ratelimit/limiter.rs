use super::{Algorithm, Basis, Check, Decision, MemoryStore, RateLimitStore, RedisStore, identifier::bounded};
use crate::{Clock, Error, http::timeout, redis::Redis};
use std::{fmt, sync::Arc, time::Duration};

/// The default prefix of the keys, that of `@upstash/ratelimit`.
const PREFIX: &str = "@upstash/ratelimit";

/// A rate limiter: an algorithm, and a store to count in.
///
/// Cloning is cheap, and clones count together. See the [module](crate::ratelimit) for an example.
#[derive(Clone)]
#[must_use]
pub struct Ratelimit {
    store: Arc<dyn RateLimitStore>,
    algorithm: Algorithm,
    prefix: Arc<str>,
    timeout: Duration,
    on_outage: OnOutage,
    fallback: Arc<MemoryStore>,
    clock: Clock,
}

/// What becomes of requests while the store cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnOutage {
    /// They pass.
    Open,
    /// They are refused.
    Closed,
    /// Each process counts for itself, with the same limit.
    #[default]
    Memory,
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
        Self {
            store: Arc::new(store),
            algorithm: algorithm.into(),
            prefix: PREFIX.into(),
            timeout: Duration::from_secs(1),
            on_outage: OnOutage::default(),
            fallback: Arc::new(MemoryStore::new()),
            clock: Clock::system(),
        }
    }

    /// What the keys begin with. Limiters with the same prefix and store share their counts.
    pub fn with_prefix(mut self, prefix: impl AsRef<str>) -> Self {
        self.prefix = prefix.as_ref().into();
        self
    }

    /// How long the store may take (1 s) before the request is decided without it.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What becomes of requests while the store cannot be asked ([`OnOutage::Memory`]).
    pub fn with_on_outage(mut self, policy: OnOutage) -> Self {
        self.on_outage = policy;
        self
    }

    /// Reads the time from another clock.
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> &Algorithm {
        &self.algorithm
    }

    /// Counts one request of `identifier` if it may pass.
    ///
    /// An identifier of more than 256 bytes counts under its hash.
    pub async fn limit(&self, identifier: &str) -> Decision {
        self.limit_cost(identifier, 1).await
    }

    /// Counts a request that weighs as much as `cost` ordinary ones, if it may pass. What is refused counts nothing.
    pub async fn limit_cost(&self, identifier: &str, cost: u32) -> Decision {
        match self.limit_now(identifier, cost) {
            Ok(decision) => decision,
            Err(key) => self.limit_later(&key, cost).await,
        }
    }

    /// What is left for `identifier`, without counting anything.
    pub async fn remaining(&self, identifier: &str) -> Decision {
        self.limit_cost(identifier, 0).await
    }

    /// Forgets what was counted for `identifier`.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    pub async fn reset(&self, identifier: &str) -> Result<(), Error> {
        let key = self.key(identifier);
        let check = self.check(&key, 0);
        self.fallback.reset(check).await?;
        self.store.reset(check).await
    }

    /// The decision where the store need not be waited for; else the key to ask it for.
    pub(super) fn limit_now(&self, identifier: &str, cost: u32) -> Result<Decision, String> {
        let key = self.key(identifier);
        self.decide_now(self.check(&key, cost)).ok_or(key)
    }

    /// The decision of a store that has to be waited for.
    pub(super) async fn limit_later(&self, key: &str, cost: u32) -> Decision {
        let check = self.check(key, cost);
        match timeout(self.timeout, self.store.take(check)).await {
            Ok(Ok(outcome)) => Decision::new(&self.algorithm, outcome, check.now_ms, Basis::Counted),
            Ok(Err(error)) => self.decide_without_store(check, &error),
            Err(_) => {
                let error = Error::new(crate::ErrorKind::Timeout, "the store did not answer in time");
                self.decide_without_store(check, &error)
            }
        }
    }

    fn decide_now(&self, check: Check<'_>) -> Option<Decision> {
        if u64::from(check.cost) > self.algorithm.limit() {
            // No store has to be asked for what can never be.
            return Some(Decision::too_costly(&self.algorithm, check.now_ms));
        }
        let outcome = self.store.take_now(check)?;
        Some(Decision::new(&self.algorithm, outcome, check.now_ms, Basis::Counted))
    }

    fn decide_without_store(&self, check: Check<'_>, error: &Error) -> Decision {
        tracing::warn!(%error, policy = ?self.on_outage, "rate limit store unavailable");
        match self.on_outage {
            OnOutage::Open => Decision::outage(&self.algorithm, true, check.now_ms),
            OnOutage::Closed => Decision::outage(&self.algorithm, false, check.now_ms),
            OnOutage::Memory => match self.fallback.take_now(check) {
                Some(outcome) => Decision::new(&self.algorithm, outcome, check.now_ms, Basis::CountedInMemory),
                None => Decision::outage(&self.algorithm, false, check.now_ms),
            },
        }
    }

    fn key(&self, identifier: &str) -> String {
        let identifier = bounded(identifier);
        let mut key = String::with_capacity(self.prefix.len() + 1 + identifier.len());
        key.push_str(&self.prefix);
        key.push(':');
        key.push_str(&identifier);
        key
    }

    fn check<'a>(&'a self, key: &'a str, cost: u32) -> Check<'a> {
        Check { algorithm: &self.algorithm, key, cost, now_ms: self.clock.now_ms(), timeout: self.timeout }
    }
}

impl fmt::Debug for Ratelimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ratelimit")
            .field("store", &self.store)
            .field("algorithm", &self.algorithm)
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .field("on_outage", &self.on_outage)
            .finish_non_exhaustive()
    }
}
