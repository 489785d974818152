use super::{Algorithm, Check, Outcome, RateLimitStore, algorithms::Bucket};
use crate::{
    Error,
    redis::{Redis, Script},
};
use futures_core::future::BoxFuture;

static FIXED_WINDOW: Script = Script::new(include_str!("scripts/fixed_window.lua"));
static SLIDING_WINDOW: Script = Script::new(include_str!("scripts/sliding_window.lua"));
static TOKEN_BUCKET: Script = Script::new(include_str!("scripts/token_bucket.lua"));

/// Counts in Redis, one script and one request for each decision.
///
/// The keys and values are those of `@upstash/ratelimit`, so that a JavaScript and a Rust service can share a limit:
/// `<prefix>:<identifier>:<window>` for the windows, a hash at `<prefix>:<identifier>` for the bucket. Every key has a
/// time to live.
#[derive(Debug, Clone)]
pub struct RedisStore {
    redis: Redis,
}

impl RedisStore {
    /// Counts in this database.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis }
    }

    async fn decide(&self, check: Check<'_>) -> Result<Outcome, Error> {
        let Check { algorithm, key, cost, now_ms, timeout } = check;
        let cost_u64 = u64::from(cost);
        let outcome = match algorithm {
            Algorithm::FixedWindow(window) => {
                let ttl = window.window_end(now_ms) - now_ms + GRACE_MS;
                let call = self.redis.script(&FIXED_WINDOW).key(window_key(key, window.window_index(now_ms)));
                let (admitted, used): (bool, i64) =
                    call.arg(algorithm.limit()).arg(cost).arg(ttl).timeout(timeout).query().await?;
                (admitted, window.decide(now_ms, counted(used), cost_u64))
            }
            Algorithm::SlidingWindow(window) => {
                let index = window.window_index(now_ms);
                let call = self.redis.script(&SLIDING_WINDOW).key(window_key(key, index));
                let call = call.key(window_key(key, index.saturating_sub(1)));
                let call = call.arg(algorithm.limit()).arg(now_ms).arg(window.window_ms()).arg(cost);
                let (admitted, previous, current): (bool, i64, i64) = call.timeout(timeout).query().await?;
                (admitted, window.decide(now_ms, counted(previous), counted(current), cost_u64))
            }
            Algorithm::TokenBucket(bucket) => {
                let call = self.redis.script(&TOKEN_BUCKET).key(key).arg(algorithm.limit()).arg(bucket.interval_ms());
                let call = call.arg(bucket.refill_rate()).arg(now_ms).arg(cost);
                let (admitted, refilled_at, tokens): (bool, u64, i64) = call.timeout(timeout).query().await?;
                (admitted, bucket.decide(now_ms, Bucket { refilled_at, tokens }, cost_u64))
            }
        };
        let (admitted, outcome) = outcome;
        // What the script did is what counts.
        Ok(Outcome { allowed: admitted, ..outcome })
    }

    async fn forget(&self, check: Check<'_>) -> Result<(), Error> {
        let keys = match check.algorithm {
            Algorithm::FixedWindow(window) => vec![window_key(check.key, window.window_index(check.now_ms))],
            Algorithm::SlidingWindow(window) => {
                let index = window.window_index(check.now_ms);
                vec![window_key(check.key, index), window_key(check.key, index.saturating_sub(1))]
            }
            Algorithm::TokenBucket(_) => vec![check.key.to_owned()],
        };
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        keys.iter().fold(self.redis.cmd("DEL"), |call, key| call.key(*key)).timeout(check.timeout).await?;
        Ok(())
    }
}

/// A counter outlives its window a little, for clients whose clock is behind.
const GRACE_MS: u64 = 1_000;

fn window_key(key: &str, index: u64) -> String {
    format!("{key}:{index}")
}

/// Other SDKs can refund more than was used.
fn counted(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

impl RateLimitStore for RedisStore {
    fn take<'a>(&'a self, check: Check<'a>) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(self.decide(check))
    }

    fn reset<'a>(&'a self, check: Check<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.forget(check))
    }
}
