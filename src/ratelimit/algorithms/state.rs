use super::{RawOutcome, token_bucket::Bucket};

/// What is known of one client under one algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ratelimit) enum State {
    /// Of a fixed or a sliding window.
    Window(Window),
    /// Of a token bucket.
    Bucket(Bucket),
    /// Of GCRA: the theoretical arrival time in microseconds.
    Arrival(u64),
}

/// What was counted in a window and in the one before it. Refunds can lead below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ratelimit) struct Window {
    pub(in crate::ratelimit) index: u64,
    pub(in crate::ratelimit) previous: i64,
    pub(in crate::ratelimit) current: i64,
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
