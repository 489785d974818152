use super::{HashTag, script::ask};
use crate::{
    CircuitBreaker, Error,
    ratelimit::{
        Algorithm,
        store::{Check, CheckRequest, CheckResponse, DenyListStore, DynamicLimits, RateLimitStore},
    },
    redis::{Redis, Script},
};
use futures_core::future::BoxFuture;

static FIXED_WINDOW: Script = Script::new(include_str!("fixed_window.lua"));

/// A counter outlives its window a little, for clients whose clock is behind.
const GRACE_MS: u64 = 1_000;

/// Counts in Redis, one script and one request for each decision.
///
/// The keys and values are those of `@upstash/ratelimit`, so that a JavaScript and a Rust service can share a limit:
/// `<prefix>:<identifier>:<window>` for the windows, a hash at `<prefix>:<identifier>` for the bucket. GCRA, which is
/// not in JavaScript, keeps a number at `<prefix>:gcra:<identifier>`. Every key that counts has a time to live.
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
/// let store = RedisRateLimitStore::new(redis).with_hash_tag(HashTag::Identifier); // for a Redis cluster
/// let limiter = Ratelimit::with_store(store, FixedWindow::new(1, Duration::from_secs(60)));
/// assert!(limiter.limit("user:7").await?.allowed);
/// assert!(!limiter.limit("user:7").await?.allowed);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct RedisRateLimitStore {
    redis: Redis,
    tag: HashTag,
}

impl RedisRateLimitStore {
    /// Counts in this database.
    pub fn new(redis: Redis) -> Self {
        Self { redis, tag: HashTag::None }
    }

    /// Sets the part of a key that decides its slot in a Redis cluster.
    pub fn with_hash_tag(mut self, tag: HashTag) -> Self {
        self.tag = tag;
        self
    }

    /// The database.
    pub(super) fn redis(&self) -> &Redis {
        &self.redis
    }

    /// A key of a prefix.
    pub(super) fn shared_key(&self, prefix: &str, name: &str) -> String {
        self.tag.shared(prefix, name)
    }

    async fn decide(&self, request: CheckRequest<'_>) -> Result<CheckResponse, Error> {
        match request.checks {
            [check] if request.deny.is_none() && check.dynamic == DynamicLimits::Off && check.cost > 0 => {
                match check.algorithm {
                    Algorithm::FixedWindow(_) => self.count_first(*check, request).await,
                    _ => ask(&self.redis, self.tag, request).await,
                }
            }
            _ => ask(&self.redis, self.tag, request).await,
        }
    }

    /// A fixed window with one command less.
    async fn count_first(&self, check: Check<'_>, request: CheckRequest<'_>) -> Result<CheckResponse, Error> {
        let now_ms = request.now_ms;
        let state = |used| check.algorithm.state_from_reply(0, used, now_ms);
        let ttl = check.algorithm.expires_ms(state(0)).saturating_sub(now_ms).saturating_add(GRACE_MS);
        let key = self.tag.counters(&check, now_ms).swap_remove(0);
        let call = self.redis.script(&FIXED_WINDOW).key(key).arg(check.algorithm.limit()).arg(check.cost);
        let (admitted, used): (bool, i64) = call.arg(ttl).timeout(request.timeout).query().await?;
        let (mut outcome, _) = check.algorithm.decide(now_ms, Some(state(used)), check.cost);
        outcome.allowed = admitted;
        Ok(CheckResponse::counted(vec![outcome]))
    }

    /// Deletes counters: those of now, and those of the previous window for processes whose clock is behind.
    async fn delete(&self, request: CheckRequest<'_>) -> Result<(), Error> {
        let mut keys = Vec::new();
        for check in request.checks {
            let window_ms = u64::try_from(check.algorithm.window().as_millis()).unwrap_or(u64::MAX);
            keys.extend(self.tag.counters(check, request.now_ms));
            if check.algorithm.is_windowed() {
                keys.extend(self.tag.counters(check, request.now_ms.saturating_sub(window_ms)));
            }
        }
        keys.sort_unstable();
        keys.dedup();
        keys.iter().fold(self.redis.cmd("DEL"), |call, key| call.key(key.as_str())).timeout(request.timeout).await?;
        Ok(())
    }

    async fn set_limit(&self, key: String, limit: Option<u32>) -> Result<(), Error> {
        match limit {
            Some(limit) => self.redis.cmd("SET").key(key).arg(limit).await?,
            None => self.redis.cmd("DEL").key(key).await?,
        };
        Ok(())
    }
}

impl RateLimitStore for RedisRateLimitStore {
    fn check<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<CheckResponse, Error>> {
        Box::pin(self.decide(request))
    }

    fn reset<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.delete(request))
    }

    fn breaker(&self) -> Option<CircuitBreaker> {
        Some(self.redis.breaker())
    }

    fn deny_lists(&self) -> Option<&dyn DenyListStore> {
        Some(self)
    }

    fn dynamic_limit<'a>(
        &'a self,
        prefix: &'a str,
        identifier: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<u32>, Error>> {
        let key = self.tag.dynamic(prefix, identifier);
        Box::pin(async move { self.redis.cmd("GET").key(key).query().await })
    }

    fn set_dynamic_limit<'a>(
        &'a self,
        prefix: &'a str,
        identifier: Option<&'a str>,
        limit: Option<u32>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.set_limit(self.tag.dynamic(prefix, identifier), limit))
    }
}
