use std::{collections::HashMap, sync::Arc};

use serde::Serialize;

use super::{
    NewRecord, Record,
    dense_table::DenseTable,
    record::{Change, Metadata},
};
use crate::local::vector::score::Postings;

/// Empty slots beyond which a namespace may be made anew.
const MIN_HOLES: usize = 1024;

/// The records of a namespace. Each has a slot, in the order in which their ids came first, and a number that is never
/// used again.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(super) slots: Vec<Option<Record>>,
    pub(super) numbers: Vec<u64>,
    next_number: u64,
    by_id: HashMap<Arc<str>, u32>,
    pub(super) dense: DenseTable,
    pub(super) postings: Postings,
    /// The bytes of all but dense vectors.
    bytes: u64,
    /// The time at which queries find every record.
    settled_at_ms: u64,
}

/// Records in the order of their insertion, and the cursor of the next ones.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) slots: Vec<u32>,
    pub(crate) next: Option<u64>,
}

/// The records of a namespace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    /// Those that queries find.
    pub(crate) vector_count: usize,
    /// Those that queries do not find yet.
    pub(crate) pending_vector_count: usize,
}

impl Namespace {
    /// A namespace of an index whose dense vectors have that dimension: 0 for one without dense vectors.
    pub(crate) fn new(dimension: usize) -> Self {
        Self {
            slots: Vec::new(),
            numbers: Vec::new(),
            next_number: 0,
            by_id: HashMap::new(),
            dense: DenseTable::new(dimension),
            postings: Postings::default(),
            bytes: 0,
            settled_at_ms: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn record(&self, slot: u32) -> Option<&Record> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(crate) fn vector(&self, slot: u32) -> Option<&[f32]> {
        self.dense.get(slot).map(|(vector, _)| vector)
    }

    /// The number of a record, which no other one ever has.
    pub(crate) fn number(&self, slot: u32) -> Option<u64> {
        self.numbers.get(slot as usize).copied()
    }

    pub(crate) fn slot(&self, id: &str) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// Puts a record in the place of the one with its id. Queries find it from that time on.
    pub(crate) fn upsert(&mut self, new: NewRecord, searchable_at_ms: u64) {
        let NewRecord { id, dense, sparse, metadata, data } = new;
        self.settled_at_ms = self.settled_at_ms.max(searchable_at_ms);
        let dense = dense.unwrap_or_default();
        let slot = match self.slot(&id) {
            Some(slot) => {
                self.clear(slot);
                if self.dense.dimension() > 0 {
                    self.dense.set(slot, &dense);
                }
                slot
            }
            None => {
                let slot = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
                self.slots.push(None);
                self.numbers.push(self.next_number);
                self.next_number += 1;
                if self.dense.dimension() > 0 {
                    self.dense.push(&dense);
                }
                slot
            }
        };
        if let Some(sparse) = &sparse {
            self.postings.insert(slot, sparse);
        }
        let id: Arc<str> = id.into();
        let record = Record { id: Arc::clone(&id), sparse, metadata, data: data.map(Into::into), searchable_at_ms };
        self.bytes += record.bytes();
        self.by_id.insert(id, slot);
        self.slots[slot as usize] = Some(record);
    }

    /// The metadata that a record has after a change, if that is more than `max` bytes.
    pub(crate) fn oversized(&self, change: &Change, max: usize) -> Option<usize> {
        let old = self.record(self.slot(&change.new.id)?)?;
        let patch = change.new.metadata.as_ref().filter(|_| change.is_patch)?;
        Metadata::patched(old.metadata.as_ref(), patch).map(|new| new.bytes()).filter(|bytes| *bytes > max)
    }

    /// Changes a record. `false` if there is none with that id.
    pub(crate) fn update(&mut self, change: Change, searchable_at_ms: u64) -> bool {
        let Change { new, is_patch } = change;
        let Some(slot) = self.slot(&new.id) else { return false };
        let Some(mut record) = self.clear(slot) else { return false };
        if let Some(dense) = new.dense {
            self.dense.set(slot, &dense);
            record.searchable_at_ms = searchable_at_ms;
        }
        if let Some(sparse) = new.sparse {
            record.sparse = Some(sparse);
            record.searchable_at_ms = searchable_at_ms;
        }
        self.settled_at_ms = self.settled_at_ms.max(record.searchable_at_ms);
        if let Some(metadata) = new.metadata {
            let patched = if is_patch { Metadata::patched(record.metadata.as_ref(), &metadata) } else { None };
            record.metadata = Some(patched.unwrap_or(metadata));
        }
        if let Some(data) = new.data {
            record.data = Some(data.into());
        }
        if let Some(sparse) = &record.sparse {
            self.postings.insert(slot, sparse);
        }
        self.bytes += record.bytes();
        self.slots[slot as usize] = Some(record);
        true
    }

    /// Deletes a record. `false` if there is none with that id.
    pub(crate) fn delete(&mut self, id: &str) -> bool {
        let Some(slot) = self.by_id.remove(id) else { return false };
        self.clear(slot);
        true
    }

    /// Gives the room of deleted records back, if that is much. Slots change.
    pub(crate) fn tidy(&mut self) {
        let holes = self.slots.len() - self.by_id.len();
        if holes < MIN_HOLES || holes < self.by_id.len() {
            return;
        }
        let mut dense = DenseTable::new(self.dense.dimension());
        let mut postings = Postings::default();
        let (mut slots, mut numbers) = (Vec::new(), Vec::new());
        for (at, record) in std::mem::take(&mut self.slots).into_iter().enumerate() {
            let Some(record) = record else { continue };
            let slot = u32::try_from(slots.len()).unwrap_or(u32::MAX);
            if let Some((vector, _)) = u32::try_from(at).ok().and_then(|at| self.dense.get(at)) {
                dense.push(vector);
            }
            if let Some(sparse) = &record.sparse {
                postings.insert(slot, sparse);
            }
            self.by_id.insert(Arc::clone(&record.id), slot);
            numbers.push(self.numbers[at]);
            slots.push(Some(record));
        }
        (self.slots, self.numbers, self.dense, self.postings) = (slots, numbers, dense, postings);
    }

    /// The records with their slots, in the order of their insertion.
    pub(crate) fn records(&self) -> impl Iterator<Item = (u32, &Record)> {
        (0..).zip(&self.slots).filter_map(|(slot, record)| Some((slot, record.as_ref()?)))
    }

    /// At most `limit` records whose ids begin with the prefix, from the one with that number on.
    pub(crate) fn page(&self, from: u64, limit: usize, prefix: &str) -> Page {
        let begin = self.numbers.partition_point(|number| *number < from);
        let found = (begin..self.slots.len())
            .filter(|at| self.slots[*at].as_ref().is_some_and(|record| record.id.starts_with(prefix)));
        let mut slots: Vec<u32> = found.take(limit.saturating_add(1)).filter_map(|at| u32::try_from(at).ok()).collect();
        let next = if slots.len() > limit { slots.pop().and_then(|slot| self.number(slot)) } else { None };
        Page { slots, next }
    }

    pub(crate) fn counts(&self, now_ms: u64) -> Counts {
        let pending = if self.settled_at_ms > now_ms {
            self.records().filter(|(_, record)| record.searchable_at_ms > now_ms).count()
        } else {
            0
        };
        Counts { vector_count: self.len() - pending, pending_vector_count: pending }
    }

    /// Takes what is in a slot, all but its vector.
    fn clear(&mut self, slot: u32) -> Option<Record> {
        let record = self.slots.get_mut(slot as usize)?.take()?;
        if let Some(sparse) = &record.sparse {
            self.postings.remove(slot, sparse);
        }
        self.bytes -= record.bytes();
        Some(record)
    }
}
