//! The contract of every [`RateLimitStore`], as functions that panic if a store breaks it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use axum_upstash::ratelimit::{conformance, store::MemoryRateLimitStore};
//!
//! conformance::run(&MemoryRateLimitStore::new(), "any-prefix-not-used-before").await;
//! # }
//! ```

mod model;
mod scenarios;
mod several;
mod walk;

use super::{
    Algorithm,
    store::{Check, CheckRequest, CheckResponse, DynamicLimits, Outcome, RateLimitStore},
};
use crate::background::Background;
use std::time::Duration;

/// Runs the whole suite. `prefix` keeps its keys apart from all others in the store.
///
/// # Panics
/// If the store breaks the contract.
pub async fn run(store: &dyn RateLimitStore, prefix: &str) {
    let subject = Subject { store, prefix, background: Background::new() };
    scenarios::sliding_window_vectors(&subject).await;
    scenarios::token_bucket_vectors(&subject).await;
    scenarios::gcra_vectors(&subject).await;
    scenarios::refusals_consume_nothing(&subject).await;
    scenarios::refunds(&subject).await;
    scenarios::a_raised_limit_has_room_at_once(&subject).await;
    scenarios::clocks_that_differ_a_little_let_no_more_through(&subject).await;
    scenarios::a_clock_ahead_locks_no_client_out(&subject).await;
    scenarios::looking_and_forgetting(&subject).await;
    several::all_or_none(&subject).await;
    several::dynamic_limits(&subject).await;
    run_walk(store, prefix, 1).await;
}

/// Takes a random walk, the one of this number, with every algorithm: costs, refunds and looks at times that go forward
/// by leaps and bounds. A slow and simple model takes the same steps, and has to agree at each of them.
///
/// # Panics
/// If the store breaks the contract.
pub async fn run_walk(store: &dyn RateLimitStore, prefix: &str, seed: u64) {
    let subject = Subject { store, prefix, background: Background::new() };
    walk::walk(&subject, seed).await;
}

/// A store under test.
struct Subject<'a> {
    store: &'a dyn RateLimitStore,
    prefix: &'a str,
    background: Background,
}

impl Subject<'_> {
    async fn check(&self, algorithm: &Algorithm, identifier: &str, now_ms: u64, cost: i64) -> Outcome {
        self.take_with(Check::new(algorithm, self.prefix, identifier).with_cost(cost), now_ms).await
    }

    async fn take_with(&self, check: Check<'_>, now_ms: u64) -> Outcome {
        self.take_all(&[check], now_ms).await.outcomes[0]
    }

    async fn take_all(&self, checks: &[Check<'_>], now_ms: u64) -> CheckResponse {
        let mut request = CheckRequest::at(checks, now_ms, &self.background);
        request.timeout = Duration::from_secs(20);
        let answer = self.store.check(request).await.unwrap_or_else(|error| panic!("{checks:?} failed: {error}"));
        assert_eq!(answer.outcomes.len(), checks.len(), "an outcome for each check");
        answer
    }

    fn dynamic<'c>(&'c self, algorithm: &'c Algorithm, identifier: &'c str, dynamic: DynamicLimits) -> Check<'c> {
        Check::new(algorithm, self.prefix, identifier).with_dynamic(dynamic)
    }
}

/// A time to start from, at the border of minutes, not long ago: keys live by the store's own clock.
fn start() -> u64 {
    crate::Clock::system().now_ms() / 60_000 * 60_000
}

/// What of an outcome has to be the same in every store.
fn seen(outcome: &Outcome) -> (bool, u64, u64, Option<u64>) {
    (outcome.allowed, outcome.remaining, outcome.reset_ms, outcome.retry_after_ms)
}
