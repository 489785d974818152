//! What every [`RateLimitStore`] has to do, as functions that panic where one does not.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use axum_upstash::ratelimit::{MemoryStore, conformance};
//!
//! conformance::run(&MemoryStore::new(), "any-prefix-not-used-before").await;
//! # }
//! ```

use super::{Algorithm, Check, FixedWindow, Outcome, RateLimitStore, SlidingWindow, TokenBucket, algorithms::Bucket};
use std::time::Duration;

/// Runs the whole suite. `prefix` keeps its keys apart from all others in the store.
///
/// # Panics
/// Where the store does not behave.
pub async fn run(store: &dyn RateLimitStore, prefix: &str) {
    sliding_window_vectors(store, prefix).await;
    token_bucket_vectors(store, prefix).await;
    refusals_consume_nothing(store, prefix).await;
    looking_and_forgetting(store, prefix).await;
    follows_the_model(store, prefix).await;
}

/// A time to start from, at the border of minutes, not long ago: keys live by the store's own clock.
fn start() -> u64 {
    crate::Clock::system().now_ms() / 60_000 * 60_000
}

async fn take(store: &dyn RateLimitStore, algorithm: &Algorithm, key: &str, now_ms: u64, cost: u32) -> Outcome {
    let check = Check::new(algorithm, key, now_ms).with_cost(cost);
    store.take(check).await.unwrap_or_else(|error| panic!("{algorithm:?} {key} failed: {error}"))
}

async fn sliding_window_vectors(store: &dyn RateLimitStore, prefix: &str) {
    let algorithm = SlidingWindow::new(10, Duration::from_secs(60)).into();
    let start = start();
    // offset, counted before, counted now, cost, allowed, remaining, retry after
    for (case, (offset, previous, current, cost, allowed, remaining, retry)) in [
        (15_000, 4, 5, 1, true, 1, None),
        (0, 10, 0, 1, false, 0, Some(1)),
        (1, 10, 0, 1, true, 0, None),
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
        let key = format!("{prefix}:sliding:{case}");
        if previous > 0 {
            assert!(take(store, &algorithm, &key, start - 60_000, previous).await.allowed, "case {case}");
        }
        if current > 0 {
            // Late enough that what was counted before has slid out; counted in this window all the same.
            assert!(take(store, &algorithm, &key, start + 59_999, current).await.allowed, "case {case}");
        }
        let outcome = take(store, &algorithm, &key, start + offset, cost).await;
        assert_eq!(outcome, Outcome::new(allowed, remaining, start + 60_000, retry), "case {case}");
    }
}

async fn token_bucket_vectors(store: &dyn RateLimitStore, prefix: &str) {
    let algorithm = TokenBucket::new(5, Duration::from_secs(10), 10).into();
    let start = start();
    let key = format!("{prefix}:bucket");
    for (at, cost, allowed, remaining, reset, retry) in [
        (0, 10, true, 0, 10_000, None),
        (9_999, 1, false, 0, 10_000, Some(1)),
        (10_000, 6, false, 5, 20_000, Some(10_000)),
        (10_000, 5, true, 0, 20_000, None),
        (28_000, 1, true, 4, 30_000, None),
    ] {
        let outcome = take(store, &algorithm, &key, start + at, cost).await;
        assert_eq!(outcome, Outcome::new(allowed, remaining, start + reset, retry), "at {at}");
    }
}

fn algorithms(limit: u32) -> [Algorithm; 3] {
    let minute = Duration::from_secs(60);
    [
        FixedWindow::new(limit, minute).into(),
        SlidingWindow::new(limit, minute).into(),
        TokenBucket::new(limit, minute, limit).into(),
    ]
}

async fn refusals_consume_nothing(store: &dyn RateLimitStore, prefix: &str) {
    let now = start();
    for (index, algorithm) in algorithms(10).iter().enumerate() {
        let key = format!("{prefix}:weights:{index}");
        assert_eq!(take(store, algorithm, &key, now, 8).await.remaining, 2);
        let refused = take(store, algorithm, &key, now, 5).await;
        assert_eq!((refused.allowed, refused.remaining), (false, 2), "{algorithm:?}");
        let passed = take(store, algorithm, &key, now, 1).await;
        assert_eq!((passed.allowed, passed.remaining), (true, 1), "{algorithm:?}");
    }
}

async fn looking_and_forgetting(store: &dyn RateLimitStore, prefix: &str) {
    let now = start();
    for (index, algorithm) in algorithms(3).iter().enumerate() {
        let key = format!("{prefix}:looks:{index}");
        assert_eq!(take(store, algorithm, &key, now, 0).await.remaining, 3);
        take(store, algorithm, &key, now, 2).await;
        for _ in 0..5 {
            assert_eq!(take(store, algorithm, &key, now, 0).await.remaining, 1, "{algorithm:?}");
        }
        let check = Check::new(algorithm, &key, now);
        store.reset(check).await.unwrap_or_else(|error| panic!("reset failed: {error}"));
        assert_eq!(take(store, algorithm, &key, now, 0).await.remaining, 3, "{algorithm:?}");
    }
}

/// A slow model with plain maps takes the same steps, forward in time, with weights that vary.
async fn follows_the_model(store: &dyn RateLimitStore, prefix: &str) {
    let start = start();
    let fixed = FixedWindow::new(7, Duration::from_secs(5));
    let sliding = SlidingWindow::new(7, Duration::from_secs(5));
    let bucket = TokenBucket::new(2, Duration::from_secs(3), 7);
    let mut counted = [std::collections::BTreeMap::<u64, u64>::new(), std::collections::BTreeMap::new()];
    let mut state: Option<Bucket> = None;
    let mut now = start;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for step in 0..120 {
        // A fixed sequence of numbers: a failure repeats.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        now += (random >> 33) % 900;
        let cost = u32::try_from((random >> 50) % 4).unwrap_or(0);
        let index = now / 5_000;
        let used = |map: &std::collections::BTreeMap<u64, u64>, index| map.get(&index).copied().unwrap_or(0);

        let model = fixed.decide(now, used(&counted[0], index), cost.into());
        assert_eq!(take(store, &fixed.into(), &format!("{prefix}:model:f"), now, cost).await, model, "fixed {step}");
        if model.allowed {
            *counted[0].entry(index).or_default() += u64::from(cost);
        }

        let (previous, current) = (used(&counted[1], index - 1), used(&counted[1], index));
        let model = sliding.decide(now, previous, current, cost.into());
        assert_eq!(
            take(store, &sliding.into(), &format!("{prefix}:model:s"), now, cost).await,
            model,
            "sliding {step}"
        );
        if model.allowed {
            *counted[1].entry(index).or_default() += u64::from(cost);
        }

        let filled = bucket.refill(state, now);
        let model = bucket.decide(now, filled, cost.into());
        let outcome = take(store, &bucket.into(), &format!("{prefix}:model:b"), now, cost).await;
        // A full bucket is not kept, so its phase starts anew; what may pass is the same.
        assert_eq!((outcome.allowed, outcome.remaining), (model.allowed, model.remaining), "bucket {step}");
        if model.allowed && cost > 0 {
            state = Some(Bucket { tokens: filled.tokens - i64::from(cost), ..filled });
        }
    }
}
