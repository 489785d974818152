use super::{Subject, seen, start};
use crate::ratelimit::{
    Algorithm, FixedWindow, Gcra, Rate, SlidingWindow, TokenBucket,
    store::{Check, CheckRequest},
};
use std::time::Duration;

pub(super) async fn sliding_window_vectors(subject: &Subject<'_>) {
    let algorithm = SlidingWindow::new(10, Duration::from_secs(60)).into();
    let start = start();
    // offset, counted before, counted now, cost, allowed, remaining, retry after
    for (case, (offset, previous, current, cost, allowed, remaining, retry)) in [
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
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("sliding:{case}");
        if previous > 0 {
            assert!(subject.check(&algorithm, &key, start - 60_000, previous).await.allowed, "case {case}");
        }
        if current > 0 {
            // Late enough that what was counted before has slid out; counted in this window all the same.
            assert!(subject.check(&algorithm, &key, start + 59_999, current).await.allowed, "case {case}");
        }
        let outcome = subject.check(&algorithm, &key, start + offset, cost).await;
        assert_eq!(seen(&outcome), (allowed, remaining, start + 60_000, retry), "case {case}");
    }
}

pub(super) async fn token_bucket_vectors(subject: &Subject<'_>) {
    let algorithm = TokenBucket::new(10, Rate::new(5, Duration::from_secs(10))).into();
    let start = start();
    for (at, cost, allowed, remaining, reset, retry) in [
        (0, 10, true, 0, 10_000, None),
        (9_999, 1, false, 0, 10_000, Some(1)),
        (10_000, 6, false, 5, 20_000, Some(10_000)),
        (10_000, 5, true, 0, 20_000, None),
        (28_000, 1, true, 4, 30_000, None),
        // Full since 40 s: the steps begin anew.
        (48_000, 1, true, 9, 58_000, None),
    ] {
        let outcome = subject.check(&algorithm, "bucket", start + at, cost).await;
        assert_eq!(seen(&outcome), (allowed, remaining, start + reset, retry), "at {at}");
    }
}

pub(super) async fn gcra_vectors(subject: &Subject<'_>) {
    let algorithm = Gcra::new(Rate::new(10, Duration::from_secs(60)), 5).into();
    let start = start();
    for (at, cost, allowed, remaining, reset, retry) in [
        (0, 1, true, 4, 6_000, None),
        (0, 3, true, 1, 24_000, None),
        (0, 1, true, 0, 30_000, None),
        (0, 1, false, 0, 30_000, Some(6_000)),
        (3_000, 1, false, 0, 30_000, Some(3_000)),
        (6_000, 1, true, 0, 36_000, None),
        (6_000, 2, false, 0, 36_000, Some(12_000)),
        (36_000, 5, true, 0, 66_000, None),
        (36_000, 6, false, 0, 66_000, None),
    ] {
        let outcome = subject.check(&algorithm, "gcra", start + at, cost).await;
        assert_eq!(seen(&outcome), (allowed, remaining, start + reset, retry), "at {at}, cost {cost}");
    }
}

pub(super) fn algorithms(limit: u32) -> [Algorithm; 4] {
    let minute = Duration::from_secs(60);
    [
        FixedWindow::new(limit, minute).into(),
        SlidingWindow::new(limit, minute).into(),
        TokenBucket::new(limit, Rate::new(limit, minute)).into(),
        Gcra::new(Rate::new(limit, minute), limit).into(),
    ]
}

pub(super) async fn refusals_consume_nothing(subject: &Subject<'_>) {
    let now = start();
    for (index, algorithm) in algorithms(10).iter().enumerate() {
        let key = format!("weights:{index}");
        assert_eq!(subject.check(algorithm, &key, now, 8).await.remaining, 2);
        let refused = subject.check(algorithm, &key, now, 5).await;
        assert_eq!((refused.allowed, refused.remaining), (false, 2), "{algorithm:?}");
        let passed = subject.check(algorithm, &key, now, 2).await;
        assert_eq!((passed.allowed, passed.remaining), (true, 0), "{algorithm:?}");
        // However often it was refused, a refund of one is a refund of one.
        for _ in 0..3 {
            assert!(!subject.check(algorithm, &key, now, 1).await.allowed, "{algorithm:?}");
        }
        assert_eq!(subject.check(algorithm, &key, now, -1).await.remaining, 1, "{algorithm:?}");
        assert!(subject.check(algorithm, &key, now, 1).await.allowed, "{algorithm:?}");
        assert!(!subject.check(algorithm, &key, now, 1).await.allowed, "{algorithm:?}");
    }
}

pub(super) async fn a_raised_limit_has_room_at_once(subject: &Subject<'_>) {
    let now = start();
    for (index, algorithm) in algorithms(10).iter().enumerate() {
        // The tokens of a bucket come with time, however many fit into it.
        if matches!(algorithm, Algorithm::TokenBucket(_)) {
            continue;
        }
        let key = format!("raised:{index}");
        let mut passed = 0;
        for _ in 0..40 {
            passed += u32::from(subject.check(algorithm, &key, now, 1).await.allowed);
        }
        assert_eq!(passed, 10, "{algorithm:?}");
        let raised = algorithm.with_limit(30);
        let outcome = subject.check(&raised, &key, now, 1).await;
        assert_eq!((outcome.allowed, outcome.remaining), (true, 19), "{algorithm:?}: what was refused was counted");
    }
}

/// Two instances whose clocks differ a little check from one limit, and never more than it has.
///
/// The steps are longer than a call takes: a store keeps keys by its own clock, and that may not overtake this one.
pub(super) async fn clocks_that_differ_a_little_let_no_more_through(subject: &Subject<'_>) {
    let now = start();
    let span = Duration::from_secs(5);
    for skew in [1, 100, 999] {
        let rates: [Algorithm; 2] =
            [Gcra::new(Rate::new(5, span), 10).into(), TokenBucket::new(10, Rate::new(10, span)).into()];
        for (index, algorithm) in rates.iter().enumerate() {
            let (key, mut admitted, mut passed) = (format!("skew:{skew}:{index}"), 0, 0);
            while passed < 60_000 {
                for now in [now + passed + skew, now + passed] {
                    admitted += u64::from(subject.check(algorithm, &key, now, 1).await.allowed);
                }
                passed += 250;
            }
            let most = match algorithm {
                Algorithm::Gcra(_) => 10 + (passed + skew) / 1_000 + 1,
                _ => 10 + 10 * ((passed + skew) / 5_000),
            };
            assert!(admitted <= most, "{algorithm:?}: {admitted} of {most}, with clocks {skew} ms apart");
        }
    }
}

/// One instance has a clock that is a day ahead, or had one.
pub(super) async fn a_clock_ahead_locks_no_client_out(subject: &Subject<'_>) {
    let now = start();
    for (index, algorithm) in algorithms(5).iter().enumerate() {
        let key = format!("ahead:{index}");
        let longest = match algorithm {
            // A sliding window counts this window's requests in the next one as well.
            Algorithm::SlidingWindow(_) => 120_000,
            _ => 60_000,
        };
        subject.check(algorithm, &key, now + 86_400_000, 5).await;
        let outcome = subject.check(algorithm, &key, now, 1).await;
        if outcome.allowed {
            continue;
        }
        let (wait, next) = (outcome.retry_after_ms.unwrap_or(u64::MAX), outcome.next_ms.unwrap_or(0));
        assert!(wait <= longest && next <= longest, "{algorithm:?}: refused for {wait} ms");
        let later = subject.check(algorithm, &key, now + wait, 1).await;
        assert!(later.allowed, "{algorithm:?}: {later:?} after {wait} ms");
    }
}

pub(super) async fn refunds(subject: &Subject<'_>) {
    let now = start();
    for (index, algorithm) in algorithms(10).iter().enumerate() {
        let beyond = !matches!(algorithm, Algorithm::Gcra(_));
        let key = |case: &str| format!("refund:{case}:{index}");
        let fresh = subject.check(algorithm, &key("fresh"), now, -3).await;
        assert_eq!((fresh.allowed, fresh.remaining), (true, if beyond { 13 } else { 10 }), "{algorithm:?}");
        subject.check(algorithm, &key("used"), now, 5).await;
        assert_eq!(subject.check(algorithm, &key("used"), now, -5).await.remaining, 10, "{algorithm:?}");
        assert_eq!(subject.check(algorithm, &key("used"), now, 4).await.remaining, 6, "{algorithm:?}");
    }
}

pub(super) async fn looking_and_forgetting(subject: &Subject<'_>) {
    let now = start();
    for (index, algorithm) in algorithms(3).iter().enumerate() {
        let key = format!("looks:{index}");
        let neighbour = format!("{key}:{}", now / 60_000);
        subject.check(algorithm, &neighbour, now, 3).await;
        assert_eq!(subject.check(algorithm, &key, now, 0).await.remaining, 3);
        subject.check(algorithm, &key, now, 2).await;
        for _ in 0..5 {
            assert_eq!(subject.check(algorithm, &key, now, 0).await.remaining, 1, "{algorithm:?}");
        }
        let checks = [Check::new(algorithm, subject.prefix, &key)];
        let mut request = CheckRequest::at(&checks, now, &subject.background);
        request.timeout = Duration::from_secs(20);
        let reset = subject.store.reset(request).await;
        reset.unwrap_or_else(|error| panic!("reset failed: {error}"));
        assert_eq!(subject.check(algorithm, &key, now, 0).await.remaining, 3, "{algorithm:?}");
        // Exactly its own keys, and not those that begin as they do.
        assert_eq!(subject.check(algorithm, &neighbour, now, 0).await.remaining, 0, "{algorithm:?}");
    }
}
