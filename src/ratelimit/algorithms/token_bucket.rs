use super::{Outcome, window_ms};
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
pub(crate) struct Bucket {
    pub(crate) refilled_at: u64,
    /// Negative where another SDK let a request through that cost more than there was.
    pub(crate) tokens: i64,
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

    pub(crate) fn refill_rate(&self) -> u64 {
        self.refill_rate
    }

    pub(crate) fn interval_ms(&self) -> u64 {
        self.interval_ms
    }

    /// How long it takes for `tokens` to arrive.
    pub(crate) fn time_for(&self, tokens: u64) -> u64 {
        tokens.div_ceil(self.refill_rate).saturating_mul(self.interval_ms)
    }

    /// The bucket as it is now. A clock behind the one that filled it sees no refill and rewinds nothing.
    #[allow(clippy::cast_possible_wrap, reason = "the maximum comes from 32 bits")]
    pub(crate) fn refill(&self, bucket: Option<Bucket>, now_ms: u64) -> Bucket {
        let Some(bucket) = bucket else {
            return Bucket { refilled_at: now_ms, tokens: self.max_tokens as i64 };
        };
        let steps = now_ms.saturating_sub(bucket.refilled_at) / self.interval_ms;
        let arrived = i64::try_from(steps.saturating_mul(self.refill_rate)).unwrap_or(i64::MAX);
        Bucket {
            refilled_at: bucket.refilled_at + steps * self.interval_ms,
            tokens: bucket.tokens.saturating_add(arrived).min(self.max_tokens as i64),
        }
    }

    /// Decides with a bucket that was [refilled](Self::refill) for `now_ms`.
    #[allow(clippy::cast_possible_wrap, clippy::cast_sign_loss, reason = "costs and maximum come from 32 bits")]
    pub(crate) fn decide(&self, now_ms: u64, bucket: Bucket, cost: u64) -> Outcome {
        let allowed = bucket.tokens >= cost as i64;
        let left = bucket.tokens - if allowed { cost as i64 } else { 0 };
        let missing = (cost as i64).saturating_sub(bucket.tokens).max(0) as u64;
        Outcome {
            allowed,
            remaining: left.max(0) as u64,
            reset_ms: bucket.refilled_at.saturating_add(self.interval_ms),
            retry_after_ms: (!allowed && cost <= self.max_tokens)
                .then(|| bucket.refilled_at.saturating_add(self.time_for(missing)).saturating_sub(now_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: u64 = 1_700_000_000_000;

    #[test]
    fn vectors() {
        let bucket = TokenBucket::new(5, Duration::from_secs(10), 10);
        let mut state = None;
        // after t0 in ms, cost, allowed, remaining, reset after t0, retry after
        for (at, cost, allowed, remaining, reset, retry) in [
            (0, 10, true, 0, 10_000, None),
            (9_999, 1, false, 0, 10_000, Some(1)),
            (10_000, 6, false, 5, 20_000, Some(10_000)),
            (10_000, 5, true, 0, 20_000, None),
            (28_000, 1, true, 4, 30_000, None),
            (28_000, 11, false, 4, 30_000, None),
        ] {
            let filled = bucket.refill(state, T0 + at);
            let outcome = bucket.decide(T0 + at, filled, cost);
            assert_eq!(outcome, Outcome::new(allowed, remaining, T0 + reset, retry), "at {at}, cost {cost}");
            if allowed {
                state = Some(Bucket { tokens: filled.tokens - i64::try_from(cost).unwrap(), ..filled });
            }
        }
        assert_eq!(state.unwrap().refilled_at, T0 + 20_000);
    }

    #[test]
    fn a_clock_behind_does_not_rewind_the_bucket() {
        let bucket = TokenBucket::new(1, Duration::from_secs(1), 3);
        let state = Bucket { refilled_at: T0, tokens: 2 };
        assert_eq!(bucket.refill(Some(state), T0 - 5_000), state);
    }

    #[test]
    fn a_debt_left_by_another_sdk_is_paid_by_refills() {
        let bucket = TokenBucket::new(1, Duration::from_secs(1), 3);
        let state = Bucket { refilled_at: T0, tokens: -3 };
        let outcome = bucket.decide(T0, bucket.refill(Some(state), T0), 1);
        assert_eq!((outcome.allowed, outcome.remaining, outcome.retry_after_ms), (false, 0, Some(4_000)));
    }
}
