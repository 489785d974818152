use super::{
    algorithms::State,
    store::{Check, DynamicLimits, Outcome},
};
use crate::expiring_map::{ExpiringMap, Spare};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Remembers clients that have nothing left, so that their requests need not go to the store.
///
/// It knows the exact time at which the algorithm lets one of them pass again, and forgets it then. What other
/// processes give back or reset, or limits that they raise, it does not see before. Clones share what they know, and
/// limiters with the same prefix and algorithm may share a cache.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::{BlockCache, SlidingWindow}};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let blocks = BlockCache::new(1_000);
/// let limiter = upstash.ratelimit(SlidingWindow::new(1, Duration::from_secs(60))).with_block_cache(blocks.clone());
/// assert!(limiter.limit("user:7").await?.allowed);
/// assert!(!limiter.limit("user:7").await?.allowed);
/// blocks.clear(); // the next refusal is asked of the store again
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct BlockCache {
    clients: Arc<ExpiringMap<Blocked>>,
    generation: Arc<AtomicU64>,
}

#[derive(Debug, Clone, Copy)]
struct Blocked {
    state: State,
    limit: u64,
    since_ms: u64,
}

impl Spare for Blocked {}

impl BlockCache {
    /// A cache for so many clients. When it is full, those that would pass soonest are forgotten.
    pub fn new(clients: usize) -> Self {
        Self { clients: Arc::new(ExpiringMap::new(clients)), generation: Arc::default() }
    }

    /// Removes all entries.
    pub fn clear(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.clients.clear();
    }

    /// A number that changes when a client is removed. A response from before the change is not learned after it.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The refusal that the store would give.
    pub(super) fn refusal(&self, check: &Check<'_>, now_ms: u64) -> Option<Outcome> {
        let blocked = self.clients.get(check.name(), now_ms)?;
        // A clock that was set back would block for as long as it was.
        if now_ms < blocked.since_ms {
            return None;
        }
        // The same client can have several limits, of which another one may be used up.
        let algorithm = match check.dynamic {
            DynamicLimits::Off => *check.algorithm,
            _ => check.algorithm.with_limit(u32::try_from(blocked.limit).unwrap_or(u32::MAX)),
        };
        let (outcome, _) = algorithm.decide(now_ms, Some(blocked.state), check.cost);
        (!outcome.allowed).then_some(outcome)
    }

    /// Takes notice of what the store said.
    pub(super) fn learn(&self, check: &Check<'_>, outcome: &Outcome, now_ms: u64) {
        if check.cost < 0 {
            self.forget(check);
            return;
        }
        let Some(wait) = outcome.next_ms.filter(|&wait| wait > 0) else { return };
        // Stores that do not decide by the algorithms here say nothing of it.
        let Some(state) = outcome.state else { return };
        let blocked = Blocked { state, limit: outcome.limit, since_ms: now_ms };
        self.clients.update(check.name(), now_ms, |_| (Some((blocked, now_ms.saturating_add(wait))), ()));
    }

    /// Forgets one client.
    pub(super) fn forget(&self, check: &Check<'_>) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.clients.remove(check.name());
    }
}

impl Default for BlockCache {
    /// For 10 000 clients.
    fn default() -> Self {
        Self::new(10_000)
    }
}
