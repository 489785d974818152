use super::{CounterName, RawOutcome, Rules, State, Window, rate::whole_ms};
use std::time::Duration;

/// Counts requests in this window and, by the part that still overlaps, in the previous one.
///
/// It has no burst at the border of two windows, and keeps two counters for each client. The windows are aligned to the
/// Unix epoch.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::SlidingWindow};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), axum_upstash::Error> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let limiter = upstash.ratelimit(SlidingWindow::new(1, Duration::from_secs(60)));
/// assert!(limiter.limit("user:7").await?.allowed);
/// assert!(limiter.limit("user:7").await?.retry_after.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlidingWindow {
    limit: u64,
    window_ms: u64,
}

impl SlidingWindow {
    /// `limit` requests in any `window`, in whole milliseconds.
    ///
    /// A window of less than a millisecond is an error of the limiter that has it.
    #[must_use]
    pub const fn new(limit: u32, window: Duration) -> Self {
        Self { limit: limit as u64, window_ms: whole_ms(window) }
    }

    pub(super) fn with_limit(self, limit: u32) -> Self {
        Self { limit: limit.into(), ..self }
    }

    fn span_ms(&self) -> u64 {
        self.window_ms.max(1)
    }

    fn window_index(&self, now_ms: u64) -> u64 {
        now_ms / self.span_ms()
    }

    /// The part of the previous window that still counts, in the floating point of the script, so that both agree.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "Lua has no other numbers")]
    fn carried(&self, now_ms: u64, previous: i64) -> i64 {
        let elapsed = (now_ms % self.span_ms()) as f64 / self.span_ms() as f64;
        ((1.0 - elapsed) * previous as f64).floor() as i64
    }

    /// The rest of the limit.
    fn left(&self, now_ms: u64, previous: i64, current: i64) -> i64 {
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        limit.saturating_sub(self.carried(now_ms, previous).saturating_add(current))
    }

    /// Decides with the counts of the previous window and of the window of `now_ms`.
    fn decide_with(&self, now_ms: u64, previous: i64, current: i64, cost: i64) -> RawOutcome {
        let reset_ms = (self.window_index(now_ms).saturating_add(1)).saturating_mul(self.span_ms());
        let left = self.left(now_ms, previous, current);
        RawOutcome::of(self.limit, left, cost, reset_ms, || Some(self.earliest(now_ms, previous, current, cost)))
    }

    /// The first millisecond at which the request fits, if nothing else is counted until then.
    fn earliest(&self, now_ms: u64, previous: i64, current: i64, cost: i64) -> u64 {
        let start = self.window_index(now_ms) * self.span_ms();
        let next = start.saturating_add(self.span_ms());
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        // In this window, when enough of the one before has slid out; else in the next, if this is the one before.
        u64::try_from(limit.saturating_sub(current.saturating_add(cost)))
            .ok()
            .and_then(|room| {
                self.first_fit(start, now_ms.saturating_add(1), previous, room, |at| {
                    self.left(at, previous, current) >= cost
                })
            })
            .or_else(|| {
                let room = u64::try_from(limit - cost).unwrap_or(0);
                self.first_fit(next, next, current, room, |at| self.left(at, current, 0) >= cost)
            })
            .unwrap_or_else(|| next.saturating_add(self.span_ms()))
    }

    /// The first time in the window from `start`, not before `from`, at which no more than `room` is carried over.
    fn first_fit(&self, start: u64, from: u64, previous: i64, room: u64, fits: impl Fn(u64) -> bool) -> Option<u64> {
        let exact = start.saturating_add(self.offset(previous, room));
        let at = exact.saturating_sub(1).max(from);
        let end = start.saturating_add(self.span_ms());
        // Integers are exact, the decision is in floating point: a step to either side if they differ.
        (at..end.min(at.saturating_add(4))).find(|&at| fits(at))
    }

    /// The smallest offset `o` into a window with `floor(previous * (w - o) / w) <= room`.
    fn offset(&self, previous: i64, room: u64) -> u64 {
        let previous = u64::try_from(previous).unwrap_or(0);
        if previous <= room {
            return 0;
        }
        let keep = (u128::from(room) + 1) * u128::from(self.span_ms());
        let kept = u64::try_from(keep.div_ceil(u128::from(previous))).unwrap_or(u64::MAX);
        (self.span_ms() + 1).saturating_sub(kept)
    }
}

impl Rules for SlidingWindow {
    fn problem(&self) -> Option<&'static str> {
        (self.window_ms == 0).then_some("the window is shorter than a millisecond")
    }

    fn limit(&self) -> u64 {
        self.limit
    }

    fn window(&self) -> Duration {
        Duration::from_millis(self.window_ms)
    }

    fn decide(&self, now_ms: u64, state: Option<State>, cost: i64) -> (RawOutcome, State) {
        let counts = Window::at(state, now_ms, self.span_ms());
        let now_ms = now_ms.max(counts.index.saturating_mul(self.span_ms()));
        let raw = self.decide_with(now_ms, counts.previous, counts.current, cost);
        (raw, State::Window(counts.after(raw, cost)))
    }

    fn expires_ms(&self, state: State) -> u64 {
        match state {
            State::Window(counts) => counts.index.saturating_add(2).saturating_mul(self.span_ms()),
            _ => 0,
        }
    }

    fn is_windowed(&self) -> bool {
        true
    }

    fn namespace(&self) -> u64 {
        self.window_ms
    }

    fn counters(&self, now_ms: u64) -> Vec<CounterName> {
        let index = self.window_index(now_ms);
        vec![CounterName::Window(index), CounterName::Window(index.saturating_sub(1))]
    }

    fn script_arguments(&self) -> (u8, u64, u64) {
        (2, self.span_ms(), 0)
    }

    fn state_from_reply(&self, previous: i64, current: i64, now_ms: u64) -> State {
        State::Window(Window { index: self.window_index(now_ms), previous, current })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rounding_of_floats_does_not_make_a_client_wait_longer() {
        let raw = SlidingWindow::new(43, Duration::from_millis(42)).decide_with(0, 0, 42, 17);
        assert_eq!(raw.retry_at_ms, Some(57));
        let sliding = SlidingWindow::new(31, Duration::from_millis(1287));
        let at = sliding.decide_with(0, 0, 39, 28).retry_at_ms.unwrap();
        assert!(sliding.left(at, 39, 0) >= 28 && sliding.left(at - 1, 39, 0) < 28, "{at}");
    }

    proptest! {
        #[test]
        fn retry_after_is_the_first_time_that_fits(
            limit in 1u32..50,
            window in 1u64..2_000,
            now in 0u64..100_000,
            previous in -20i64..100,
            current in -20i64..100,
            cost in 1i64..50,
        ) {
            let sliding = SlidingWindow::new(limit, Duration::from_millis(window));
            let raw = sliding.decide_with(now, previous, current, cost);
            if let Some(at) = raw.retry_at_ms {
                // A slow walk through time finds the same moment.
                let index = sliding.window_index(now);
                let fits = |at: u64| match sliding.window_index(at) - index {
                    0 => sliding.left(at, previous, current) >= cost,
                    1 => sliding.left(at, current, 0) >= cost,
                    _ => true,
                };
                prop_assert_eq!(at, (now..).find(|&at| fits(at)).unwrap());
            } else if !raw.allowed {
                prop_assert!(cost > i64::from(limit));
            }
        }
    }
}
