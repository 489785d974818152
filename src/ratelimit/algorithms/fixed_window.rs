use super::{Outcome, window_ms};
use std::time::Duration;

/// Counts requests in windows that follow one another, aligned to the Unix epoch.
///
/// The cheapest algorithm. Around the border of two windows twice the limit can pass within one window's length.
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

    pub(crate) fn window_ms(&self) -> u64 {
        self.window_ms
    }

    pub(crate) fn window_index(&self, now_ms: u64) -> u64 {
        now_ms / self.window_ms
    }

    pub(crate) fn window_end(&self, now_ms: u64) -> u64 {
        (self.window_index(now_ms) + 1).saturating_mul(self.window_ms)
    }

    /// Decides with `used` counted in this window so far.
    pub(crate) fn decide(&self, now_ms: u64, used: u64, cost: u64) -> Outcome {
        let reset_ms = self.window_end(now_ms);
        let allowed = used.saturating_add(cost) <= self.limit;
        let left = self.limit.saturating_sub(used);
        Outcome {
            allowed,
            remaining: if allowed { left - cost } else { left },
            reset_ms,
            retry_after_ms: (!allowed && cost <= self.limit).then(|| reset_ms - now_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_consumes_nothing_and_waits_for_the_window() {
        let window = FixedWindow::new(10, Duration::from_secs(60));
        let start = 1_699_999_980_000; // a whole number of minutes
        assert_eq!(window.decide(start, 0, 8), Outcome::new(true, 2, start + 60_000, None));
        assert_eq!(window.decide(start + 1, 8, 5), Outcome::new(false, 2, start + 60_000, Some(59_999)));
        assert_eq!(window.decide(start + 2, 8, 1), Outcome::new(true, 1, start + 60_000, None));
        assert_eq!(window.decide(start + 3, 0, 11), Outcome::new(false, 10, start + 60_000, None));
        // Counted beyond the limit, as the JavaScript limiter does on the same key.
        assert_eq!(window.decide(start + 3, 13, 1).remaining, 0);
    }

    #[test]
    fn a_window_of_nothing_is_one_millisecond() {
        assert_eq!(FixedWindow::new(1, Duration::ZERO).window_ms, 1);
    }
}
