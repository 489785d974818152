//! The values that are being made, and whether one of them changed meanwhile.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// A counter of changes for each resource in progress. Only those are tracked, so a change elsewhere never counts.
#[derive(Debug, Default)]
pub(crate) struct InProgress(Mutex<HashMap<Arc<str>, Resource>>);

#[derive(Debug)]
struct Resource {
    requests: usize,
    changes: Arc<AtomicU64>,
}

impl InProgress {
    /// Watches a resource until the guard is dropped.
    pub(crate) fn watch(self: &Arc<Self>, key: Arc<str>) -> Watch {
        let mut all = self.lock();
        let making = all.entry(Arc::clone(&key)).or_insert_with(|| Resource { requests: 0, changes: Arc::default() });
        making.requests += 1;
        let since = Since { before: making.changes.load(Ordering::Acquire), changes: Arc::clone(&making.changes) };
        drop(all);
        Watch { all: Arc::clone(self), key, since }
    }

    /// Tells those who watch the resource that it changed.
    pub(crate) fn change(&self, key: &str) {
        self.change_and(key, || ());
    }

    /// Tells those who watch the resource that it changed, and does something before any of them acts
    /// [unless it changed](Watch::unless_changed).
    pub(crate) fn change_and(&self, key: &str, act: impl FnOnce()) {
        let all = self.lock();
        if let Some(making) = all.get(key) {
            making.changes.fetch_add(1, Ordering::AcqRel);
        }
        act();
    }

    /// The number of requests that are making the resource.
    pub(crate) fn requests(&self, key: &str) -> usize {
        self.lock().get(key).map_or(0, |making| making.requests)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Resource>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A resource that is being made for one request.
pub(crate) struct Watch {
    all: Arc<InProgress>,
    key: Arc<str>,
    since: Since,
}

impl Watch {
    /// Does something if the resource has not changed. No change comes in between.
    pub(crate) fn unless_changed(&self, act: impl FnOnce()) {
        let _all = self.all.lock();
        if !self.since.is_changed() {
            act();
        }
    }

    /// The changes since the watch began.
    pub(crate) fn since(&self) -> &Since {
        &self.since
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = self.all.lock().entry(Arc::clone(&self.key)) {
            entry.get_mut().requests -= 1;
            if entry.get().requests == 0 {
                entry.remove();
            }
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("is_changed", &self.since.is_changed()).finish_non_exhaustive()
    }
}

/// The changes of a resource since a handler began to make it.
#[derive(Debug, Clone)]
pub(crate) struct Since {
    before: u64,
    changes: Arc<AtomicU64>,
}

impl Since {
    pub(crate) fn is_changed(&self) -> bool {
        self.changes.load(Ordering::Acquire) != self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_unless_it_changed_comes_before_a_change_or_not_at_all() {
        let all = Arc::new(InProgress::default());
        let watch = all.watch("a".into());
        let mut done = Vec::new();
        watch.unless_changed(|| done.push("kept"));
        all.change_and("a", || done.push("removed"));
        watch.unless_changed(|| done.push("kept again"));
        assert_eq!(done, ["kept", "removed"]);
    }

    #[test]
    fn a_change_is_seen_by_those_who_began_before_it_and_nothing_is_kept() {
        let all = Arc::new(InProgress::default());
        let before = all.watch("a".into());
        let other = all.watch("b".into());
        all.change("a");
        let after = all.watch("a".into());
        assert_eq!([all.requests("a"), all.requests("b"), all.requests("c")], [2, 1, 0]);
        let seen = [&before, &other, &after].map(|watch| watch.since().is_changed());
        assert_eq!(seen, [true, false, false]);
        drop((before, other));
        all.change("a");
        assert!(after.since().is_changed());
        drop(after);
        assert!(all.lock().is_empty());
    }
}
