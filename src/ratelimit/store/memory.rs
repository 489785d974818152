use super::{Check, CheckRequest, CheckResponse, DynamicLimits, Outcome, RateLimitStore};
use crate::{
    Error,
    expiring_map::{ExpiringMap, Name, Spare},
    ratelimit::{
        Algorithm,
        algorithms::{State, refused_together},
    },
};
use futures_core::future::BoxFuture;
use std::{
    collections::HashMap,
    fmt,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// Counts in the memory of this process, bounded in size.
///
/// When it is full, the clients that have most left are forgotten first: many others cannot restore a client that has
/// used its limit up.
///
/// ```
/// use axum_upstash::ratelimit::{FixedWindow, Ratelimit, store::MemoryRateLimitStore};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryRateLimitStore::with_capacity(1_000_000);
/// let limiter = Ratelimit::with_store(store, FixedWindow::new(1, Duration::from_secs(60)));
/// assert!(limiter.limit("user:7").await?.allowed);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MemoryRateLimitStore {
    clients: ExpiringMap<Counted>,
    dynamic: DynamicSettings,
}

impl MemoryRateLimitStore {
    /// A store for 100 000 clients.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(100_000)
    }

    /// A store for `clients` clients.
    #[must_use]
    pub fn with_capacity(clients: usize) -> Self {
        Self { clients: ExpiringMap::new(clients), dynamic: DynamicSettings::default() }
    }

    fn decide(&self, check: Check<'_>, now_ms: u64) -> Outcome {
        let algorithm = self.dynamic.apply(&check);
        self.clients.update(check.name(), now_ms, |before| {
            let (outcome, after) = algorithm.decide(now_ms, before.map(|counted| counted.state), check.cost);
            let counted = outcome.allowed && check.cost != 0;
            // Also of a refusal: what a clock ahead had left is bounded once, and not anew with each request.
            let kept = if counted || before.is_some() { Some(Counted::new(after, &outcome)) } else { None };
            (kept.map(|kept| (kept, algorithm.expires_ms(kept.state))), outcome)
        })
    }

    /// All or none.
    pub(in crate::ratelimit) fn decide_all(&self, checks: &[Check<'_>], now_ms: u64) -> Vec<Outcome> {
        if let [check] = checks {
            return vec![self.decide(*check, now_ms)];
        }
        let names: Vec<Name<'_>> = checks.iter().map(Check::name).collect();
        let algorithms: Vec<Algorithm> = checks.iter().map(|check| self.dynamic.apply(check)).collect();
        self.clients.update_all(&names, now_ms, |before| {
            let states: Vec<_> = before.iter().map(|before| before.map(|counted| counted.state)).collect();
            let decided = states.iter().zip(&algorithms).zip(checks);
            let decided = decided.map(|((state, algorithm), check)| algorithm.decide(now_ms, *state, check.cost));
            let (outcomes, after): (Vec<_>, Vec<_>) = decided.unzip();
            let admitted = outcomes.iter().all(|outcome: &Outcome| outcome.allowed);
            let kept = after.into_iter().zip(&outcomes).zip(&algorithms).zip(checks);
            let kept = kept.zip(&states).map(|((((after, outcome), algorithm), check), before)| {
                if admitted && check.cost != 0 {
                    return Some((Counted::new(after, outcome), algorithm.expires_ms(after)));
                }
                let (outcome, state) = algorithm.decide(now_ms, Some((*before)?), 0);
                Some((Counted::new(state, &outcome), algorithm.expires_ms(state)))
            });
            let kept: Vec<_> = kept.collect();
            if !admitted {
                let found = algorithms.iter().copied().zip(states.iter().copied());
                return (kept, refused_together(outcomes, found, now_ms));
            }
            (kept, outcomes)
        })
    }
}

/// The count of one client.
#[derive(Debug, Clone, Copy)]
struct Counted {
    state: State,
    /// Remaining part of the limit, in thousandths.
    left: u32,
}

impl Counted {
    fn new(state: State, outcome: &Outcome) -> Self {
        let left = outcome.remaining.saturating_mul(1_000).div_ceil(outcome.limit.max(1));
        Self { state, left: u32::try_from(left).unwrap_or(u32::MAX) }
    }
}

impl Spare for Counted {
    fn spare(&self) -> u32 {
        self.left
    }
}

impl Default for MemoryRateLimitStore {
    fn default() -> Self {
        Self::new()
    }
}

impl RateLimitStore for MemoryRateLimitStore {
    fn check<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<CheckResponse, Error>> {
        let outcomes = self.decide_all(request.checks, request.now_ms);
        Box::pin(std::future::ready(Ok(CheckResponse::counted(outcomes))))
    }

    fn try_check_local(&self, request: CheckRequest<'_>) -> Option<Outcome> {
        let [check] = request.checks else { return None };
        Some(self.decide(*check, request.now_ms))
    }

    fn is_local(&self) -> bool {
        true
    }

    fn reset<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        for check in request.checks {
            self.clients.remove(check.name());
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn dynamic_limit<'a>(
        &'a self,
        prefix: &'a str,
        identifier: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<u32>, Error>> {
        Box::pin(std::future::ready(Ok(self.dynamic.get(prefix, identifier))))
    }

    fn set_dynamic_limit<'a>(
        &'a self,
        prefix: &'a str,
        identifier: Option<&'a str>,
        limit: Option<u32>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.dynamic.set(prefix, identifier, limit);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A prefix, and an identifier if the limit belongs to one client.
type Place = (Box<str>, Option<Box<str>>);

/// The limits that the application set. There are as many as it sets, until it removes them.
#[derive(Default)]
struct DynamicSettings {
    limits: RwLock<HashMap<Place, u32>>,
    any: AtomicBool,
}

impl fmt::Debug for DynamicSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys name clients.
        f.debug_struct("DynamicSettings").field("any", &self.any).finish_non_exhaustive()
    }
}

impl DynamicSettings {
    fn apply(&self, check: &Check<'_>) -> Algorithm {
        let found = match check.dynamic {
            DynamicLimits::Off => None,
            _ if !self.any.load(Ordering::Acquire) => None,
            DynamicLimits::Prefix => self.get(check.prefix, None),
            DynamicLimits::Identifier => {
                self.get(check.prefix, Some(check.identifier)).or_else(|| self.get(check.prefix, None))
            }
        };
        found.map_or(*check.algorithm, |limit| check.algorithm.with_limit(limit))
    }

    fn get(&self, prefix: &str, identifier: Option<&str>) -> Option<u32> {
        let limits = self.limits.read().unwrap_or_else(PoisonError::into_inner);
        limits.get(&(prefix.into(), identifier.map(Into::into))).copied()
    }

    fn set(&self, prefix: &str, identifier: Option<&str>, limit: Option<u32>) {
        let mut limits = self.limits.write().unwrap_or_else(PoisonError::into_inner);
        let key = (prefix.into(), identifier.map(Into::into));
        match limit {
            Some(limit) => limits.insert(key, limit),
            None => limits.remove(&key),
        };
        self.any.store(!limits.is_empty(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratelimit::{FixedWindow, Gcra, Rate, SlidingWindow, TokenBucket};
    use std::time::Duration;

    #[test]
    fn a_million_clients_do_not_fill_the_memory() {
        let store = MemoryRateLimitStore::with_capacity(10_000);
        let algorithm = Algorithm::from(FixedWindow::new(10, Duration::from_secs(60)));
        for client in 0..1_000_000 {
            let identifier = client.to_string();
            assert!(store.decide(Check::new(&algorithm, "p", &identifier), 0).allowed);
        }
        assert!(store.clients.len() <= 10_100, "{}", store.clients.len());
    }

    #[test]
    fn a_flood_of_others_does_not_restore_a_client_that_used_its_limit_up() {
        let minute = Duration::from_secs(60);
        for algorithm in [
            Algorithm::from(FixedWindow::new(10, minute)),
            SlidingWindow::new(10, minute).into(),
            TokenBucket::new(10, Rate::per_minute(10)).into(),
            Gcra::new(Rate::per_minute(10), 10).into(),
        ] {
            let store = MemoryRateLimitStore::with_capacity(1_000);
            let take =
                |identifier: &str, cost| store.decide(Check::new(&algorithm, "p", identifier).with_cost(cost), 0);
            for used_up in 0..50 {
                assert!(take(&format!("used-up-{used_up}"), 10).allowed);
            }
            for other in 0..20_000 {
                take(&other.to_string(), 1);
            }
            for used_up in 0..50 {
                assert!(!take(&format!("used-up-{used_up}"), 1).allowed, "{algorithm:?}: {used_up}");
            }
            assert!(store.clients.len() <= 1_100, "{}", store.clients.len());
        }
    }

    #[test]
    fn a_refused_client_is_not_kept_where_nothing_was_counted() {
        let store = MemoryRateLimitStore::new();
        let algorithm = Algorithm::from(FixedWindow::new(0, Duration::from_secs(60)));
        assert!(!store.decide(Check::new(&algorithm, "p", "a"), 0).allowed);
        assert_eq!(store.clients.len(), 0);
    }

    #[cfg(feature = "testing")]
    #[tokio::test]
    async fn follows_the_model_wherever_it_goes() {
        let store = MemoryRateLimitStore::new();
        crate::ratelimit::conformance::run(&store, "memory").await;
        for seed in 2..100 {
            crate::ratelimit::conformance::run_walk(&store, "memory", seed).await;
        }
    }
}
