use super::{Algorithm, Check, Outcome, RateLimitStore, algorithms::Bucket};
use crate::{
    Error,
    expiring_map::{ExpiringMap, Name},
};
use futures_core::future::BoxFuture;

/// Counts in the memory of this process, bounded in size.
///
/// When it is full, the clients whose counts would expire soonest are forgotten.
#[derive(Debug)]
pub struct MemoryStore {
    clients: ExpiringMap<State>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Window { index: u64, previous: u64, current: u64 },
    Bucket(Bucket),
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
        Self { clients: ExpiringMap::new(clients) }
    }

    fn decide(&self, check: Check<'_>) -> Outcome {
        let Check { algorithm, key, now_ms, .. } = check;
        let cost = u64::from(check.cost);
        self.clients.update(slot(algorithm, key), now_ms, |state| {
            let (outcome, next, expires_ms) = match algorithm {
                Algorithm::FixedWindow(window) => {
                    let (index, _, used) = counts(state, window.window_index(now_ms));
                    let outcome = window.decide(now_ms, used, cost);
                    let next = State::Window { index, previous: 0, current: used + cost };
                    (outcome, next, window.window_end(now_ms))
                }
                Algorithm::SlidingWindow(window) => {
                    let (index, previous, current) = counts(state, window.window_index(now_ms));
                    let outcome = window.decide(now_ms, previous, current, cost);
                    let next = State::Window { index, previous, current: current + cost };
                    (outcome, next, (index + 2).saturating_mul(window.window_ms()))
                }
                Algorithm::TokenBucket(bucket) => {
                    let stored = match state {
                        Some(State::Bucket(stored)) => Some(stored),
                        _ => None,
                    };
                    let filled = bucket.refill(stored, now_ms);
                    let outcome = bucket.decide(now_ms, filled, cost);
                    let tokens = filled.tokens - i64::from(check.cost);
                    let missing = algorithm.limit().saturating_sub(u64::try_from(tokens).unwrap_or(0));
                    let full_at = filled.refilled_at.saturating_add(bucket.time_for(missing));
                    (outcome, State::Bucket(Bucket { tokens, ..filled }), full_at)
                }
            };
            let counted = outcome.allowed && cost > 0;
            let kept = if counted { Some((next, expires_ms)) } else { state.map(|state| (state, expires_ms)) };
            (kept, outcome)
        })
    }
}

/// As in Redis, where each window is a key: limiters of another window, or with a bucket, count apart.
fn slot<'a>(algorithm: &Algorithm, key: &'a str) -> Name<'a> {
    let kind = match algorithm {
        Algorithm::FixedWindow(window) => window.window_ms(),
        Algorithm::SlidingWindow(window) => window.window_ms(),
        Algorithm::TokenBucket(_) => 0,
    };
    Name { kind, text: key }
}

/// The window, and what was counted in the one before it and in itself.
fn counts(state: Option<State>, index: u64) -> (u64, u64, u64) {
    match state {
        Some(State::Window { index: stored, current, .. }) if stored + 1 == index => (index, current, 0),
        // A clock that went back stays in the window it was in.
        Some(State::Window { index: stored, previous, current }) if stored >= index => (stored, previous, current),
        _ => (index, 0, 0),
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl RateLimitStore for MemoryStore {
    fn take<'a>(&'a self, check: Check<'a>) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(std::future::ready(Ok(self.decide(check))))
    }

    fn take_now(&self, check: Check<'_>) -> Option<Outcome> {
        Some(self.decide(check))
    }

    fn reset<'a>(&'a self, check: Check<'a>) -> BoxFuture<'a, Result<(), Error>> {
        self.clients.remove(slot(check.algorithm, check.key));
        Box::pin(std::future::ready(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratelimit::FixedWindow;
    use std::time::Duration;

    #[test]
    fn a_million_clients_do_not_fill_the_memory() {
        let store = MemoryStore::with_capacity(10_000);
        let algorithm = Algorithm::from(FixedWindow::new(10, Duration::from_secs(60)));
        for client in 0..1_000_000 {
            let key = client.to_string();
            assert!(store.take_now(Check::new(&algorithm, &key, 0)).unwrap().allowed);
        }
        assert!(store.clients.len() <= 10_100, "{}", store.clients.len());
    }

    #[test]
    fn a_refused_client_is_not_kept_where_nothing_was_counted() {
        let store = MemoryStore::new();
        let algorithm = Algorithm::from(FixedWindow::new(0, Duration::from_secs(60)));
        assert!(!store.take_now(Check::new(&algorithm, "a", 0)).unwrap().allowed);
        assert_eq!(store.clients.len(), 0);
    }
}
