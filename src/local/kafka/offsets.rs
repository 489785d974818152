use std::collections::BTreeMap;

use super::request::TopicPartition;

/// The offsets of a group, and the changes that its journal does not have yet.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    by_partition: BTreeMap<TopicPartition, Offset>,
    changes: Vec<(TopicPartition, Offset)>,
}

/// An offset of a group in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offset {
    /// It is committed.
    Committed(i64),
    /// The group began there, at the message that came next, and has committed nothing. If it began anew at each change of its
    /// instances, it would skip the messages in between.
    Begin(i64),
}

impl Offsets {
    /// The offset that is committed.
    pub(super) fn committed(&self, partition: &TopicPartition) -> Option<i64> {
        match self.by_partition.get(partition)? {
            Offset::Committed(offset) => Some(*offset),
            Offset::Begin(_) => None,
        }
    }

    pub(super) fn commit(&mut self, partition: &TopicPartition, offset: i64) {
        self.set(partition, Offset::Committed(offset));
    }

    /// The offset at which the group began, which is this one if it begins now.
    pub(super) fn begin(&mut self, partition: &TopicPartition, end: i64) -> i64 {
        if let Some(Offset::Begin(offset)) = self.by_partition.get(partition) {
            return *offset;
        }
        self.set(partition, Offset::Begin(end));
        end
    }

    fn set(&mut self, partition: &TopicPartition, offset: Offset) {
        if self.by_partition.get(partition) != Some(&offset) {
            self.restore(partition.clone(), offset);
            self.changes.push((partition.clone(), offset));
        }
    }

    /// Takes over a change that the journal has.
    pub(super) fn restore(&mut self, partition: TopicPartition, offset: Offset) {
        self.by_partition.insert(partition, offset);
    }

    /// Takes the changes that the journal does not have yet, in their order.
    pub(super) fn take_changes(&mut self) -> Vec<(TopicPartition, Offset)> {
        std::mem::take(&mut self.changes)
    }

    pub(super) fn has_committed(&self) -> bool {
        self.by_partition.values().any(|offset| matches!(offset, Offset::Committed(_)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_partition.is_empty()
    }
}
