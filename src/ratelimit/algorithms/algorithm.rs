use super::{FixedWindow, Gcra, Outcome, RawOutcome, SlidingWindow, State, TokenBucket, Window};
use std::time::Duration;

/// How requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// See [`FixedWindow`].
    FixedWindow(FixedWindow),
    /// See [`SlidingWindow`].
    SlidingWindow(SlidingWindow),
    /// See [`TokenBucket`].
    TokenBucket(TokenBucket),
    /// See [`Gcra`].
    Gcra(Gcra),
}

impl Algorithm {
    /// The most that can pass at once.
    #[must_use]
    pub fn limit(&self) -> u64 {
        match self {
            Self::FixedWindow(window) => window.limit,
            Self::SlidingWindow(window) => window.limit,
            Self::TokenBucket(bucket) => bucket.max_tokens,
            Self::Gcra(gcra) => gcra.burst,
        }
    }

    /// The time in which [`limit`](Self::limit) is replenished.
    #[must_use]
    pub fn window(&self) -> Duration {
        match self {
            Self::FixedWindow(window) => Duration::from_millis(window.window_ms),
            Self::SlidingWindow(window) => Duration::from_millis(window.window_ms),
            Self::TokenBucket(bucket) => Duration::from_millis(bucket.time_for(bucket.max_tokens)),
            Self::Gcra(gcra) => Duration::from_micros(gcra.tolerance_us()),
        }
    }

    /// The same algorithm with another limit: as many in a window, in the bucket, in a burst. Rates stay as they are.
    #[must_use]
    pub fn with_limit(mut self, limit: u32) -> Self {
        let limit = u64::from(limit);
        match &mut self {
            Self::FixedWindow(window) => window.limit = limit,
            Self::SlidingWindow(window) => window.limit = limit,
            Self::TokenBucket(bucket) => bucket.max_tokens = limit,
            Self::Gcra(gcra) => gcra.burst = limit,
        }
        self
    }

    /// Decides on a request of `cost` in a state, and says what the state is afterwards.
    pub(in crate::ratelimit) fn decide(&self, now_ms: u64, state: Option<State>, cost: i64) -> (Outcome, State) {
        let (judged, after) = self.judge(now_ms, state, cost);
        let wait = |at: Option<u64>| at.map(|at| at.saturating_sub(now_ms));
        let next = (judged.left <= 0).then(|| self.judge(now_ms, Some(after), 1).0.retry_at_ms);
        let outcome = Outcome {
            allowed: judged.allowed,
            limit: self.limit(),
            remaining: u64::try_from(judged.left).unwrap_or(0),
            reset_ms: judged.reset_ms,
            retry_after_ms: wait(judged.retry_at_ms),
            next_ms: wait(next.flatten()),
            state: Some(after),
        };
        (outcome, after)
    }

    fn judge(&self, now_ms: u64, state: Option<State>, cost: i64) -> (RawOutcome, State) {
        match self {
            Self::FixedWindow(algorithm) => {
                let counts = Window::at(state, now_ms, algorithm.window_ms);
                let now_ms = now_ms.max(counts.index.saturating_mul(algorithm.window_ms));
                let judged = algorithm.judge(now_ms, counts.current, cost);
                (judged, State::Window(counts.plus(judged, cost)))
            }
            Self::SlidingWindow(algorithm) => {
                let counts = Window::at(state, now_ms, algorithm.window_ms);
                let now_ms = now_ms.max(counts.index.saturating_mul(algorithm.window_ms));
                let judged = algorithm.judge(now_ms, counts.previous, counts.current, cost);
                (judged, State::Window(counts.plus(judged, cost)))
            }
            Self::TokenBucket(algorithm) => {
                let stored = match state {
                    Some(State::Bucket(bucket)) => Some(bucket),
                    _ => None,
                };
                let mut bucket = algorithm.refill(stored, now_ms);
                let judged = algorithm.judge(bucket, cost);
                bucket.tokens = judged.left;
                (judged, State::Bucket(bucket))
            }
            Self::Gcra(algorithm) => {
                let now = now_ms.saturating_mul(1_000);
                let arrival = match state {
                    Some(State::Arrival(arrival)) => algorithm.bounded(arrival, now),
                    _ => now,
                };
                let judged = algorithm.judge(now_ms, arrival, cost);
                let after = if judged.allowed { algorithm.after(now_ms, arrival, cost) } else { arrival };
                (judged, State::Arrival(after))
            }
        }
    }

    /// The kind, the span and the rate, as the script wants them.
    pub(in crate::ratelimit) fn script_arguments(&self) -> (u8, u64, u64) {
        match self {
            Self::FixedWindow(window) => (1, window.window_ms, 0),
            Self::SlidingWindow(window) => (2, window.window_ms, 0),
            Self::TokenBucket(bucket) => (3, bucket.interval_ms, bucket.refill_rate),
            Self::Gcra(gcra) => (4, gcra.emission_us, 0),
        }
    }

    /// When a state says nothing any more, in milliseconds since the Unix epoch.
    pub(in crate::ratelimit) fn expires_ms(&self, state: State) -> u64 {
        match (self, state) {
            (Self::FixedWindow(window), State::Window(counts)) => {
                counts.index.saturating_add(1).saturating_mul(window.window_ms)
            }
            (Self::SlidingWindow(window), State::Window(counts)) => {
                counts.index.saturating_add(2).saturating_mul(window.window_ms)
            }
            (Self::TokenBucket(bucket), State::Bucket(stored)) => bucket.full_at(stored),
            (Self::Gcra(_), State::Arrival(arrival)) => arrival.div_ceil(1_000),
            _ => 0,
        }
    }
}

impl Window {
    fn plus(self, judged: RawOutcome, cost: i64) -> Self {
        let counted = if judged.allowed { cost } else { 0 };
        Self { current: self.current.saturating_add(counted), ..self }
    }
}

macro_rules! from {
    ($($name:ident)*) => {$(
        impl From<$name> for Algorithm {
            fn from(algorithm: $name) -> Self {
                Self::$name(algorithm)
            }
        }
    )*};
}
from!(FixedWindow SlidingWindow TokenBucket Gcra);

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: allowed, remaining, reset, retry after; times from the start of the case.
    type Expected = (bool, u64, u64, Option<u64>);

    fn check(algorithm: impl Into<Algorithm>, start: u64, steps: &[(u64, i64, Expected)]) {
        let algorithm = algorithm.into();
        let mut state = None;
        for &(at, cost, (allowed, remaining, reset, retry)) in steps {
            let (outcome, after) = algorithm.decide(start + at, state, cost);
            let got = (outcome.allowed, outcome.remaining, outcome.reset_ms - start, outcome.retry_after_ms);
            assert_eq!(got, (allowed, remaining, reset, retry), "{algorithm:?} at {at}, cost {cost}");
            assert_eq!(outcome.next_ms.is_some(), remaining == 0, "{algorithm:?} at {at}, cost {cost}");
            state = Some(after);
        }
    }

    #[test]
    fn fixed_window() {
        let minute = Duration::from_secs(60);
        check(
            FixedWindow::new(10, minute),
            1_699_999_980_000,
            &[
                (0, 8, (true, 2, 60_000, None)),
                (1, 5, (false, 2, 60_000, Some(59_999))),
                (2, 1, (true, 1, 60_000, None)),
                (3, 11, (false, 1, 60_000, None)),
                (3, 1, (true, 0, 60_000, None)),
                (4, 1, (false, 0, 60_000, Some(59_996))),
                (5, -4, (true, 4, 60_000, None)),
                (60_000, 10, (true, 0, 120_000, None)),
            ],
        );
    }

    #[test]
    fn refunds_and_costs_beyond_the_limit() {
        let start = 1_700_000_000_000;
        let burst = Gcra::new(10, Duration::from_secs(60), 5);
        check(
            burst,
            start,
            &[(0, 5, (true, 0, 30_000, None)), (0, 6, (false, 0, 30_000, None)), (0, -9, (true, 5, 0, None))],
        );
        let bucket = TokenBucket::new(5, Duration::from_secs(10), 10);
        check(
            bucket,
            start,
            &[
                (0, 11, (false, 10, 10_000, None)),
                (0, -8, (true, 18, 10_000, None)),
                (10_000, 1, (true, 9, 20_000, None)),
            ],
        );
    }

    #[test]
    fn a_bucket_expires_when_it_is_full_again() {
        let algorithm = Algorithm::from(TokenBucket::new(5, Duration::from_secs(10), 10));
        let (_, state) = algorithm.decide(0, None, 10);
        assert_eq!(algorithm.expires_ms(state), 20_000);
        // Five arrived at 10 s, four of them are left: two more refills.
        let (_, state) = algorithm.decide(12_000, Some(state), 1);
        assert_eq!(algorithm.expires_ms(state), 30_000);
        let (outcome, _) = algorithm.decide(29_999, Some(state), 1);
        assert_eq!((outcome.remaining, outcome.reset_ms), (8, 30_000));
        let (outcome, _) = algorithm.decide(30_000, Some(state), 1);
        assert_eq!((outcome.remaining, outcome.reset_ms), (9, 40_000));
    }

    #[test]
    fn nothing_overflows_at_the_ends_of_all_ranges() {
        let longest = Duration::MAX;
        let algorithms: [Algorithm; 4] = [
            FixedWindow::new(u32::MAX, longest).into(),
            SlidingWindow::new(u32::MAX, longest).into(),
            TokenBucket::new(u32::MAX, longest, u32::MAX).into(),
            Gcra::new(u32::MAX, longest, u32::MAX).into(),
        ];
        for algorithm in algorithms {
            for now in [0, 1, u64::MAX / 2_000, u64::MAX] {
                for cost in [0, 1, -1, i64::from(u32::MAX), i64::MAX, i64::MIN + 1] {
                    let (_, state) = algorithm.decide(now, None, cost);
                    let (_, state) = algorithm.decide(now, Some(state), cost);
                    algorithm.expires_ms(state);
                }
            }
        }
    }
}
