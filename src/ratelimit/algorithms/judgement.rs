use super::State;

/// What a store answers: whether the request may pass, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Whether it was admitted and counted. What is refused consumes nothing.
    pub allowed: bool,
    /// The limit that was applied: the algorithm's own, or a dynamic one in its place.
    pub limit: u64,
    /// What is left after this request.
    pub remaining: u64,
    /// When the window ends, the next tokens arrive or the burst is whole again, in milliseconds since the Unix epoch.
    pub reset_ms: u64,
    /// For a refusal: in how many milliseconds the same request can pass, if nobody else takes its place.
    /// `None` for one that never can, because it costs more than the limit.
    pub retry_after_ms: Option<u64>,
    /// Where nothing is left: in how many milliseconds a request of cost 1 can pass.
    pub next_ms: Option<u64>,
    /// What is known of the client now.
    pub(in crate::ratelimit) state: Option<State>,
}

impl Outcome {
    /// An answer of a store, without a time for the next request.
    #[must_use]
    pub fn new(allowed: bool, limit: u64, remaining: u64, reset_ms: u64, retry_after_ms: Option<u64>) -> Self {
        Self { allowed, limit, remaining, reset_ms, retry_after_ms, next_ms: None, state: None }
    }

    /// The same with the time after which a request of cost 1 can pass.
    #[must_use]
    pub fn with_next_ms(mut self, next_ms: Option<u64>) -> Self {
        self.next_ms = next_ms;
        self
    }
}

/// What an algorithm says of a request in a given state, in times rather than waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawOutcome {
    pub(super) allowed: bool,
    /// What is left after the request; what was refunded beyond the limit counts, and debts do.
    pub(super) left: i64,
    pub(super) reset_ms: u64,
    pub(super) retry_at_ms: Option<u64>,
}

impl RawOutcome {
    /// Of a request of `cost` where `left` is left. Refunds always pass; what costs more than the limit never will.
    pub(super) fn of(
        limit: u64,
        left: i64,
        cost: i64,
        reset_ms: u64,
        retry_at_ms: impl FnOnce() -> Option<u64>,
    ) -> Self {
        let allowed = cost <= 0 || left >= cost;
        let possible = u64::try_from(cost).is_ok_and(|cost| cost <= limit);
        Self {
            allowed,
            left: if allowed { left.saturating_sub(cost) } else { left },
            reset_ms,
            retry_at_ms: if allowed || !possible { None } else { retry_at_ms() },
        }
    }
}
