use super::{
    Algorithm, Answer, Background, Check, DynamicLimits, Outcome, Question, RateLimitStore, algorithms::State,
    settle::settle,
};
use crate::{
    Error,
    expiring_map::{ExpiringMap, Name},
};
use futures_core::future::BoxFuture;
use std::{
    collections::HashMap,
    fmt,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Counts in the memory of this process, bounded in size.
///
/// When it is full, the clients whose counts would expire soonest are forgotten.
#[derive(Debug)]
pub struct MemoryStore {
    clients: ExpiringMap<State>,
    dynamic: DynamicSettings,
}

impl MemoryStore {
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
        self.clients.update(check.name(), now_ms, |state| {
            let (outcome, after) = algorithm.decide(now_ms, state, check.cost);
            let counted = outcome.allowed && check.cost != 0;
            let kept = if counted { Some(after) } else { state };
            (kept.map(|state| (state, algorithm.expires_ms(state))), outcome)
        })
    }

    /// All or none.
    pub(super) fn decide_all(&self, checks: &[Check<'_>], now_ms: u64) -> Vec<Outcome> {
        if let [check] = checks {
            return vec![self.decide(*check, now_ms)];
        }
        let names: Vec<Name<'_>> = checks.iter().map(Check::name).collect();
        let algorithms: Vec<Algorithm> = checks.iter().map(|check| self.dynamic.apply(check)).collect();
        self.clients.update_all(&names, now_ms, |states| {
            let decided = states.iter().zip(&algorithms).zip(checks);
            let decided = decided.map(|((state, algorithm), check)| algorithm.decide(now_ms, *state, check.cost));
            let (outcomes, after): (Vec<_>, Vec<_>) = decided.unzip();
            let admitted = outcomes.iter().all(|outcome: &Outcome| outcome.allowed);
            let kept = after.into_iter().zip(&algorithms).zip(checks).map(|((state, algorithm), check)| {
                (admitted && check.cost != 0).then(|| (state, algorithm.expires_ms(state)))
            });
            let asked = algorithms.iter().zip(states.iter().copied()).zip(checks.iter().map(|check| check.cost));
            let outcomes = settle(outcomes, asked.map(|((algorithm, state), cost)| (*algorithm, state, cost)), now_ms);
            (kept.collect(), outcomes)
        })
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl RateLimitStore for MemoryStore {
    fn take<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Result<Answer, Error>> {
        let outcomes = self.decide_all(question.checks, question.now_ms);
        Box::pin(std::future::ready(Ok(Answer::counted(outcomes))))
    }

    fn take_now(&self, check: Check<'_>, now_ms: u64, _: &Background) -> Option<Outcome> {
        Some(self.decide(check, now_ms))
    }

    fn is_local(&self) -> bool {
        true
    }

    fn reset<'a>(&'a self, check: Check<'a>, _: u64, _: Duration) -> BoxFuture<'a, Result<(), Error>> {
        self.clients.remove(check.name());
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

/// A prefix, and an identifier where the limit is one's own.
type Place = (Box<str>, Option<Box<str>>);

/// What the application set. As many as it sets, until it takes them away.
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
    use crate::ratelimit::FixedWindow;

    #[test]
    fn a_million_clients_do_not_fill_the_memory() {
        let store = MemoryStore::with_capacity(10_000);
        let algorithm = Algorithm::from(FixedWindow::new(10, Duration::from_secs(60)));
        for client in 0..1_000_000 {
            let identifier = client.to_string();
            assert!(store.decide(Check::new(&algorithm, "p", &identifier), 0).allowed);
        }
        assert!(store.clients.len() <= 10_100, "{}", store.clients.len());
    }

    #[test]
    fn a_refused_client_is_not_kept_where_nothing_was_counted() {
        let store = MemoryStore::new();
        let algorithm = Algorithm::from(FixedWindow::new(0, Duration::from_secs(60)));
        assert!(!store.decide(Check::new(&algorithm, "p", "a"), 0).allowed);
        assert_eq!(store.clients.len(), 0);
    }

    #[cfg(feature = "testing")]
    #[tokio::test]
    async fn follows_the_model_wherever_it_goes() {
        let store = MemoryStore::new();
        crate::ratelimit::conformance::run(&store, "memory").await;
        for seed in 2..100 {
            crate::ratelimit::conformance::run_walk(&store, "memory", seed).await;
        }
    }
}
