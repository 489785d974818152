use super::{RawOutcome, window_ms};
use std::time::Duration;

/// Counts requests in windows that follow one another, aligned to the Unix epoch.
///
/// The cheapest algorithm. Around the border of two windows twice the limit can pass within one window's length.
///
/// A refused request consumes nothing, so a limit that is raised has room at once. `@upstash/ratelimit` on the same keys
/// leaves what it refuses in the counter: a refund takes no notice of that excess, a raised limit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedWindow {
    pub(super) limit: u64,
    pub(super) window_ms: u64,
}

impl FixedWindow {
    /// `limit` requests in each `window`, in whole milliseconds.
    #[must_use]
    pub fn new(limit: u32, window: Duration) -> Self {
        Self { limit: limit.into(), window_ms: window_ms(window) }
    }

    pub(crate) fn window_index(&self, now_ms: u64) -> u64 {
        now_ms / self.window_ms
    }

    /// Decides with `used` counted in the window of `now_ms` so far.
    pub(super) fn judge(&self, now_ms: u64, used: i64, cost: i64) -> RawOutcome {
        let reset_ms = (self.window_index(now_ms).saturating_add(1)).saturating_mul(self.window_ms);
        RawOutcome::of(self.limit, self.limit_i64().saturating_sub(used), cost, reset_ms, || Some(reset_ms))
    }

    fn limit_i64(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_of_nothing_is_one_millisecond() {
        assert_eq!(FixedWindow::new(1, Duration::ZERO).window_ms, 1);
    }

    #[test]
    fn more_may_be_counted_than_the_limit_and_less_than_nothing() {
        let window = FixedWindow::new(10, Duration::from_secs(60));
        // The JavaScript limiter counts what it refuses.
        assert_eq!(window.judge(0, 13, 1).left, -3);
        assert_eq!(window.judge(0, -3, 11).left, 2);
    }
}
