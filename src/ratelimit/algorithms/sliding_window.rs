use super::{Outcome, window_ms};
use std::time::Duration;

/// Counts requests in this window and, by the part that still overlaps, in the one before.
///
/// Smooth where a fixed window is not, with two counters a client. The windows are aligned to the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlidingWindow {
    pub(super) limit: u64,
    pub(super) window_ms: u64,
}

impl SlidingWindow {
    /// `limit` requests in any `window`, in whole milliseconds.
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

    /// What the window before still counts. The same floating point as in the script, so that both agree.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "Lua has no other numbers"
    )]
    fn carried(&self, now_ms: u64, previous: u64) -> u64 {
        let elapsed = (now_ms % self.window_ms) as f64 / self.window_ms as f64;
        ((1.0 - elapsed) * previous as f64).floor() as u64
    }

    fn fits(&self, now_ms: u64, previous: u64, current: u64, cost: u64) -> bool {
        self.carried(now_ms, previous).saturating_add(current).saturating_add(cost) <= self.limit
    }

    /// Decides with the counts of the window before and of this one.
    pub(crate) fn decide(&self, now_ms: u64, previous: u64, current: u64, cost: u64) -> Outcome {
        let used = self.carried(now_ms, previous).saturating_add(current);
        let allowed = self.fits(now_ms, previous, current, cost);
        let left = self.limit.saturating_sub(used);
        Outcome {
            allowed,
            remaining: if allowed { left - cost } else { left },
            reset_ms: (self.window_index(now_ms) + 1).saturating_mul(self.window_ms),
            retry_after_ms: (!allowed && cost <= self.limit)
                .then(|| self.earliest(now_ms, previous, current, cost).saturating_sub(now_ms)),
        }
    }

    /// The first millisecond at which the request fits, if nothing else is counted until then.
    fn earliest(&self, now_ms: u64, previous: u64, current: u64, cost: u64) -> u64 {
        let start = self.window_index(now_ms) * self.window_ms;
        let next = start.saturating_add(self.window_ms);
        // In this window, when enough of the one before has slid out; else in the next, where this is the one before.
        self.limit
            .checked_sub(current.saturating_add(cost))
            .and_then(|room| {
                self.first_fit(start, now_ms + 1, previous, room, |at| self.fits(at, previous, current, cost))
            })
            .or_else(|| self.first_fit(next, next, current, self.limit - cost, |at| self.fits(at, current, 0, cost)))
            .unwrap_or_else(|| next.saturating_add(self.window_ms))
    }

    /// The first time in the window from `start`, not before `from`, at which no more than `room` is carried over.
    fn first_fit(&self, start: u64, from: u64, previous: u64, room: u64, fits: impl Fn(u64) -> bool) -> Option<u64> {
        let exact = start.saturating_add(self.offset(previous, room));
        let at = exact.saturating_sub(1).max(from);
        let end = start.saturating_add(self.window_ms);
        // Integers are exact, the decision is in floating point: a step to either side where they differ.
        (at..end.min(at + 4)).find(|&at| fits(at))
    }

    /// The smallest offset `o` into a window with `floor(previous * (w - o) / w) <= room`.
    fn offset(&self, previous: u64, room: u64) -> u64 {
        if previous <= room {
            return 0;
        }
        let keep = (u128::from(room) + 1) * u128::from(self.window_ms);
        let kept = u64::try_from(keep.div_ceil(u128::from(previous))).unwrap_or(u64::MAX);
        (self.window_ms + 1).saturating_sub(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: u64 = 1_699_999_980_000;

    #[test]
    fn vectors() {
        let window = SlidingWindow::new(10, Duration::from_secs(60));
        // offset, previous, current, cost, allowed, remaining, retry after
        for (offset, previous, current, cost, allowed, remaining, retry) in [
            (15_000, 4, 5, 1, true, 1, None),
            (0, 10, 0, 1, false, 0, Some(1)),
            (1, 10, 0, 1, true, 0, None),
            (6_000, 10, 0, 1, true, 0, None),
            (6_001, 10, 0, 1, true, 1, None),
            (30_000, 10, 5, 1, false, 0, Some(1)),
            (30_000, 10, 4, 2, false, 1, Some(1)),
            (59_999, 10, 9, 1, true, 0, None),
            (10_000, 10, 8, 5, false, 0, Some(65_001)),
            (1_000, 3, 10, 1, false, 0, Some(59_001)),
            (0, 0, 0, 11, false, 10, None),
        ] {
            let outcome = window.decide(START + offset, previous, current, cost);
            assert_eq!(
                outcome,
                Outcome::new(allowed, remaining, START + 60_000, retry),
                "offset {offset}, {previous} before, {current} now, cost {cost}"
            );
        }
    }

    #[test]
    fn rounding_of_floats_does_not_make_a_client_wait_longer() {
        let outcome = SlidingWindow::new(43, Duration::from_millis(42)).decide(0, 0, 42, 17);
        assert_eq!(outcome.retry_after_ms, Some(57));
        let sliding = SlidingWindow::new(31, Duration::from_millis(1287));
        let wait = sliding.decide(0, 0, 39, 28).retry_after_ms.unwrap();
        assert!(sliding.fits(wait, 39, 0, 28) && !sliding.fits(wait - 1, 39, 0, 28), "{wait}");
    }

    proptest! {
        #[test]
        fn retry_after_is_the_first_time_that_fits(
            limit in 1u32..50,
            window in 1u64..2_000,
            now in 0u64..100_000,
            previous in 0u64..100,
            current in 0u64..100,
            cost in 1u64..50,
        ) {
            let sliding = SlidingWindow::new(limit, Duration::from_millis(window));
            let outcome = sliding.decide(now, previous, current, cost);
            if let Some(wait) = outcome.retry_after_ms {
                // A slow walk through time finds the same moment.
                let index = sliding.window_index(now);
                let fits = |at: u64| match sliding.window_index(at) - index {
                    0 => sliding.fits(at, previous, current, cost),
                    1 => sliding.fits(at, current, 0, cost),
                    _ => true,
                };
                let first = (now..).find(|&at| fits(at)).unwrap();
                prop_assert_eq!(now + wait, first);
            } else if !outcome.allowed {
                prop_assert!(cost > u64::from(limit));
            }
        }
    }
}
