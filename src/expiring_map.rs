use std::{
    collections::{HashMap, hash_map::RandomState},
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
/// gives up those that would expire soonest.
pub(crate) struct ExpiringMap<V> {
    shards: Box<[Mutex<Shard<V>>]>,
    shard_capacity: usize,
    hasher: RandomState,
}

struct Shard<V> {
    slots: HashMap<Box<str>, Slot<V>>,
    sweep_at: usize,
}

struct Slot<V> {
    expires_ms: u64,
    // Empty only while an update has it.
    value: Option<V>,
}

impl<V> ExpiringMap<V> {
    pub(crate) fn new(capacity: usize) -> Self {
        let shard = || Mutex::new(Shard { slots: HashMap::new(), sweep_at: SMALL });
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            shard_capacity: capacity.div_ceil(SHARDS).max(1),
            hasher: RandomState::new(),
        }
    }

    /// Hands the live value of `key` to `change`, and keeps what it returns until the time it returns.
    pub(crate) fn update<R>(
        &self,
        key: &str,
        now_ms: u64,
        change: impl FnOnce(Option<V>) -> (Option<(V, u64)>, R),
    ) -> R {
        let mut shard = self.shard(key);
        if let Some(slot) = shard.slots.get_mut(key) {
            let live = slot.value.take().filter(|_| slot.expires_ms > now_ms);
            let (next, result) = change(live);
            match next {
                Some((value, expires_ms)) => *slot = Slot { expires_ms, value: Some(value) },
                None => drop(shard.slots.remove(key)),
            }
            return result;
        }
        let (next, result) = change(None);
        if let Some((value, expires_ms)) = next {
            shard.make_room(now_ms, self.shard_capacity);
            shard.slots.insert(key.into(), Slot { expires_ms, value: Some(value) });
        }
        result
    }

    pub(crate) fn remove(&self, key: &str) {
        self.shard(key).slots.remove(key);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().slots.len()).sum()
    }

    #[allow(clippy::cast_possible_truncation, reason = "the low bits choose the shard")]
    fn shard(&self, key: &str) -> MutexGuard<'_, Shard<V>> {
        let index = self.hasher.hash_one(key) as usize % self.shards.len();
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Neither keys nor values: they are the application's.
impl<V> fmt::Debug for ExpiringMap<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExpiringMap").field("capacity", &(self.shard_capacity * SHARDS)).finish_non_exhaustive()
    }
}

impl<V> Shard<V> {
    fn make_room(&mut self, now_ms: u64, capacity: usize) {
        if self.slots.len() < self.sweep_at.min(capacity) {
            return;
        }
        self.slots.retain(|_, slot| slot.expires_ms > now_ms);
        if self.slots.len() >= capacity {
            let mut ends: Vec<u64> = self.slots.values().map(|slot| slot.expires_ms).collect();
            let (_, &mut soon, _) = ends.select_nth_unstable(capacity / 8);
            let mut leave = capacity / 8 + 1;
            self.slots.retain(|_, slot| {
                let goes = slot.expires_ms <= soon && leave > 0;
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
        let live =
            (0..1600).filter(|i| map.update(&format!("new{i}"), 21, |v| (v.map(|v| (v, 30)), v.is_some()))).count();
        assert_eq!(live, 1600);
    }
}
