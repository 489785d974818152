use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, hash_map::RandomState},
    fmt,
    hash::BuildHasher,
    sync::{Mutex, PoisonError},
};

/// The bytes of a record beside its value: its key, and what Redis keeps of it.
const OVERHEAD: u64 = 200;

/// The bytes that a process may have stored at a time, in a store that has no bound of its own.
pub(super) struct Capacity {
    max_bytes: u64,
    state: Mutex<State>,
    hasher: RandomState,
}

#[derive(Default)]
struct State {
    bytes: u64,
    writes: u64,
    /// A refusal was logged, and the bytes have not fallen since.
    is_full: bool,
    /// Hashes of keys: two that collide are counted as one.
    records: HashMap<u64, Stored>,
    /// One entry for each write; those of records that were replaced or removed are passed over.
    ends: BinaryHeap<Reverse<(u64, u64)>>,
}

#[derive(Clone, Copy)]
struct Stored {
    /// Which write it was.
    number: u64,
    bytes: u64,
    until_ms: u64,
}

impl Capacity {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self { max_bytes, state: Mutex::default(), hasher: RandomState::new() }
    }

    /// Takes the room of a record in place of the one under its key. Gives the number of the write, to
    /// [give it back](Self::give_back) and no later one, or `None` if there is no room, which the log says when it begins.
    pub(super) fn take(&self, key: &str, len: usize, now_ms: u64, until_ms: u64) -> Option<u64> {
        let hash = self.hasher.hash_one(key);
        let bytes = (len as u64).saturating_add(OVERHEAD);
        let mut state = self.lock();
        let all_before = state.bytes;
        state.expire(now_ms);
        self.notice_fall(&mut state, all_before);
        let before = state.records.get(&hash).map_or(0, |stored| stored.bytes);
        if (state.bytes - before).saturating_add(bytes) > self.max_bytes {
            if !std::mem::replace(&mut state.is_full, true) {
                tracing::warn!(
                    bytes = self.max_bytes,
                    "this process has stored its share of responses in Redis: more are stored when these expire, or with a \
                     larger RedisResponseStore::with_capacity"
                );
            }
            return None;
        }
        let all_before = state.bytes;
        state.bytes = all_before - before + bytes;
        self.notice_fall(&mut state, all_before);
        state.writes += 1;
        let number = state.writes;
        state.records.insert(hash, Stored { number, bytes, until_ms });
        state.ends.push(Reverse((until_ms, hash)));
        // Writes to few keys with a long life.
        if state.ends.len() > 2 * state.records.len() + 64 {
            state.ends = state.records.iter().map(|(hash, stored)| Reverse((stored.until_ms, *hash))).collect();
        }
        Some(number)
    }

    /// The last write under a key, to [give it back](Self::give_back) and no later one.
    pub(super) fn last_write(&self, key: &str) -> Option<u64> {
        self.lock().records.get(&self.hasher.hash_one(key)).map(|stored| stored.number)
    }

    /// Gives the room of a write back.
    pub(super) fn give_back(&self, key: &str, write: Option<u64>) {
        let hash = self.hasher.hash_one(key);
        let mut state = self.lock();
        if let Some(stored) = state.records.get(&hash).copied().filter(|stored| Some(stored.number) == write) {
            let all_before = state.bytes;
            state.records.remove(&hash);
            state.bytes -= stored.bytes;
            self.notice_fall(&mut state, all_before);
        }
    }

    /// The log tells of the next refusal if the bytes have fallen below 7/8 of the maximum. Above, large records are
    /// refused and small ones taken in turn.
    fn notice_fall(&self, state: &mut State, before: u64) {
        let low = self.max_bytes - self.max_bytes / 8;
        if before >= low && state.bytes < low {
            state.is_full = false;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn expire(&mut self, now_ms: u64) {
        while let Some(Reverse((until_ms, hash))) = self.ends.peek().copied().filter(|end| end.0.0 <= now_ms) {
            self.ends.pop();
            if let Some(stored) = self.records.get(&hash).copied().filter(|stored| stored.until_ms <= until_ms) {
                self.records.remove(&hash);
                self.bytes -= stored.bytes;
            }
        }
    }
}

impl fmt::Debug for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        let records = state.records.len();
        f.debug_struct("Capacity")
            .field("max_bytes", &self.max_bytes)
            .field("bytes", &state.bytes)
            .field("records", &records)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether the next refusal is not logged.
    fn is_quiet(capacity: &Capacity) -> bool {
        capacity.lock().is_full
    }

    #[test]
    fn a_nearly_full_store_is_told_of_once() {
        let capacity = Capacity::new(8_000);
        let page = |bytes: u64| usize::try_from(bytes - OVERHEAD).unwrap();
        let takes = |key: &str, bytes, now, until| capacity.take(key, page(bytes), now, until).is_some();
        for (key, until) in [("a", 10), ("b", 20), ("c", 30)] {
            assert!(takes(key, 2_400, 0, until));
        }
        for key in ["d", "e"] {
            assert!(!takes("large", 2_000, 0, 40) && is_quiet(&capacity));
            assert!(takes(key, 300, 0, 40) && is_quiet(&capacity), "there is still no room for a large one");
        }
        // One that is deleted leaves less than 7/8, and so does one that expires, or is replaced by a smaller one.
        capacity.give_back("a", capacity.last_write("a"));
        assert!(!is_quiet(&capacity));
        assert!(takes("f", 2_400, 0, 40) && !takes("large", 2_000, 0, 40) && is_quiet(&capacity));
        assert!(takes("d", 300, 20, 40) && !is_quiet(&capacity));
        assert!(takes("g", 2_400, 20, 40) && !takes("large", 2_000, 20, 40) && is_quiet(&capacity));
        assert!(takes("g", 300, 20, 40) && !is_quiet(&capacity));
        // Too large for an empty store.
        for _ in 0..2 {
            assert!(!takes("huge", 9_000, 50, 60) && is_quiet(&capacity));
            assert!(takes("small", 300, 50, 60) && is_quiet(&capacity));
        }
    }

    #[test]
    fn a_write_gives_back_its_own_room_alone() {
        let capacity = Capacity::new(8_000);
        let first = capacity.take("a", 100, 0, 10);
        let second = capacity.take("a", 500, 0, 10);
        capacity.give_back("a", first);
        assert_eq!(capacity.lock().bytes, 500 + OVERHEAD, "the second is still stored");
        capacity.give_back("a", second);
        assert_eq!(capacity.lock().bytes, 0);
    }

    proptest! {
        /// The slow way: a list of all writes, summed anew each time.
        #[test]
        fn counts_what_is_stored_and_no_more(
            steps in prop::collection::vec((0_u8..6, 0_usize..600, 0_u64..30, 1_u64..60, any::<bool>()), 1..200),
        ) {
            let capacity = Capacity::new(2_000);
            let (mut model, mut now) = (HashMap::<u8, (u64, u64)>::new(), 0);
            for (key, len, passed, ttl, removes) in steps {
                now += passed;
                model.retain(|_, (_, until)| *until > now);
                if removes {
                    let write = capacity.last_write(&key.to_string());
                    capacity.give_back(&key.to_string(), write.map(|number| number + 1));
                    capacity.give_back(&key.to_string(), write);
                    model.remove(&key);
                    continue;
                }
                let bytes = len as u64 + OVERHEAD;
                let others: u64 = model.iter().filter(|(other, _)| **other != key).map(|(_, (bytes, _))| bytes).sum();
                let fits = others + bytes <= 2_000;
                let taken = capacity.take(&key.to_string(), len, now, now + ttl);
                prop_assert_eq!(taken.is_some(), fits);
                prop_assert!(taken.is_none() || taken == capacity.last_write(&key.to_string()));
                if fits {
                    model.insert(key, (bytes, now + ttl));
                }
                let state = capacity.lock();
                prop_assert_eq!(state.bytes, model.values().map(|(bytes, _)| bytes).sum::<u64>());
                prop_assert!(state.ends.len() <= 2 * state.records.len() + 65);
            }
        }
    }
}
