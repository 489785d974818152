use super::Outcome;
use crate::{
    background::Background,
    expiring_map::Name,
    ratelimit::Algorithm,
    rt::{from_unix_ms, unix_ms},
};
use std::time::{Duration, SystemTime};

/// One limit to check for one client.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Check<'a> {
    /// The algorithm, with its limit.
    pub algorithm: &'a Algorithm,
    /// The prefix of the limiter's keys.
    pub prefix: &'a str,
    /// The client.
    pub identifier: &'a str,
    /// The cost of the request. 0 only looks, a negative cost is a refund.
    pub cost: i64,
    /// The settings in the store that replace the algorithm's limit.
    pub dynamic: DynamicLimits,
}

impl<'a> Check<'a> {
    /// A check for a request of cost 1.
    #[must_use]
    pub fn new(algorithm: &'a Algorithm, prefix: &'a str, identifier: &'a str) -> Self {
        Self { algorithm, prefix, identifier, cost: 1, dynamic: DynamicLimits::Off }
    }

    /// Sets the cost (1).
    #[must_use]
    pub fn with_cost(mut self, cost: i64) -> Self {
        self.cost = cost;
        self
    }

    /// Sets which limits of the store apply ([`DynamicLimits::Off`]).
    #[must_use]
    pub fn with_dynamic(mut self, dynamic: DynamicLimits) -> Self {
        self.dynamic = dynamic;
        self
    }

    /// The name of the counter. As in Redis, which has a key for each window, other windows and algorithms count apart.
    pub(in crate::ratelimit) fn name(&self) -> Name<'a> {
        Name { namespace: self.algorithm.namespace(), prefix: self.prefix, text: self.identifier }
    }
}

/// Limits that are kept in the store and can be changed while the application runs.
///
/// They replace an algorithm's limit, not its rates.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::{FixedWindow, store::DynamicLimits}};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), axum_upstash::Error> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let limiter = upstash
///     .ratelimit(FixedWindow::new(10, Duration::from_secs(60)))
///     .with_dynamic_limits(DynamicLimits::Identifier);
/// limiter.set_dynamic_limit_of("user:7", Some(100)).await?;
/// assert_eq!(limiter.limit("user:7").await?.limit, 100);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DynamicLimits {
    /// The algorithm's own limit, always.
    #[default]
    Off,
    /// One limit for each prefix, under the key of `@upstash/ratelimit`.
    Prefix,
    /// The limit of an identifier, or else the one of the prefix.
    Identifier,
}

/// A request to a [`RateLimitStore`](super::RateLimitStore): one or several checks of which all or none are counted.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CheckRequest<'a> {
    /// The limits. All of them admit the request, or none counts it.
    pub checks: &'a [Check<'a>],
    /// The time after which the response is of no use (1 s).
    pub timeout: Duration,
    /// The query of the deny list, which comes before all counting.
    pub deny: Option<DenyQuery<'a>>,
    /// The place for work that no request waits for.
    pub background: &'a Background,
    pub(in crate::ratelimit) now_ms: u64,
}

impl<'a> CheckRequest<'a> {
    /// A request with the default timeout of a second, and without a deny query.
    #[must_use]
    pub fn new(checks: &'a [Check<'a>], now: SystemTime, background: &'a Background) -> Self {
        Self::at(checks, unix_ms(now), background)
    }

    pub(in crate::ratelimit) fn at(checks: &'a [Check<'a>], now_ms: u64, background: &'a Background) -> Self {
        Self { checks, now_ms, timeout: Duration::from_secs(1), deny: None, background }
    }

    /// The time of the request, by the limiter's clock.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        from_unix_ms(self.now_ms)
    }
}

/// A query whether one of the values is on the deny list of a prefix. A request with such a value is not counted.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct DenyQuery<'a> {
    /// The prefix of the list.
    pub prefix: &'a str,
    /// The values to look for.
    pub values: &'a [String],
    /// Whether the response reports that the automatic list of addresses is due.
    pub ip_list: bool,
}

impl<'a> DenyQuery<'a> {
    /// A query for these values.
    #[must_use]
    pub fn new(prefix: &'a str, values: &'a [String]) -> Self {
        Self { prefix, values, ip_list: false }
    }
}

/// The response of a [`RateLimitStore`](super::RateLimitStore) to a [`CheckRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct CheckResponse {
    /// The outcome of each check, in order. Either all of them are allowed, or nothing was counted. Empty if the request
    /// was denied.
    pub outcomes: Vec<Outcome>,
    /// The value of the deny query that is on the list. Nothing was counted.
    pub denied: Option<String>,
    /// Whether the automatic list of addresses is due, and this caller is the one to fetch it.
    pub ip_list_due: bool,
}

impl CheckResponse {
    /// A response with the outcome of each check.
    pub fn counted(outcomes: Vec<Outcome>) -> Self {
        Self { outcomes, denied: None, ip_list_due: false }
    }

    /// A response for a value on the deny list.
    pub fn denied(value: impl Into<String>) -> Self {
        Self { outcomes: Vec::new(), denied: Some(value.into()), ip_list_due: false }
    }

    /// Whether the request may pass.
    #[must_use]
    pub fn allowed(&self) -> bool {
        self.denied.is_none() && self.outcomes.iter().all(|outcome| outcome.allowed)
    }
}
