use super::{
    Permit,
    slots::{LeasedSlots, Slots},
};
use crate::{
    CircuitBreaker, Clock, Error,
    background::Background,
    ratelimit::identifier::{CONCURRENCY, key_segment},
    redis::Redis,
    rt::random_id,
};
use std::{collections::HashMap, sync::Arc, sync::Mutex, time::Duration};

/// Limits the concurrent requests of each identifier, over all instances.
///
/// [`acquire`](Self::acquire) returns a [`Permit`], and dropping the permit gives it back. In Redis a permit is a
/// lease, renewed while it is held: if a process dies, its permits are free again after the length of a lease.
///
/// ```
/// use axum_upstash::ratelimit::ConcurrencyLimiter;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), axum_upstash::Error> {
/// let exports = ConcurrencyLimiter::memory(1);
/// let permit = exports.acquire("user:7").await?.expect("the first one is free");
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
    slots: LeasedSlots,
    max: u32,
    prefix: Arc<str>,
    breaker: CircuitBreaker,
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
            slots: LeasedSlots::new(slots),
            max,
            prefix: "axum-upstash:limiter".into(),
            breaker: CircuitBreaker::new(),
        }
    }

    /// Sets the prefix of the keys (`axum-upstash:limiter`). It may be that of a limiter.
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into().into();
        self
    }

    /// After what time the permits of a process that died are free again (30 s, at least 1 s). A live one renews them
    /// three times as often.
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.slots.lease = lease.clamp(Duration::from_secs(1), Duration::from_secs(7 * 24 * 3600));
        self
    }

    /// Sets how long Redis may take (1 s).
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.slots.timeout = timeout;
        self
    }

    /// Sets the executor that gives dropped permits back.
    pub fn with_background(mut self, background: Background) -> Self {
        self.slots.background = background;
        self
    }

    /// Reads the time from another clock.
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.slots.clock = clock;
        self
    }

    /// The limit of concurrent permits of one identifier.
    #[must_use]
    pub fn max(&self) -> u32 {
        self.max
    }

    /// Lets one of `identifier` in, if there is room.
    ///
    /// # Errors
    /// If Redis fails or does not answer in time. After five failures in a row the circuit is open for 1 s.
    pub async fn acquire(&self, identifier: &str) -> Result<Option<Permit>, Error> {
        let id = random_id::<16>()?;
        let key = [&*self.prefix, ":", CONCURRENCY, &key_segment(identifier)].concat();
        // Made first: a request that is given up while Redis answers gives its lease back.
        let mut permit = Permit::new(self.slots.clone(), key, id);
        let call = self.breaker.permit(self.slots.timeout).inspect_err(|_| permit.forget())?;
        let acquire = self.slots.acquire(permit.lease(), self.max);
        if call.call("store of permits", acquire).await? {
            permit.hold();
            Ok(Some(permit))
        } else {
            permit.forget();
            Ok(None)
        }
    }
}
