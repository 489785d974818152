/// The state of one client under one algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ratelimit) enum State {
    /// Of a fixed or a sliding window.
    Window(Window),
    /// Of a token bucket.
    Bucket(Bucket),
    /// Of GCRA: the theoretical arrival time in microseconds.
    Arrival(u64),
}

/// The counts of a window and of the one before it. Refunds can lead below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ratelimit) struct Window {
    pub(in crate::ratelimit) index: u64,
    pub(in crate::ratelimit) previous: i64,
    pub(in crate::ratelimit) current: i64,
}

/// The stored part of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ratelimit) struct Bucket {
    pub(super) refilled_at: u64,
    /// Negative if another SDK admitted a request that cost more than there was.
    pub(super) tokens: i64,
}

/// The decision of an algorithm in a given state, in times rather than waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ratelimit) struct RawOutcome {
    pub(super) allowed: bool,
    /// The rest after the request. Refunds beyond the limit count, and debts do.
    pub(super) left: i64,
    pub(super) reset_ms: u64,
    pub(super) retry_at_ms: Option<u64>,
}

impl RawOutcome {
    /// The decision on a request of `cost` if `left` is left. Refunds always pass; a cost above the limit never does.
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

/// Requests of two threads can be out of order, and clocks of two instances differ a little. So much is no reason to
/// bound what the other one has counted: to count it again would let more through.
pub(super) const OUT_OF_ORDER_MS: u64 = 1_000;

impl Window {
    /// The counts after a request.
    pub(super) fn after(self, raw: RawOutcome, cost: i64) -> Self {
        let counted = if raw.allowed { cost } else { 0 };
        Self { current: self.current.saturating_add(counted), ..self }
    }

    /// The counts as seen at `now_ms`, with windows of `window_ms`.
    ///
    /// A request that is a little late counts in the window that others have begun. What a clock far ahead has counted
    /// counts in the window of now: it is over when this is.
    pub(super) fn at(state: Option<State>, now_ms: u64, window_ms: u64) -> Self {
        let index = now_ms / window_ms;
        match state {
            Some(State::Window(window)) if window.index == index => window,
            Some(State::Window(window)) if window.index > index => {
                let begins_ms = window.index.saturating_mul(window_ms);
                let is_late = begins_ms - now_ms <= OUT_OF_ORDER_MS;
                if is_late { window } else { Self { index, previous: 0, current: window.current } }
            }
            Some(State::Window(window)) if window.index.checked_add(1) == Some(index) => {
                Self { index, previous: window.current, current: 0 }
            }
            _ => Self { index, previous: 0, current: 0 },
        }
    }
}
