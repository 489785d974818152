use super::{CounterName, OUT_OF_ORDER_MS, Rate, RawOutcome, Rules, State, state::Bucket};
use std::time::Duration;

/// A bucket of tokens: each request takes some, and a fixed number arrives after every interval.
///
/// It admits a burst of `max_tokens` and then a steady rate. Tokens arrive in steps, as in `@upstash/ratelimit`.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::{Rate, TokenBucket}};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), axum_upstash::Error> {
/// // A burst of 10, then 5 every 10 seconds.
/// let bucket = TokenBucket::new(10, Rate::new(5, Duration::from_secs(10)));
/// let upstash = Upstash::builder().or_memory().build()?;
/// assert_eq!(upstash.ratelimit(bucket).limit("user:7").await?.remaining, 9);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenBucket {
    max_tokens: u64,
    refill: Rate,
}

impl TokenBucket {
    /// A bucket of `max_tokens`, which begins full and is refilled at a rate.
    #[must_use]
    pub const fn new(max_tokens: u32, refill: Rate) -> Self {
        Self { max_tokens: max_tokens as u64, refill }
    }

    pub(super) fn with_limit(self, limit: u32) -> Self {
        Self { max_tokens: limit.into(), ..self }
    }

    fn span_ms(&self) -> u64 {
        self.refill.interval_ms.max(1)
    }

    fn rate(&self) -> u64 {
        u64::from(self.refill.amount.max(1))
    }

    /// How long it takes for `tokens` to arrive.
    fn time_for(&self, tokens: u64) -> u64 {
        tokens.div_ceil(self.rate()).saturating_mul(self.span_ms())
    }

    /// The bucket as it is now. A clock a little behind the one that filled it sees no refill and rewinds nothing. One far
    /// behind does: the bucket is full again within the time that it takes to fill.
    fn refill(&self, bucket: Option<Bucket>, now_ms: u64) -> Bucket {
        let max = i64::try_from(self.max_tokens).unwrap_or(i64::MAX);
        let Some(bucket) = bucket else {
            return Bucket { refilled_at: now_ms, tokens: max };
        };
        let missing = self.max_tokens.saturating_sub(u64::try_from(bucket.tokens).unwrap_or(0));
        let ahead = self.time_for(self.max_tokens).saturating_sub(self.time_for(missing));
        let latest = now_ms.saturating_add(ahead);
        let is_ahead = bucket.refilled_at > latest.saturating_add(OUT_OF_ORDER_MS);
        let bucket = Bucket { refilled_at: if is_ahead { latest } else { bucket.refilled_at }, ..bucket };
        let steps = now_ms.saturating_sub(bucket.refilled_at) / self.span_ms();
        if steps == 0 {
            return bucket;
        }
        let arrived = i64::try_from(steps.saturating_mul(self.rate())).unwrap_or(i64::MAX);
        let tokens = bucket.tokens.saturating_add(arrived);
        if tokens >= max {
            // Full, as if it had never been used: whether what was kept of it has expired makes no difference.
            return Bucket { refilled_at: now_ms, tokens: max };
        }
        Bucket { refilled_at: bucket.refilled_at + steps * self.span_ms(), tokens }
    }

    /// Decides with a bucket that was [refilled](Self::refill) for now.
    fn decide_with(&self, bucket: Bucket, cost: i64) -> RawOutcome {
        let reset_ms = bucket.refilled_at.saturating_add(self.span_ms());
        RawOutcome::of(self.max_tokens, bucket.tokens, cost, reset_ms, || {
            let missing = u64::try_from(cost.saturating_sub(bucket.tokens)).unwrap_or(0);
            Some(bucket.refilled_at.saturating_add(self.time_for(missing)))
        })
    }

    /// When a bucket left like this need not be kept any more, because it is full again.
    fn full_at(&self, bucket: Bucket) -> u64 {
        let tokens = u64::try_from(bucket.tokens).unwrap_or(0);
        let missing = self.max_tokens.saturating_sub(tokens).saturating_add(bucket.tokens.min(0).unsigned_abs());
        bucket.refilled_at.saturating_add(self.time_for(missing.max(1)))
    }
}

impl Rules for TokenBucket {
    fn problem(&self) -> Option<&'static str> {
        self.refill.problem()
    }

    fn limit(&self) -> u64 {
        self.max_tokens
    }

    fn window(&self) -> Duration {
        Duration::from_millis(self.time_for(self.max_tokens))
    }

    fn decide(&self, now_ms: u64, state: Option<State>, cost: i64) -> (RawOutcome, State) {
        let stored = match state {
            Some(State::Bucket(bucket)) => Some(bucket),
            _ => None,
        };
        let bucket = self.refill(stored, now_ms);
        let raw = self.decide_with(bucket, cost);
        (raw, State::Bucket(Bucket { tokens: raw.left, ..bucket }))
    }

    fn expires_ms(&self, state: State) -> u64 {
        match state {
            State::Bucket(bucket) => self.full_at(bucket),
            _ => 0,
        }
    }

    fn namespace(&self) -> u64 {
        0
    }

    fn counters(&self, _: u64) -> Vec<CounterName> {
        vec![CounterName::Client]
    }

    fn counts_in_hash(&self) -> bool {
        true
    }

    fn script_arguments(&self) -> (u8, u64, u64) {
        (3, self.span_ms(), self.rate())
    }

    fn state_from_reply(&self, refilled_at: i64, tokens: i64, _: u64) -> State {
        State::Bucket(Bucket { refilled_at: u64::try_from(refilled_at).unwrap_or(0), tokens })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: u64 = 1_700_000_000_000;

    #[test]
    fn a_clock_behind_does_not_rewind_the_bucket() {
        let bucket = TokenBucket::new(3, Rate::per_second(1));
        let state = Bucket { refilled_at: T0, tokens: 2 };
        for behind in [1, 1_999, 3_000] {
            assert_eq!(bucket.refill(Some(state), T0 - behind), state);
        }
        let empty = Bucket { refilled_at: T0, tokens: 0 };
        assert_eq!(bucket.refill(Some(empty), T0 - 1_000), empty);
    }

    #[test]
    fn a_clock_far_behind_has_its_tokens_within_the_time_to_fill() {
        let bucket = TokenBucket::new(3, Rate::per_second(1));
        for (tokens, ahead) in [(3, 3_000), (2, 2_000), (0, 0), (-5, 0)] {
            let state = Bucket { refilled_at: T0 + 86_400_000, tokens };
            assert_eq!(bucket.refill(Some(state), T0), Bucket { refilled_at: T0 + ahead, tokens });
        }
    }

    #[test]
    fn a_debt_left_by_another_sdk_is_paid_by_refills() {
        let bucket = TokenBucket::new(3, Rate::per_second(1));
        let state = Bucket { refilled_at: T0, tokens: -3 };
        let raw = bucket.decide_with(bucket.refill(Some(state), T0), 1);
        assert_eq!((raw.allowed, raw.retry_at_ms), (false, Some(T0 + 4_000)));
        assert_eq!(bucket.full_at(state), T0 + 6_000);
    }
}
