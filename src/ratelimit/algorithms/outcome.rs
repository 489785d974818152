use super::State;
use crate::rt::from_unix_ms;
use std::time::{Duration, SystemTime};

/// The decision of a store: whether the request may pass, and how much is left.
///
/// ```
/// use axum_upstash::ratelimit::store::Outcome;
/// use std::time::{Duration, SystemTime};
///
/// let reset = SystemTime::now() + Duration::from_secs(60);
/// let refused = Outcome::refused(100, reset).with_retry_after(Duration::from_secs(3));
/// assert!(!refused.is_allowed());
/// assert_eq!(refused.retry_after(), Some(Duration::from_secs(3)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    pub(in crate::ratelimit) allowed: bool,
    pub(in crate::ratelimit) limit: u64,
    pub(in crate::ratelimit) remaining: u64,
    pub(in crate::ratelimit) reset_ms: u64,
    pub(in crate::ratelimit) retry_after_ms: Option<u64>,
    /// If nothing is left: the time until a request of cost 1 can pass.
    pub(in crate::ratelimit) next_ms: Option<u64>,
    pub(in crate::ratelimit) state: Option<State>,
}

impl Outcome {
    /// An admitted and counted request, with `remaining` of `limit` left. At `reset` the window ends, the next tokens
    /// arrive or the burst is whole again.
    #[must_use]
    pub fn allowed(limit: u64, remaining: u64, reset: SystemTime) -> Self {
        Self::unknown(true, limit, remaining, crate::rt::unix_ms(reset))
    }

    /// A refused request, which consumed nothing. Nothing is left unless [`with_remaining`](Self::with_remaining) is set.
    #[must_use]
    pub fn refused(limit: u64, reset: SystemTime) -> Self {
        Self::unknown(false, limit, 0, crate::rt::unix_ms(reset))
    }

    pub(in crate::ratelimit) const fn unknown(allowed: bool, limit: u64, remaining: u64, reset_ms: u64) -> Self {
        Self { allowed, limit, remaining, reset_ms, retry_after_ms: None, next_ms: None, state: None }
    }

    /// Sets how much is left after this request.
    #[must_use]
    pub fn with_remaining(mut self, remaining: u64) -> Self {
        self.remaining = remaining;
        self
    }

    /// Sets the time after which a refused request can pass, if no other request takes its place. Without it the request
    /// never can, because it costs more than the limit.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after_ms = Some(u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Sets the time after which a request of cost 1 can pass, for an outcome that leaves nothing.
    #[must_use]
    pub fn with_next(mut self, next: Duration) -> Self {
        self.next_ms = Some(u64::try_from(next.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Whether the request was admitted and counted.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.allowed
    }

    /// The limit that was applied: the algorithm's own, or a dynamic one in its place.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The rest of the limit after this request.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    /// The time at which the window ends, the next tokens arrive or the burst is whole again.
    #[must_use]
    pub fn reset(&self) -> SystemTime {
        from_unix_ms(self.reset_ms)
    }

    /// The time after which a refused request can pass; `None` if it passed, or never can.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after_ms.map(Duration::from_millis)
    }
}
