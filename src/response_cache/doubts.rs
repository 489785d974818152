//! What the store may hold of a resource although it is out of date: a deletion failed, or a write may still arrive.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// How many resources are remembered one by one.
const REMEMBERED: usize = 4096;

/// Resources of which stored responses count only if they were received after a time.
///
/// Beyond its capacity it distrusts all that was received before that moment, of whichever resource: it never forgets
/// into the other direction.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    any: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    all_until_ms: Option<u64>,
    until_ms: HashMap<Arc<str>, u64>,
}

impl Doubts {
    /// Distrusts what was received of a resource up to `now_ms`.
    pub(super) fn add(&self, key: Arc<str>, now_ms: u64) {
        let mut state = self.lock();
        self.any.store(true, Ordering::Release);
        if state.until_ms.len() >= REMEMBERED && !state.until_ms.contains_key(&key) {
            let latest = state.until_ms.drain().map(|(_, until_ms)| until_ms).max();
            state.all_until_ms = state.all_until_ms.max(latest);
        }
        let until_ms = state.until_ms.entry(key).or_default();
        *until_ms = now_ms.max(*until_ms);
    }

    /// The store has deleted or replaced what it had, since `since_ms`: nothing older is to be doubted.
    pub(super) fn settle(&self, key: &str, since_ms: u64) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.lock();
        if state.until_ms.get(key).is_some_and(|&until_ms| until_ms <= since_ms) {
            state.until_ms.remove(key);
        }
        if state.until_ms.is_empty() && state.all_until_ms.is_none() {
            self.any.store(false, Ordering::Release);
        }
    }

    /// Whether a response that was received at `received_ms` may be out of date.
    pub(super) fn cover(&self, key: &str, received_ms: u64) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let state = self.lock();
        let until_ms = state.until_ms.get(key).copied().max(state.all_until_ms);
        until_ms.is_some_and(|until_ms| received_ms <= until_ms)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_covers_what_was_received_before_it_until_it_is_settled() {
        let doubts = Doubts::default();
        assert!(!doubts.cover("a", 0));
        doubts.add("a".into(), 10);
        doubts.add("a".into(), 5);
        assert_eq!([9, 10, 11].map(|ms| doubts.cover("a", ms)), [true, true, false]);
        assert!(!doubts.cover("b", 0));
        doubts.settle("a", 9);
        assert!(doubts.cover("a", 10), "a newer doubt stays");
        doubts.settle("a", 10);
        assert!(!doubts.cover("a", 10) && !doubts.any.load(Ordering::Relaxed));
    }

    #[test]
    fn nothing_is_trusted_again_for_want_of_room() {
        let doubts = Doubts::default();
        for index in 0..3 * REMEMBERED {
            doubts.add(index.to_string().into(), index as u64);
        }
        assert!(doubts.lock().until_ms.len() <= REMEMBERED);
        for index in [0, REMEMBERED, 3 * REMEMBERED - 1] {
            assert!(doubts.cover(&index.to_string(), index as u64), "{index}");
        }
    }
}
