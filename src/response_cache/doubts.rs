//! Resources of which the store may hold an outdated response: a deletion failed, or a write may still arrive.

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
/// A deletion that failed is settled by one that succeeds. A write whose end is not known is never settled: it may arrive
/// after whatever the store is asked to do next. Beyond its capacity the list distrusts all that was received before that
/// moment, of whichever resource; so it never forgets into the other direction.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    any: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    all_until_ms: Option<u64>,
    by_key: HashMap<Arc<str>, Doubt>,
}

/// Until when what was received is doubted.
#[derive(Debug, Clone, Copy, Default)]
struct Doubt {
    deletion_ms: Option<u64>,
    write_ms: Option<u64>,
}

impl Doubt {
    fn until_ms(self) -> Option<u64> {
        self.deletion_ms.max(self.write_ms)
    }
}

impl Doubts {
    /// A deletion at `now_ms` that is not known to be done.
    pub(super) fn add_deletion(&self, key: Arc<str>, now_ms: u64) {
        self.add(key, Doubt { deletion_ms: Some(now_ms), write_ms: None });
    }

    /// A write that was given up at `now_ms`, and may arrive yet.
    pub(super) fn add_write(&self, key: Arc<str>, now_ms: u64) {
        self.add(key, Doubt { deletion_ms: None, write_ms: Some(now_ms) });
    }

    fn add(&self, key: Arc<str>, doubt: Doubt) {
        let mut state = self.lock();
        self.any.store(true, Ordering::Release);
        if state.by_key.len() >= REMEMBERED && !state.by_key.contains_key(&key) {
            let latest = state.by_key.drain().filter_map(|(_, doubt)| doubt.until_ms()).max();
            state.all_until_ms = state.all_until_ms.max(latest);
        }
        let known = state.by_key.entry(key).or_default();
        known.deletion_ms = known.deletion_ms.max(doubt.deletion_ms);
        known.write_ms = known.write_ms.max(doubt.write_ms);
    }

    /// The response that the store had at `since_ms` is gone.
    pub(super) fn settle(&self, key: &str, since_ms: u64) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.lock();
        if let Some(doubt) = state.by_key.get_mut(key) {
            doubt.deletion_ms = doubt.deletion_ms.filter(|&until_ms| until_ms > since_ms);
            if doubt.until_ms().is_none() {
                state.by_key.remove(key);
            }
        }
        if state.by_key.is_empty() && state.all_until_ms.is_none() {
            self.any.store(false, Ordering::Release);
        }
    }

    /// Until when what was received of a resource may be out of date.
    pub(super) fn until_ms(&self, key: &str) -> Option<u64> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let state = self.lock();
        state.by_key.get(key).and_then(|doubt| doubt.until_ms()).max(state.all_until_ms)
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
        assert_eq!(doubts.until_ms("a"), None);
        doubts.add_deletion("a".into(), 10);
        doubts.add_deletion("a".into(), 5);
        assert_eq!((doubts.until_ms("a"), doubts.until_ms("b")), (Some(10), None));
        doubts.settle("a", 9);
        assert_eq!(doubts.until_ms("a"), Some(10), "a newer doubt stays");
        doubts.settle("a", 10);
        assert!(doubts.until_ms("a").is_none() && !doubts.any.load(Ordering::Relaxed));
    }

    #[test]
    fn a_write_that_may_arrive_yet_is_doubted_whatever_comes_after_it() {
        let doubts = Doubts::default();
        doubts.add_write("a".into(), 10);
        doubts.add_deletion("a".into(), 20);
        doubts.settle("a", 30);
        assert_eq!(doubts.until_ms("a"), Some(10));
    }

    #[test]
    fn nothing_is_trusted_again_for_want_of_room() {
        let doubts = Doubts::default();
        for index in 0..3 * REMEMBERED {
            doubts.add_write(index.to_string().into(), index as u64);
        }
        assert!(doubts.lock().by_key.len() <= REMEMBERED);
        for index in [0, REMEMBERED, 3 * REMEMBERED - 1] {
            assert!(doubts.until_ms(&index.to_string()) >= Some(index as u64), "{index}");
        }
    }
}
