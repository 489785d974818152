use super::{
    Permit,
    slots::{Lease, Slots},
};
use crate::{
    CircuitBreaker, Clock, Error,
    ratelimit::{
        Background,
        identifier::{CONCURRENCY, key_segment},
    },
    redis::Redis,
    rt::random_id,
};
use std::{collections::HashMap, sync::Arc, sync::Mutex, time::Duration};

/// Limits how many requests of somebody are worked on at the same time, over all instances.
///
/// Whoever is let in gets a [`Permit`], and gives it back by dropping it. In Redis a permit is a lease, renewed while it
/// is held: what a process that died had taken is free again after the length of a lease.
///
/// ```
/// use axum_upstash::ratelimit::ConcurrencyLimiter;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), axum_upstash::Error> {
/// let exports = ConcurrencyLimiter::memory(1);
/// let permit = exports.acquire("user:7").await?.expect("nobody is there");
/// assert!(exports.acquire("user:7").await?.is_none());
/// drop(permit);
/// assert!(exports.acquire("user:7").await?.is_some());
/// # Ok(())
/// # }
/// ```
///
/// In Redis each limited identifier has a sorted set at `<prefix>:concurrency:<identifier>`, with a time to live. A permit costs five
/// commands and a refusal three, and one more gives it back.
#[derive(Debug, Clone)]
#[must_use]
pub struct ConcurrencyLimiter {
    pub(super) slots: Arc<Slots>,
    max: u32,
    prefix: Arc<str>,
    pub(super) lease: Duration,
    pub(super) timeout: Duration,
    breaker: CircuitBreaker,
    pub(super) background: Background,
    pub(super) clock: Clock,
}

impl ConcurrencyLimiter {
    /// `max` at a time, over all instances.
    pub fn new(redis: Redis, max: u32) -> Self {
        let breaker = redis.breaker();
        Self { breaker, ..Self::with_slots(Slots::Redis(redis), max) }
    }

    /// `max` at a time, in this process.
    pub fn memory(max: u32) -> Self {
        Self::with_slots(Slots::Memory(Mutex::new(HashMap::new())), max)
    }

    fn with_slots(slots: Slots, max: u32) -> Self {
        Self {
            slots: Arc::new(slots),
            max,
            prefix: "axum-upstash:limiter".into(),
            lease: Duration::from_secs(30),
            timeout: Duration::from_secs(1),
            breaker: CircuitBreaker::new(),
            background: Background::new(),
            clock: Clock::system(),
        }
    }

    /// What the keys begin with (`axum-upstash:limiter`). It may be that of a limiter.
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into().into();
        self
    }

    /// After what time the permits of a process that died are free again (30 s, at least 1 s). A live one renews them
    /// three times as often.
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease.clamp(Duration::from_secs(1), Duration::from_secs(7 * 24 * 3600));
        self
    }

    /// How long Redis may take (1 s).
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Where permits are given back.
    pub fn with_background(mut self, background: Background) -> Self {
        self.background = background;
        self
    }

    /// Reads the time from another clock.
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How many at a time.
    #[must_use]
    pub fn max(&self) -> u32 {
        self.max
    }

    /// Lets one of `identifier` in, if there is room.
    ///
    /// # Errors
    /// Where Redis cannot be asked, or did not answer in time. After five failures in a row it is left alone for a second.
    pub async fn acquire(&self, identifier: &str) -> Result<Option<Permit>, Error> {
        let id = random_id::<16>()?;
        let key = [&*self.prefix, ":", CONCURRENCY, &key_segment(identifier)].concat();
        // Made first: a request that is given up while Redis answers gives its lease back.
        let mut permit = Permit::new(self.clone(), key, id);
        let call = self.breaker.permit(self.timeout).inspect_err(|_| permit.forget())?;
        let acquire = self.slots.acquire(permit.lease(), self.max);
        if call.call("store of permits", acquire).await? {
            permit.hold();
            Ok(Some(permit))
        } else {
            permit.forget();
            Ok(None)
        }
    }

    pub(super) fn lease<'a>(&self, key: &'a str, id: &'a str) -> Lease<'a> {
        let length_ms = u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX);
        Lease { key, id, now_ms: self.clock.now_ms(), length_ms, timeout: self.timeout }
    }
}
