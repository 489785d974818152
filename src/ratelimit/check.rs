use super::{Algorithm, Background};
use crate::expiring_map::Name;
use std::time::Duration;

/// One limit to be checked for one client.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Check<'a> {
    /// How requests are counted.
    pub algorithm: &'a Algorithm,
    /// What the limiter's keys begin with.
    pub prefix: &'a str,
    /// Whose request it is.
    pub identifier: &'a str,
    /// How much this request counts: 0 only looks, less gives back.
    pub cost: i64,
    /// Which settings in the store take the place of the algorithm's limit.
    pub dynamic: DynamicLimits,
}

impl<'a> Check<'a> {
    /// A request of cost 1.
    #[must_use]
    pub fn new(algorithm: &'a Algorithm, prefix: &'a str, identifier: &'a str) -> Self {
        Self { algorithm, prefix, identifier, cost: 1, dynamic: DynamicLimits::Off }
    }

    /// The same with another cost.
    #[must_use]
    pub fn with_cost(mut self, cost: i64) -> Self {
        self.cost = cost;
        self
    }

    /// The same with limits from the store.
    #[must_use]
    pub fn with_dynamic(mut self, dynamic: DynamicLimits) -> Self {
        self.dynamic = dynamic;
        self
    }

    /// Where it counts. As in Redis, where each window is a key, limiters of another window or kind count apart.
    pub(super) fn name(&self) -> Name<'a> {
        let kind = match self.algorithm {
            Algorithm::FixedWindow(_) | Algorithm::SlidingWindow(_) => {
                u64::try_from(self.algorithm.window().as_millis()).unwrap_or(u64::MAX)
            }
            Algorithm::TokenBucket(_) => 0,
            Algorithm::Gcra(_) => u64::MAX,
        };
        Name { kind, prefix: self.prefix, text: self.identifier }
    }
}

/// Limits that are kept in the store and can be changed while the application runs.
///
/// They take the place of an algorithm's limit, not of its rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DynamicLimits {
    /// The algorithm's own limit, always.
    #[default]
    Off,
    /// One for each prefix, under the key of `@upstash/ratelimit`.
    Prefix,
    /// One for an identifier, or else the one of the prefix.
    Identifier,
}

/// Everything a [`RateLimitStore`](super::RateLimitStore) is asked at once.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Question<'a> {
    /// The limits. All of them admit the request, or none counts it.
    pub checks: &'a [Check<'a>],
    /// Now, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// How long an answer is of use.
    pub timeout: Duration,
    /// Who is on the deny list, if anybody: see [`DenyQuery`].
    pub deny: Option<DenyQuery<'a>>,
    /// Where a store leaves work that nobody waits for.
    pub background: &'a Background,
}

impl<'a> Question<'a> {
    /// A question with the default deadline of a second.
    #[must_use]
    pub fn new(checks: &'a [Check<'a>], now_ms: u64, background: &'a Background) -> Self {
        Self { checks, now_ms, timeout: Duration::from_secs(1), deny: None, background }
    }
}

/// Asks whether one of the values stands on the deny list of a prefix. A request that does is not counted.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct DenyQuery<'a> {
    /// Whose list.
    pub prefix: &'a str,
    /// What may stand on it.
    pub values: &'a [String],
    /// Whether to find out, and to say, that the automatic list of addresses is due.
    pub ip_list: bool,
}

impl<'a> DenyQuery<'a> {
    /// A query for these values.
    #[must_use]
    pub fn new(prefix: &'a str, values: &'a [String]) -> Self {
        Self { prefix, values, ip_list: false }
    }
}
