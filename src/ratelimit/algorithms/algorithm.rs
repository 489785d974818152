use super::{CounterName, FixedWindow, Gcra, Outcome, Rules, SlidingWindow, State, TokenBucket};
use std::time::Duration;

/// One of the four algorithms that count requests.
///
/// Whatever takes an algorithm takes each of the four as well.
///
/// ```
/// use axum_upstash::ratelimit::{Algorithm, FixedWindow};
/// use std::time::Duration;
///
/// let algorithm = Algorithm::from(FixedWindow::new(10, Duration::from_secs(60)));
/// assert_eq!((algorithm.limit(), algorithm.window()), (10, Duration::from_secs(60)));
/// assert_eq!(algorithm.with_limit(20).limit(), 20);
/// ```
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
    fn rules(&self) -> &dyn Rules {
        match self {
            Self::FixedWindow(window) => window,
            Self::SlidingWindow(window) => window,
            Self::TokenBucket(bucket) => bucket,
            Self::Gcra(gcra) => gcra,
        }
    }

    /// The most that can pass at once.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.rules().limit()
    }

    /// The time in which [`limit`](Self::limit) is replenished.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.rules().window()
    }

    /// Returns the same algorithm with another limit: of the window, of the bucket, of the burst. Rates stay as they
    /// are.
    #[must_use]
    pub fn with_limit(self, limit: u32) -> Self {
        match self {
            Self::FixedWindow(window) => window.with_limit(limit).into(),
            Self::SlidingWindow(window) => window.with_limit(limit).into(),
            Self::TokenBucket(bucket) => bucket.with_limit(limit).into(),
            Self::Gcra(gcra) => gcra.with_limit(limit).into(),
        }
    }

    pub(in crate::ratelimit) fn problem(&self) -> Option<&'static str> {
        self.rules().problem()
    }

    /// Decides on a request of `cost` in a state, and returns the state after it.
    pub(in crate::ratelimit) fn decide(&self, now_ms: u64, state: Option<State>, cost: i64) -> (Outcome, State) {
        let rules = self.rules();
        let (raw, after) = rules.decide(now_ms, state, cost);
        let wait = |at: Option<u64>| at.map(|at| at.saturating_sub(now_ms));
        let next = (raw.left <= 0).then(|| rules.decide(now_ms, Some(after), 1).0.retry_at_ms);
        let outcome = Outcome {
            retry_after_ms: wait(raw.retry_at_ms),
            next_ms: wait(next.flatten()),
            state: Some(after),
            ..Outcome::unknown(raw.allowed, rules.limit(), u64::try_from(raw.left).unwrap_or(0), raw.reset_ms)
        };
        (outcome, after)
    }

    pub(in crate::ratelimit) fn expires_ms(&self, state: State) -> u64 {
        self.rules().expires_ms(state)
    }

    pub(in crate::ratelimit) fn is_windowed(&self) -> bool {
        self.rules().is_windowed()
    }

    pub(in crate::ratelimit) fn namespace(&self) -> u64 {
        self.rules().namespace()
    }

    pub(in crate::ratelimit) fn counters(&self, now_ms: u64) -> Vec<CounterName> {
        self.rules().counters(now_ms)
    }

    pub(in crate::ratelimit) fn counts_in_hash(&self) -> bool {
        self.rules().counts_in_hash()
    }

    pub(in crate::ratelimit) fn script_arguments(&self) -> (u8, u64, u64) {
        self.rules().script_arguments()
    }

    pub(in crate::ratelimit) fn state_from_reply(&self, one: i64, two: i64, now_ms: u64) -> State {
        self.rules().state_from_reply(one, two, now_ms)
    }
}

/// The outcomes of several limits for one request that at least one of them refused. A limit that would have admitted
/// the request did not count it, and is reported as it was found.
pub(in crate::ratelimit) fn refused_together(
    outcomes: Vec<Outcome>,
    found: impl Iterator<Item = (Algorithm, Option<State>)>,
    now_ms: u64,
) -> Vec<Outcome> {
    let as_found = outcomes.into_iter().zip(found).map(|(outcome, (algorithm, state))| {
        if outcome.allowed { algorithm.decide(now_ms, state, 0).0 } else { outcome }
    });
    as_found.collect()
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
    use super::{super::Rate, *};

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
        let burst = Gcra::new(Rate::per_minute(10), 5);
        check(
            burst,
            start,
            &[(0, 5, (true, 0, 30_000, None)), (0, 6, (false, 0, 30_000, None)), (0, -9, (true, 5, 0, None))],
        );
        let bucket = TokenBucket::new(10, Rate::new(5, Duration::from_secs(10)));
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
        let algorithm = Algorithm::from(TokenBucket::new(10, Rate::new(5, Duration::from_secs(10))));
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
    fn a_setting_that_cannot_work_is_a_problem() {
        let second = Duration::from_secs(1);
        let problems: [Algorithm; 7] = [
            FixedWindow::new(1, Duration::ZERO).into(),
            SlidingWindow::new(1, Duration::from_micros(999)).into(),
            TokenBucket::new(1, Rate::new(0, second)).into(),
            TokenBucket::new(1, Rate::new(1, Duration::ZERO)).into(),
            Gcra::new(Rate::per_second(0), 1).into(),
            Gcra::new(Rate::new(1, Duration::ZERO), 1).into(),
            Gcra::new(Rate::per_second(1), 0).into(),
        ];
        for algorithm in problems {
            assert!(algorithm.problem().is_some(), "{algorithm:?}");
            // A store that is asked all the same does not panic.
            let (_, state) = algorithm.decide(1_700_000_000_000, None, 1);
            algorithm.expires_ms(state);
        }
        const IN_A_CONST: FixedWindow = FixedWindow::new(1, Duration::from_secs(1));
        assert_eq!(Algorithm::from(IN_A_CONST).problem(), None);
    }

    #[test]
    fn nothing_overflows_at_the_ends_of_all_ranges() {
        let longest = Duration::MAX;
        let algorithms: [Algorithm; 4] = [
            FixedWindow::new(u32::MAX, longest).into(),
            SlidingWindow::new(u32::MAX, longest).into(),
            TokenBucket::new(u32::MAX, Rate::new(u32::MAX, longest)).into(),
            Gcra::new(Rate::new(u32::MAX, longest), u32::MAX).into(),
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
