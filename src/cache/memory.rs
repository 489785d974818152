//! The first tier: values in this process, and what has invalidated them here.

use super::lives::{Ends, Freshness};
use quick_cache::sync::Cache;
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Tags whose invalidation is remembered one by one. Beyond, everything is invalidated.
const MAX_TAGS: usize = 100_000;

/// A value in memory.
#[derive(Clone)]
pub(super) struct Slot<V> {
    pub(super) value: V,
    pub(super) ends: Ends,
    /// When the store has to be asked again, in milliseconds.
    pub(super) until_ms: u64,
    /// The end of a pause after a failure, in which it is as good as fresh, in milliseconds.
    pub(super) pause_ms: u64,
    /// The time of its computation among invalidations.
    pub(super) moment: u64,
    /// When its computation began by the clock of the store, in microseconds.
    pub(super) created_us: u64,
    pub(super) tags: Arc<[Box<str>]>,
}

/// The values of one namespace in memory.
pub(super) struct Memory<V> {
    slots: Cache<Arc<str>, Arc<Slot<V>>>,
    /// Counts computations and invalidations.
    moments: AtomicU64,
    /// Values from before this moment may have been changed unheard.
    doubted: AtomicU64,
    /// The moment of the last `clear`.
    cleared: AtomicU64,
    invalidated: RwLock<HashMap<Box<str>, u64>>,
}

impl<V: Clone> Memory<V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            slots: Cache::new(capacity),
            moments: AtomicU64::new(0),
            doubted: AtomicU64::new(0),
            cleared: AtomicU64::new(0),
            invalidated: RwLock::default(),
        }
    }

    /// A moment, later than all before.
    pub(super) fn moment(&self) -> u64 {
        self.moments.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The value, if nothing has invalidated it and it may be used for anything.
    pub(super) fn get(&self, name: &str, now_ms: u64) -> Option<Arc<Slot<V>>> {
        let slot = self.slots.get(name)?;
        let is_usable = self.is_valid(&slot) && slot.ends.freshness(now_ms) > Freshness::Over;
        is_usable.then_some(slot)
    }

    /// The freshness of a value, as far as this process knows: one whose time in memory is over may be used while another is
    /// fetched.
    pub(super) fn freshness(&self, slot: &Slot<V>, now_ms: u64) -> Freshness {
        let freshness = slot.ends.freshness(now_ms);
        if now_ms < slot.pause_ms && freshness > Freshness::Over {
            return Freshness::Fresh;
        }
        let is_over = now_ms >= slot.until_ms || slot.moment <= self.doubted.load(Ordering::Acquire);
        if is_over { freshness.min(Freshness::OnError) } else { freshness }
    }

    /// Ends the time of all values in memory whose lookup began before now.
    pub(super) fn doubt(&self) {
        self.doubted.fetch_max(self.moment(), Ordering::AcqRel);
    }

    fn is_valid(&self, slot: &Slot<V>) -> bool {
        if slot.moment <= self.cleared.load(Ordering::Acquire) {
            return false;
        }
        if slot.tags.is_empty() {
            return true;
        }
        let invalidated = self.invalidated.read().unwrap_or_else(PoisonError::into_inner);
        slot.tags.iter().all(|tag| invalidated.get(tag).is_none_or(|moment| slot.moment > *moment))
    }

    pub(super) fn insert(&self, name: &Arc<str>, slot: Slot<V>) {
        self.slots.insert(Arc::clone(name), Arc::new(slot));
    }

    pub(super) fn remove(&self, name: &str) {
        self.slots.remove(name);
    }

    /// Invalidates all values whose computation began before now.
    pub(super) fn clear(&self) {
        self.cleared.fetch_max(self.moment(), Ordering::AcqRel);
        self.slots.clear();
    }

    /// Invalidates the values that have one of these tags and whose computation began before now.
    pub(super) fn invalidate(&self, tags: &[Box<str>]) {
        let mut invalidated = self.invalidated.write().unwrap_or_else(PoisonError::into_inner);
        if invalidated.len() + tags.len() > MAX_TAGS {
            invalidated.clear();
            self.cleared.fetch_max(self.moment(), Ordering::AcqRel);
            return;
        }
        let moment = self.moment();
        for tag in tags {
            invalidated.insert(tag.clone(), moment);
        }
    }
}

/// Neither keys nor values: they are the application's.
impl<V> fmt::Debug for Memory<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::lives::Lives;
    use std::time::Duration;

    fn slot(memory: &Memory<u8>, tags: &[&str]) -> Slot<u8> {
        let second = Duration::from_secs(1);
        let ends = Ends::of(Lives { fresh: second, stale: second, on_error: second }, 0);
        Slot {
            value: 1,
            ends,
            until_ms: 500,
            pause_ms: 0,
            moment: memory.moment(),
            created_us: 0,
            tags: tags.iter().map(|tag| (*tag).into()).collect(),
        }
    }

    #[test]
    fn what_began_before_an_invalidation_is_invalid_whenever_it_ends() {
        let memory = Memory::new(10);
        let (name, is_there) = (Arc::from("a"), |memory: &Memory<u8>| memory.get("a", 0).is_some());
        for invalidate in
            [(|memory: &Memory<u8>| memory.invalidate(&["x".into()])) as fn(&Memory<u8>), |memory| memory.clear()]
        {
            let before = slot(&memory, &["x"]);
            memory.insert(&name, before.clone());
            assert!(is_there(&memory));
            invalidate(&memory);
            assert!(!is_there(&memory));
            memory.insert(&name, before);
            assert!(!is_there(&memory), "it began before");
            memory.insert(&name, slot(&memory, &["x"]));
            assert!(is_there(&memory));
        }
        memory.invalidate(&["y".into()]);
        assert!(is_there(&memory), "another tag");
    }

    #[test]
    fn the_store_is_asked_again() {
        let memory = Memory::new(10);
        let (before, after) = (slot(&memory, &[]), [0, 499, 500, 1_000]);
        let ages = |slot: &Slot<u8>| after.map(|now| memory.freshness(slot, now));
        assert_eq!(ages(&before), [Freshness::Fresh, Freshness::Fresh, Freshness::OnError, Freshness::Over]);
        memory.doubt();
        assert_eq!(memory.freshness(&before, 0), Freshness::OnError);
        assert_eq!(memory.freshness(&slot(&memory, &[]), 0), Freshness::Fresh, "what was read since");
    }

    #[test]
    fn more_tags_than_can_be_remembered_invalidate_everything() {
        let memory = Memory::new(10);
        memory.insert(&Arc::from("a"), slot(&memory, &[]));
        let tags: Vec<Box<str>> = (0..MAX_TAGS + 1).map(|tag| tag.to_string().into()).collect();
        memory.invalidate(&tags);
        assert!(memory.get("a", 0).is_none());
    }
}
