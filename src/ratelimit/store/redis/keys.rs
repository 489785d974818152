use crate::ratelimit::{
    algorithms::CounterName,
    store::{Check, DynamicLimits},
};

/// Which part of a key decides its slot in a Redis cluster.
///
/// The keys of one decision have to be in one slot. Upstash is no such cluster, and `@upstash/ratelimit` has no hash
/// tags: with one, JavaScript and Rust do not share their counts.
///
/// ```
/// use axum_upstash::ratelimit::{FixedWindow, Ratelimit, store::{HashTag, RedisRateLimitStore}};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let store = RedisRateLimitStore::new(redis.clone()).with_hash_tag(HashTag::Prefix);
/// let limiter = Ratelimit::with_store(store, FixedWindow::new(1, Duration::from_secs(60))).with_prefix("api");
/// limiter.limit("user:7").await?;
/// let keys: Vec<String> = redis.keys("*").await?;
/// assert!(keys.iter().all(|key| key.starts_with("{api}")), "{keys:?}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum HashTag {
    /// No tag: the keys of `@upstash/ratelimit`.
    #[default]
    None,
    /// `{<prefix>:<identifier>}`: clients are spread over the slots. For one limit at a time, without a dynamic limit of
    /// the prefix and without a deny list.
    Identifier,
    /// `{<prefix>}:<identifier>`: everything under a prefix is in one slot, so that everything works.
    Prefix,
}

/// The set that a deny query is answered from, as named by `@upstash/ratelimit`.
pub(super) const DENY_LIST: &str = "denyList:all";
/// The part of it that comes from the automatic list.
pub(super) const IP_LIST: &str = "denyList:ipDenyList";
/// Whether the automatic list is there, being fetched, or turned off.
pub(super) const IP_LIST_STATUS: &str = "ipDenyListStatus";

impl HashTag {
    /// The prefix of all keys of one client.
    pub(super) fn client(self, prefix: &str, identifier: &str) -> String {
        match self {
            Self::None => [prefix, ":", identifier].concat(),
            Self::Identifier => ["{", prefix, ":", identifier, "}"].concat(),
            Self::Prefix => ["{", prefix, "}:", identifier].concat(),
        }
    }

    /// A key of the prefix itself.
    pub(super) fn shared(self, prefix: &str, name: &str) -> String {
        match self {
            Self::None | Self::Identifier => [prefix, ":", name].concat(),
            Self::Prefix => ["{", prefix, "}:", name].concat(),
        }
    }

    /// The dynamic limit of a prefix, or of an identifier.
    pub(super) fn dynamic(self, prefix: &str, identifier: Option<&str>) -> String {
        match (self, identifier) {
            (_, None) => self.shared(prefix, "dynamic:global"),
            (Self::Identifier, Some(identifier)) => self.client(prefix, identifier) + ":dynamic",
            (_, Some(identifier)) => self.shared(prefix, "dynamic:identifier:") + identifier,
        }
    }

    /// The dynamic limits that hold for a check, the more particular one first.
    pub(super) fn dynamic_keys(self, check: &Check<'_>) -> (Option<String>, Option<String>) {
        let own = || Some(self.dynamic(check.prefix, Some(check.identifier)));
        let global = || Some(self.dynamic(check.prefix, None));
        match (check.dynamic, self) {
            (DynamicLimits::Off, _) => (None, None),
            (DynamicLimits::Prefix, _) => (None, global()),
            // The other one is in another slot.
            (DynamicLimits::Identifier, Self::Identifier) => (own(), None),
            (DynamicLimits::Identifier, _) => (own(), global()),
        }
    }

    /// The keys that a check counts in, the current one first.
    pub(super) fn counters(self, check: &Check<'_>, now_ms: u64) -> Vec<String> {
        let names = check.algorithm.counters(now_ms);
        names.into_iter().map(|name| self.counter(check.prefix, check.identifier, name)).collect()
    }

    fn counter(self, prefix: &str, identifier: &str, name: CounterName) -> String {
        match name {
            CounterName::Client => self.client(prefix, identifier),
            CounterName::Window(index) => format!("{}:{index}", self.client(prefix, identifier)),
            // In a tag of its own an identifier takes no other one's place, and all its keys stay in one slot.
            CounterName::Tagged(tag) if self == Self::Identifier => {
                [&self.client(prefix, identifier), ":", tag].concat()
            }
            CounterName::Tagged(tag) => self.client(prefix, &[tag, ":", identifier].concat()),
        }
    }
}
