use hashbrown::HashTable;
use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::BuildHasher,
    sync::{Mutex, MutexGuard, PoisonError},
};

const SHARDS: usize = 16;
/// Below this a shard is not worth a sweep.
const SMALL: usize = 64;

/// A bounded map whose entries expire at a time the caller names, without a background task.
///
/// Expired entries are swept as a shard grows, so that an insertion costs a constant amount on average. A full shard
/// gives up those that can be [spared](Spare) best.
pub(crate) struct ExpiringMap<V> {
    shards: Box<[Mutex<Shard<V>>]>,
    shard_capacity: usize,
    hasher: RandomState,
}

/// What a full map gives up first.
pub(crate) trait Spare {
    /// How well it can be spared: the highest goes first, and of those that are equal the one that would expire soonest.
    fn spare(&self) -> u32 {
        0
    }
}

impl Spare for () {}

impl Spare for u64 {}

struct Shard<V> {
    // Hashed once for shard and slot; a name is copied only when it is new.
    slots: HashTable<Slot<V>>,
    sweep_at: usize,
}

struct Slot<V> {
    hash: u64,
    namespace: u64,
    /// The prefix and the text, one after the other.
    name: Box<str>,
    prefix_len: usize,
    expires_ms: u64,
    // Empty only while an update has it.
    value: Option<V>,
}

/// The name of an entry: a text in two parts, so that a lookup does not join them, and a number that separates several
/// kinds of entries with the same text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Name<'a> {
    pub(crate) namespace: u64,
    pub(crate) prefix: &'a str,
    pub(crate) text: &'a str,
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(text: &'a str) -> Self {
        Self { namespace: 0, prefix: "", text }
    }
}

impl<V: Spare> ExpiringMap<V> {
    pub(crate) fn new(capacity: usize) -> Self {
        let shard = || Mutex::new(Shard { slots: HashTable::new(), sweep_at: SMALL });
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            shard_capacity: capacity.div_ceil(SHARDS).max(1),
            hasher: RandomState::new(),
        }
    }

    /// Hands the live value to `change`, and keeps what it returns until the time it returns.
    pub(crate) fn update<'a, R>(
        &self,
        name: impl Into<Name<'a>>,
        now_ms: u64,
        change: impl FnOnce(Option<V>) -> (Option<(V, u64)>, R),
    ) -> R {
        let name = name.into();
        let hash = self.hasher.hash_one(name);
        let mut shard = self.lock(self.index(hash));
        if let Ok(mut entry) = shard.slots.find_entry(hash, |slot| slot.is(name)) {
            let slot = entry.get_mut();
            let live = slot.value.take().filter(|_| slot.expires_ms > now_ms);
            let (next, result) = change(live);
            match next {
                Some((value, expires_ms)) => (slot.value, slot.expires_ms) = (Some(value), expires_ms),
                None => drop(entry.remove()),
            }
            return result;
        }
        let (next, result) = change(None);
        if let Some((value, expires_ms)) = next {
            shard.make_room(now_ms, self.shard_capacity);
            shard.slots.insert_unique(hash, Slot::new(hash, name, value, expires_ms), |slot| slot.hash);
        }
        result
    }

    /// Hands the live values of several names to `change`, and keeps what it returns for each, all under one lock.
    ///
    /// A name that is given twice is seen twice as it was, and ends as the last one says.
    pub(crate) fn update_all<R>(
        &self,
        names: &[Name<'_>],
        now_ms: u64,
        change: impl FnOnce(&[Option<V>]) -> (Vec<Option<(V, u64)>>, R),
    ) -> R
    where
        V: Copy,
    {
        let hashes: Vec<u64> = names.iter().map(|name| self.hasher.hash_one(name)).collect();
        let mut indices: Vec<usize> = hashes.iter().map(|&hash| self.index(hash)).collect();
        // All callers lock in the same order.
        indices.sort_unstable();
        indices.dedup();
        let mut shards: Vec<_> = indices.iter().map(|&index| (index, self.lock(index))).collect();
        let mut found = Vec::with_capacity(names.len());
        for (&name, &hash) in names.iter().zip(&hashes) {
            let slots = shards.iter().find(|(index, _)| *index == self.index(hash)).map(|(_, shard)| &shard.slots);
            let slot = slots.and_then(|slots| slots.find(hash, |slot| slot.is(name)));
            found.push(slot.filter(|slot| slot.expires_ms > now_ms).and_then(|slot| slot.value));
        }
        let (next, result) = change(&found);
        for ((&name, &hash), next) in names.iter().zip(&hashes).zip(next) {
            let shard = shards.iter_mut().find(|(index, _)| *index == self.index(hash));
            let (Some((_, shard)), Some((value, expires_ms))) = (shard, next) else { continue };
            match shard.slots.find_mut(hash, |slot| slot.is(name)) {
                Some(slot) => (slot.value, slot.expires_ms) = (Some(value), expires_ms),
                None => {
                    shard.make_room(now_ms, self.shard_capacity);
                    shard.slots.insert_unique(hash, Slot::new(hash, name, value, expires_ms), |slot| slot.hash);
                }
            }
        }
        result
    }

    /// The live value.
    pub(crate) fn get<'a>(&self, name: impl Into<Name<'a>>, now_ms: u64) -> Option<V>
    where
        V: Clone,
    {
        let name = name.into();
        let hash = self.hasher.hash_one(name);
        let shard = self.lock(self.index(hash));
        let slot = shard.slots.find(hash, |slot| slot.is(name))?;
        if slot.expires_ms > now_ms { slot.value.clone() } else { None }
    }

    /// Calls `look` with the live value, under the lock.
    pub(crate) fn look<'a, R>(&self, name: impl Into<Name<'a>>, now_ms: u64, look: impl FnOnce(Option<&V>) -> R) -> R {
        let name = name.into();
        let hash = self.hasher.hash_one(name);
        let shard = self.lock(self.index(hash));
        let slot = shard.slots.find(hash, |slot| slot.is(name)).filter(|slot| slot.expires_ms > now_ms);
        look(slot.and_then(|slot| slot.value.as_ref()))
    }

    /// Calls `edit` with the live value, under the lock. Its expiry stays.
    pub(crate) fn edit<'a, R>(
        &self,
        name: impl Into<Name<'a>>,
        now_ms: u64,
        edit: impl FnOnce(&mut V) -> R,
    ) -> Option<R> {
        let name = name.into();
        let hash = self.hasher.hash_one(name);
        let mut shard = self.lock(self.index(hash));
        let slot = shard.slots.find_mut(hash, |slot| slot.is(name)).filter(|slot| slot.expires_ms > now_ms)?;
        slot.value.as_mut().map(edit)
    }

    /// Shows every live value, with the text of its name, one shard after the other.
    pub(crate) fn each(&self, now_ms: u64, mut see: impl FnMut(&str, &V)) {
        for index in 0..self.shards.len() {
            for slot in self.lock(index).slots.iter().filter(|slot| slot.expires_ms > now_ms) {
                if let Some(value) = &slot.value {
                    see(&slot.name[slot.prefix_len..], value);
                }
            }
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        for index in 0..self.shards.len() {
            self.lock(index).slots.clear();
        }
    }

    pub(crate) fn remove<'a>(&self, name: impl Into<Name<'a>>) {
        self.update(name, 0, |_| (None, ()));
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().slots.len()).sum()
    }

    #[allow(clippy::cast_possible_truncation, reason = "any bits choose a shard")]
    fn index(&self, hash: u64) -> usize {
        // The table goes by the lowest and the highest bits.
        (hash >> 32) as usize % self.shards.len()
    }

    fn lock(&self, index: usize) -> MutexGuard<'_, Shard<V>> {
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Neither names nor values: they are the application's.
impl<V> fmt::Debug for ExpiringMap<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExpiringMap").field("capacity", &(self.shard_capacity * SHARDS)).finish_non_exhaustive()
    }
}

impl<V> Slot<V> {
    fn new(hash: u64, name: Name<'_>, value: V, expires_ms: u64) -> Self {
        let joined = if name.prefix.is_empty() { name.text.into() } else { [name.prefix, name.text].concat().into() };
        Self {
            hash,
            namespace: name.namespace,
            name: joined,
            prefix_len: name.prefix.len(),
            expires_ms,
            value: Some(value),
        }
    }

    fn is(&self, name: Name<'_>) -> bool {
        self.namespace == name.namespace
            && self.prefix_len == name.prefix.len()
            && self.name.strip_prefix(name.prefix) == Some(name.text)
    }
}

impl<V: Spare> Slot<V> {
    /// The lowest goes first.
    fn rank(&self) -> (u32, u64) {
        (u32::MAX - self.value.as_ref().map_or(u32::MAX, Spare::spare), self.expires_ms)
    }
}

impl<V: Spare> Shard<V> {
    fn make_room(&mut self, now_ms: u64, capacity: usize) {
        if self.slots.len() < self.sweep_at.min(capacity) {
            return;
        }
        self.slots.retain(|slot| slot.expires_ms > now_ms);
        if self.slots.len() >= capacity {
            let mut ranks: Vec<_> = self.slots.iter().map(Slot::rank).collect();
            let (_, &mut last, _) = ranks.select_nth_unstable(capacity / 8);
            let mut leave = capacity / 8 + 1;
            self.slots.retain(|slot| {
                let goes = slot.rank() <= last && leave > 0;
                leave -= usize::from(goes);
                !goes
            });
        }
        self.sweep_at = (self.slots.len() * 2).max(SMALL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(map: &ExpiringMap<u64>, key: &str, now: u64, ttl: u64) {
        map.update(key, now, |_| (Some((now, now + ttl)), ()));
    }

    #[test]
    fn a_value_is_there_until_its_time_and_no_longer() {
        let map = ExpiringMap::new(100);
        put(&map, "a", 0, 10);
        assert_eq!(map.update("a", 9, |value| (value.map(|value| (value, 10)), value)), Some(0));
        assert_eq!(map.update("a", 10, |value| (None, value)), None);
        assert_eq!(map.len(), 0);
    }

    #[test]
    fn kinds_of_one_name_are_apart() {
        let map = ExpiringMap::new(100);
        map.update(Name { namespace: 1, ..Name::from("a") }, 0, |_| (Some((1, 10)), ()));
        assert_eq!(map.update("a", 0, |value| (None, value)), None);
        assert_eq!(map.update(Name { namespace: 1, ..Name::from("a") }, 0, |value| (None, value)), Some(1));
    }

    #[test]
    fn parts_of_a_name_are_not_run_together() {
        let map = ExpiringMap::new(100);
        let name = |prefix, text| Name { namespace: 0, prefix, text };
        map.update(name("a", "bc"), 0, |_| (Some((1, 10)), ()));
        assert_eq!((map.get(name("ab", "c"), 0), map.get("abc", 0)), (None, None));
        assert_eq!((map.get(name("a", "bc"), 9), map.get(name("a", "bc"), 10)), (Some(1), None));
    }

    #[test]
    fn several_are_changed_together() {
        let map = ExpiringMap::new(100);
        let names: Vec<String> = (0..40).map(|index| index.to_string()).collect();
        let names: Vec<Name<'_>> = names.iter().map(|name| Name::from(name.as_str())).collect();
        put(&map, "3", 0, 10);
        let seen = map.update_all(&names, 5, |found| {
            let next = (0..40).map(|index| (index % 2 == 0).then_some((index, 20))).collect();
            (next, found.iter().flatten().count())
        });
        assert_eq!(seen, 1);
        assert_eq!((map.get("38", 19), map.get("39", 19), map.get("3", 9)), (Some(38), None, Some(0)));
        map.clear();
        assert_eq!(map.len(), 0);
    }

    #[test]
    fn never_holds_more_than_its_capacity_and_gives_up_what_would_go_first() {
        let map = ExpiringMap::new(1600);
        for index in 0..100_000u64 {
            put(&map, &index.to_string(), 0, 1_000_000 + index);
        }
        assert!(map.len() <= 1600 + SHARDS, "{}", map.len());
        assert!(map.update("99999", 0, |value| (value.map(|value| (value, 1)), value.is_some())));
    }

    #[test]
    fn expired_entries_leave_before_live_ones() {
        let map = ExpiringMap::new(3200);
        for index in 0..1600 {
            put(&map, &format!("old{index}"), 0, 10);
        }
        for index in 0..1600 {
            put(&map, &format!("new{index}"), 20, 10);
        }
        let live = (0..1600)
            .filter(|i| map.update(format!("new{i}").as_str(), 21, |v| (v.map(|v| (v, 30)), v.is_some())))
            .count();
        assert_eq!(live, 1600);
    }
}
