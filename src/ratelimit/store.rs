use super::{Algorithm, Outcome};
use crate::Error;
use futures_core::future::BoxFuture;
use std::{fmt, sync::Arc, time::Duration};

/// Where a limiter counts. Redis and memory implement it; `conformance` (feature `testing`) is the suite for others.
///
/// Each call is atomic: of any number of concurrent calls exactly as many are admitted as the limit has room for.
pub trait RateLimitStore: fmt::Debug + Send + Sync + 'static {
    /// Admits the request and counts its cost, or refuses it and counts nothing. A cost of 0 only looks.
    ///
    /// # Errors
    /// Where the store cannot be asked; what follows from that is the limiter's policy.
    fn take<'a>(&'a self, check: Check<'a>) -> BoxFuture<'a, Result<Outcome, Error>>;

    /// As [`take`](Self::take), for stores that need not wait.
    fn take_now(&self, check: Check<'_>) -> Option<Outcome> {
        let _ = check;
        None
    }

    /// Forgets what was counted for the key.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    fn reset<'a>(&'a self, check: Check<'a>) -> BoxFuture<'a, Result<(), Error>>;
}

impl<T: RateLimitStore + ?Sized> RateLimitStore for Arc<T> {
    fn take<'a>(&'a self, check: Check<'a>) -> BoxFuture<'a, Result<Outcome, Error>> {
        (**self).take(check)
    }

    fn take_now(&self, check: Check<'_>) -> Option<Outcome> {
        (**self).take_now(check)
    }

    fn reset<'a>(&'a self, check: Check<'a>) -> BoxFuture<'a, Result<(), Error>> {
        (**self).reset(check)
    }
}

/// What a [`RateLimitStore`] is asked.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Check<'a> {
    /// How requests are counted.
    pub algorithm: &'a Algorithm,
    /// Whose requests: prefix and identifier.
    pub key: &'a str,
    /// How much this one counts.
    pub cost: u32,
    /// Now, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// How long an answer is of use.
    pub timeout: Duration,
}

impl<'a> Check<'a> {
    /// A request of cost 1.
    #[must_use]
    pub fn new(algorithm: &'a Algorithm, key: &'a str, now_ms: u64) -> Self {
        Self { algorithm, key, cost: 1, now_ms, timeout: Duration::from_secs(5) }
    }

    /// The same with another cost.
    #[must_use]
    pub fn with_cost(mut self, cost: u32) -> Self {
        self.cost = cost;
        self
    }
}
