use super::{CounterName, RawOutcome, Rules, State, Window, rate::whole_ms};
use std::time::Duration;

/// Counts requests in windows that follow one another, aligned to the Unix epoch.
///
/// The cheapest algorithm. Around the border of two windows twice the limit can pass within one window's length.
///
/// A refused request consumes nothing, so a limit that is raised has room at once. `@upstash/ratelimit` on the same keys
/// leaves the requests that it refuses in the counter: a refund ignores that excess, a raised limit does not.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::FixedWindow};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), axum_upstash::Error> {
/// const DAILY: FixedWindow = FixedWindow::new(2, Duration::from_secs(86_400));
///
/// let upstash = Upstash::builder().or_memory().build()?;
/// let limiter = upstash.ratelimit(DAILY);
/// assert_eq!(limiter.limit("user:7").await?.remaining, 1);
/// assert_eq!(limiter.limit("user:7").await?.remaining, 0);
/// assert!(!limiter.limit("user:7").await?.allowed);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedWindow {
    limit: u64,
    window_ms: u64,
}

impl FixedWindow {
    /// `limit` requests in each `window`, in whole milliseconds.
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

    pub(in crate::ratelimit) fn window_index(&self, now_ms: u64) -> u64 {
        now_ms / self.span_ms()
    }

    /// Decides with `used` counted in the window of `now_ms` so far.
    fn decide_with(&self, now_ms: u64, used: i64, cost: i64) -> RawOutcome {
        let reset_ms = (self.window_index(now_ms).saturating_add(1)).saturating_mul(self.span_ms());
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        RawOutcome::of(self.limit, limit.saturating_sub(used), cost, reset_ms, || Some(reset_ms))
    }
}

impl Rules for FixedWindow {
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
        let raw = self.decide_with(now_ms, counts.current, cost);
        (raw, State::Window(counts.after(raw, cost)))
    }

    fn expires_ms(&self, state: State) -> u64 {
        match state {
            State::Window(counts) => counts.index.saturating_add(1).saturating_mul(self.span_ms()),
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
        vec![CounterName::Window(self.window_index(now_ms))]
    }

    fn script_arguments(&self) -> (u8, u64, u64) {
        (1, self.span_ms(), 0)
    }

    fn state_from_reply(&self, _: i64, current: i64, now_ms: u64) -> State {
        State::Window(Window { index: self.window_index(now_ms), previous: 0, current })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::OUT_OF_ORDER_MS, *};

    #[test]
    fn more_may_be_counted_than_the_limit_and_less_than_nothing() {
        let window = FixedWindow::new(10, Duration::from_secs(60));
        // The JavaScript limiter counts the requests that it refuses.
        assert_eq!(window.decide_with(0, 13, 1).left, -3);
        assert_eq!(window.decide_with(0, -3, 11).left, 2);
    }

    #[test]
    fn a_clock_ahead_does_not_lock_a_client_out() {
        let window = FixedWindow::new(1, Duration::from_secs(60));
        let state = State::Window(Window { index: 100, previous: 0, current: 1 });
        let now_ms = 100 * 60_000 - OUT_OF_ORDER_MS - 1;
        assert!(!window.decide(now_ms, Some(state), 1).0.allowed, "it counts in the window of now");
        assert!(window.decide(now_ms + 60_000, Some(window.decide(now_ms, Some(state), 1).1), 1).0.allowed);
    }
}
