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
    /// A refusal was logged, and nothing was taken since.
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

    /// Takes the room of a record in place of the one under its key. `false` if there is none, which the log says when it
    /// begins.
    pub(super) fn take(&self, key: &str, len: usize, now_ms: u64, until_ms: u64) -> bool {
        let hash = self.hasher.hash_one(key);
        let bytes = (len as u64).saturating_add(OVERHEAD);
        let mut state = self.lock();
        state.expire(now_ms);
        let before = state.records.get(&hash).map_or(0, |stored| stored.bytes);
        if (state.bytes - before).saturating_add(bytes) > self.max_bytes {
            if !std::mem::replace(&mut state.is_full, true) {
                tracing::warn!(
                    bytes = self.max_bytes,
                    "this process has stored its share of responses in Redis: more are stored when these expire, or with a \
                     larger RedisResponseStore::with_capacity"
                );
            }
            return false;
        }
        state.is_full = false;
        state.bytes = state.bytes - before + bytes;
        state.writes += 1;
        let number = state.writes;
        state.records.insert(hash, Stored { number, bytes, until_ms });
        state.ends.push(Reverse((until_ms, hash)));
        // Writes to few keys with a long life.
        if state.ends.len() > 2 * state.records.len() + 64 {
            state.ends = state.records.iter().map(|(hash, stored)| Reverse((stored.until_ms, *hash))).collect();
        }
        true
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
            state.records.remove(&hash);
            state.bytes -= stored.bytes;
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
                prop_assert_eq!(capacity.take(&key.to_string(), len, now, now + ttl), fits);
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
