use super::{Answer, Background, Check, Outcome, Question, RateLimitStore, RedisStore, store::dynamic_limits_of};
use crate::{Error, expiring_map::ExpiringMap};
use futures_core::future::BoxFuture;
use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};
use tokio::sync::Mutex;

/// Takes permits from another store, several at a time, and spends them in memory.
///
/// One request to the store pays for up to so many decisions. What that costs in precision:
///
/// - **Never too many in a window.** Permits are counted when they are taken, and are spent in the window they were taken
///   in, or not at all: a fixed and a sliding window admit no more than their limit.
/// - **A burst may be longer** with a token bucket or GCRA: what was taken before a refill may be spent after it. Over
///   all, up to the permits times the instances can pass beyond the limit at once.
/// - **Some may be refused too early.** What one instance has taken and does not need is not there for another, until
///   the window ends: up to the permits, for each instance.
/// - `remaining` is what is left in the store and here.
///
/// Requests that cost more than a lease, looks, refunds, several limits at once and shared deny lists go to the store as they
/// are.
pub struct Leases {
    inner: Arc<dyn RateLimitStore>,
    permits: u32,
    taken: ExpiringMap<Lease>,
    /// One of those who need a new lease for the same client fetches it, the others wait for it.
    fetching: Box<[Mutex<()>]>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Lease {
    left: u64,
    /// What the store said when it was taken.
    outcome: Outcome,
}

const STRIPES: usize = 64;

impl Leases {
    /// Takes `permits` at a time.
    pub fn new(inner: Arc<dyn RateLimitStore>, permits: u32) -> Self {
        Self {
            inner,
            permits: permits.max(1),
            taken: ExpiringMap::new(100_000),
            fetching: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Whether this is a matter of leases at all.
    fn leases(&self, check: &Check<'_>) -> bool {
        check.cost > 0 && check.cost < i64::from(self.permits)
    }

    fn spend(&self, check: &Check<'_>, now_ms: u64) -> Option<Outcome> {
        let cost = u64::try_from(check.cost).ok()?;
        self.taken.update(check.name(), now_ms, |lease: Option<Lease>| {
            let Some(mut lease) = lease else { return (None, None) };
            // The end of the window, the next refill, or the time at which a burst is whole again.
            let expires_ms = lease.outcome.reset_ms;
            let spent = lease.left.checked_sub(cost).map(|left| {
                lease.left = left;
                lease.outcome(left)
            });
            (Some((lease, expires_ms)), spent)
        })
    }

    async fn decide(&self, question: Question<'_>) -> Result<Answer, Error> {
        let ([check], None) = (question.checks, question.deny) else { return self.inner.take(question).await };
        if !self.leases(check) {
            return self.inner.take(question).await;
        }
        #[allow(clippy::cast_possible_truncation, reason = "any bits choose a stripe")]
        let stripe = self.hasher.hash_one(check.name()) as usize % STRIPES;
        let _fetching = self.fetching[stripe].lock().await;
        if let Some(outcome) = self.spend(check, question.now_ms) {
            return Ok(Answer::counted(vec![outcome]));
        }
        let limit = i64::try_from(check.algorithm.limit()).unwrap_or(i64::MAX);
        let mut wanted = i64::from(self.permits).min(limit).max(check.cost);
        loop {
            let answer = self.inner.take(Question { checks: &[check.with_cost(wanted)], ..question }).await?;
            let Some(outcome) = answer.outcomes.first().copied() else { return Ok(answer) };
            if outcome.allowed {
                let left = u64::try_from(wanted - check.cost).unwrap_or(0);
                return Ok(Answer::counted(vec![self.keep(check, outcome, left, question.now_ms)]));
            }
            // Fewer than a whole lease are left: as many as there are, if that is enough for this one.
            let left = i64::try_from(outcome.remaining).unwrap_or(i64::MAX);
            if wanted == check.cost {
                return Ok(answer);
            }
            wanted = if left < check.cost || left >= wanted { check.cost } else { left };
        }
    }

    /// Puts what was taken with what is there, and tells of the request that it was taken for.
    fn keep(&self, check: &Check<'_>, outcome: Outcome, left: u64, now_ms: u64) -> Outcome {
        self.taken.update(check.name(), now_ms, |lease| {
            let left = left + lease.map_or(0, |lease: Lease| lease.left);
            let lease = Lease { left, outcome };
            let kept = (left > 0).then_some((lease, outcome.reset_ms));
            (kept, lease.outcome(left))
        })
    }
}

impl Lease {
    fn outcome(&self, left: u64) -> Outcome {
        let remaining = self.outcome.remaining + left;
        // Here is something left, whatever the store has: nobody is to be blocked.
        let known = left == 0;
        Outcome {
            allowed: true,
            remaining,
            next_ms: self.outcome.next_ms.filter(|_| known),
            state: self.outcome.state.filter(|_| known),
            ..self.outcome
        }
    }
}

impl std::fmt::Debug for Leases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leases").field("inner", &self.inner).field("permits", &self.permits).finish_non_exhaustive()
    }
}

impl RateLimitStore for Leases {
    fn take<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Answer, Error>> {
        Box::pin(self.decide(question))
    }

    fn take_now(&self, check: Check<'_>, now_ms: u64, background: &Background) -> Option<Outcome> {
        if self.leases(&check) { self.spend(&check, now_ms) } else { self.inner.take_now(check, now_ms, background) }
    }

    fn reset<'a>(&'a self, check: Check<'a>, now_ms: u64, timeout: Duration) -> BoxFuture<'a, Result<(), Error>> {
        self.taken.remove(check.name());
        self.inner.reset(check, now_ms, timeout)
    }

    fn as_redis(&self) -> Option<&RedisStore> {
        self.inner.as_redis()
    }

    dynamic_limits_of!(self => self.inner);
}
