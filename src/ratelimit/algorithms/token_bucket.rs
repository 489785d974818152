use super::{RawOutcome, state::OUT_OF_ORDER_MS, window_ms};
use std::time::Duration;

/// A bucket of tokens: each request takes some, and a fixed number arrives after every interval.
///
/// It lets a burst of `max_tokens` through and then a steady rate. Tokens arrive in steps, as in `@upstash/ratelimit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenBucket {
    pub(super) max_tokens: u64,
    pub(super) refill_rate: u64,
    pub(super) interval_ms: u64,
}

/// What is kept of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ratelimit) struct Bucket {
    pub(in crate::ratelimit) refilled_at: u64,
    /// Negative where another SDK let a request through that cost more than there was.
    pub(in crate::ratelimit) tokens: i64,
}

impl TokenBucket {
    /// `refill_rate` tokens every `interval`, and at most `max_tokens` in the bucket, which begins full.
    /// A refill of nothing counts as one token.
    #[must_use]
    pub fn new(refill_rate: u32, interval: Duration, max_tokens: u32) -> Self {
        Self {
            max_tokens: max_tokens.into(),
            refill_rate: u64::from(refill_rate.max(1)),
            interval_ms: window_ms(interval),
        }
    }

    /// How long it takes for `tokens` to arrive.
    pub(super) fn time_for(&self, tokens: u64) -> u64 {
        tokens.div_ceil(self.refill_rate).saturating_mul(self.interval_ms)
    }

    /// The bucket as it is now. A clock a little behind the one that filled it sees no refill and rewinds nothing. One far
    /// behind does: the bucket is full again within the time that it takes to fill.
    pub(super) fn refill(&self, bucket: Option<Bucket>, now_ms: u64) -> Bucket {
        let max = i64::try_from(self.max_tokens).unwrap_or(i64::MAX);
        let Some(bucket) = bucket else {
            return Bucket { refilled_at: now_ms, tokens: max };
        };
        let missing = self.max_tokens.saturating_sub(u64::try_from(bucket.tokens).unwrap_or(0));
        let ahead = self.time_for(self.max_tokens).saturating_sub(self.time_for(missing));
        let latest = now_ms.saturating_add(ahead);
        let is_ahead = bucket.refilled_at > latest.saturating_add(OUT_OF_ORDER_MS);
        let bucket = Bucket { refilled_at: if is_ahead { latest } else { bucket.refilled_at }, ..bucket };
        let steps = now_ms.saturating_sub(bucket.refilled_at) / self.interval_ms;
        if steps == 0 {
            return bucket;
        }
        let arrived = i64::try_from(steps.saturating_mul(self.refill_rate)).unwrap_or(i64::MAX);
        let tokens = bucket.tokens.saturating_add(arrived);
        if tokens >= max {
            // Full, as if it had never been used: whether what was kept of it has expired makes no difference.
            return Bucket { refilled_at: now_ms, tokens: max };
        }
        Bucket { refilled_at: bucket.refilled_at + steps * self.interval_ms, tokens }
    }

    /// Decides with a bucket that was [refilled](Self::refill) for now.
    pub(super) fn judge(&self, bucket: Bucket, cost: i64) -> RawOutcome {
        let reset_ms = bucket.refilled_at.saturating_add(self.interval_ms);
        RawOutcome::of(self.max_tokens, bucket.tokens, cost, reset_ms, || {
            let missing = u64::try_from(cost.saturating_sub(bucket.tokens)).unwrap_or(0);
            Some(bucket.refilled_at.saturating_add(self.time_for(missing)))
        })
    }

    /// When a bucket left like this need not be kept any more, because it is full again.
    pub(super) fn full_at(&self, bucket: Bucket) -> u64 {
        let tokens = u64::try_from(bucket.tokens).unwrap_or(0);
        let missing = self.max_tokens.saturating_sub(tokens).saturating_add(bucket.tokens.min(0).unsigned_abs());
        bucket.refilled_at.saturating_add(self.time_for(missing.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: u64 = 1_700_000_000_000;

    #[test]
    fn a_clock_behind_does_not_rewind_the_bucket() {
        let bucket = TokenBucket::new(1, Duration::from_secs(1), 3);
        let state = Bucket { refilled_at: T0, tokens: 2 };
        for behind in [1, 1_999, 3_000] {
            assert_eq!(bucket.refill(Some(state), T0 - behind), state);
        }
        let empty = Bucket { refilled_at: T0, tokens: 0 };
        assert_eq!(bucket.refill(Some(empty), T0 - 1_000), empty);
    }

    #[test]
    fn a_clock_far_behind_has_its_tokens_within_the_time_to_fill() {
        let bucket = TokenBucket::new(1, Duration::from_secs(1), 3);
        for (tokens, ahead) in [(3, 3_000), (2, 2_000), (0, 0), (-5, 0)] {
            let state = Bucket { refilled_at: T0 + 86_400_000, tokens };
            assert_eq!(bucket.refill(Some(state), T0), Bucket { refilled_at: T0 + ahead, tokens });
        }
    }

    #[test]
    fn a_debt_left_by_another_sdk_is_paid_by_refills() {
        let bucket = TokenBucket::new(1, Duration::from_secs(1), 3);
        let state = Bucket { refilled_at: T0, tokens: -3 };
        let judged = bucket.judge(bucket.refill(Some(state), T0), 1);
        assert_eq!((judged.allowed, judged.retry_at_ms), (false, Some(T0 + 4_000)));
        assert_eq!(bucket.full_at(state), T0 + 6_000);
    }
}
