use super::{HashTag, question::ask};
use crate::{
    CircuitBreaker, Error,
    ratelimit::{
        Algorithm, Answer, Check, DynamicLimits, FixedWindow, Question, RateLimitStore,
        algorithms::{State, Window},
    },
    redis::{Redis, Script},
};
use futures_core::future::BoxFuture;
use std::time::Duration;

static FIXED_WINDOW: Script = Script::new(include_str!("../scripts/fixed_window.lua"));

/// A counter outlives its window a little, for clients whose clock is behind.
const GRACE_MS: u64 = 1_000;

/// Counts in Redis, one script and one request for each decision.
///
/// The keys and values are those of `@upstash/ratelimit`, so that a JavaScript and a Rust service can share a limit:
/// `<prefix>:<identifier>:<window>` for the windows, a hash at `<prefix>:<identifier>` for the bucket. GCRA, which is
/// not in JavaScript, keeps a number at `<prefix>:gcra:<identifier>`. Every key that counts has a time to live.
#[derive(Debug, Clone)]
#[must_use]
pub struct RedisStore {
    redis: Redis,
    tag: HashTag,
}

impl RedisStore {
    /// Counts in this database.
    pub fn new(redis: Redis) -> Self {
        Self { redis, tag: HashTag::None }
    }

    /// For a Redis cluster: which part of a key decides its slot.
    pub fn with_hash_tag(mut self, tag: HashTag) -> Self {
        self.tag = tag;
        self
    }

    /// The database.
    pub(in crate::ratelimit) fn redis(&self) -> &Redis {
        &self.redis
    }

    /// A key of a prefix.
    pub(in crate::ratelimit) fn shared_key(&self, prefix: &str, name: &str) -> String {
        self.tag.shared(prefix, name)
    }

    async fn decide(&self, question: Question<'_>) -> Result<Answer, Error> {
        match question.checks {
            [check] if question.deny.is_none() && check.dynamic == DynamicLimits::Off && check.cost > 0 => {
                match check.algorithm {
                    Algorithm::FixedWindow(window) => self.count_first(*check, window, question).await,
                    _ => ask(&self.redis, self.tag, question).await,
                }
            }
            _ => ask(&self.redis, self.tag, question).await,
        }
    }

    /// A fixed window with one command less.
    async fn count_first(
        &self,
        check: Check<'_>,
        window: &FixedWindow,
        question: Question<'_>,
    ) -> Result<Answer, Error> {
        let now_ms = question.now_ms;
        let index = window.window_index(now_ms);
        let counts = |current| State::Window(Window { index, previous: 0, current });
        let ttl = check.algorithm.expires_ms(counts(0)).saturating_sub(now_ms).saturating_add(GRACE_MS);
        let key = self.tag.counters(&check, now_ms).swap_remove(0);
        let call = self.redis.script(&FIXED_WINDOW).key(key).arg(check.algorithm.limit()).arg(check.cost);
        let (admitted, used): (bool, i64) = call.arg(ttl).timeout(question.timeout).query().await?;
        let (mut outcome, _) = check.algorithm.decide(now_ms, Some(counts(used)), check.cost);
        outcome.allowed = admitted;
        Ok(Answer::counted(vec![outcome]))
    }

    async fn forget(&self, check: Check<'_>, now_ms: u64, timeout: Duration) -> Result<(), Error> {
        let mut keys = self.tag.counters(&check, now_ms);
        if let Algorithm::FixedWindow(window) = check.algorithm {
            // The one before as well, for processes whose clock is behind.
            keys.push(format!(
                "{}:{}",
                self.tag.client(check.prefix, check.identifier),
                window.window_index(now_ms).saturating_sub(1)
            ));
        }
        keys.iter().fold(self.redis.cmd("DEL"), |call, key| call.key(key.as_str())).timeout(timeout).await?;
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

impl RateLimitStore for RedisStore {
    fn take<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Answer, Error>> {
        Box::pin(self.decide(question))
    }

    fn reset<'a>(&'a self, check: Check<'a>, now_ms: u64, timeout: Duration) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.forget(check, now_ms, timeout))
    }

    fn breaker(&self) -> Option<CircuitBreaker> {
        Some(self.redis.breaker())
    }

    fn as_redis(&self) -> Option<&RedisStore> {
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
