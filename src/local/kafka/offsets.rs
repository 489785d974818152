use std::collections::BTreeMap;

use super::request::TopicPartition;

/// The offsets that a group has committed, and the commits that its journal does not have yet.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    by_partition: BTreeMap<TopicPartition, i64>,
    new: Vec<(TopicPartition, i64)>,
}

impl Offsets {
    pub(super) fn get(&self, partition: &TopicPartition) -> Option<i64> {
        self.by_partition.get(partition).copied()
    }

    pub(super) fn commit(&mut self, partition: &TopicPartition, offset: i64) {
        if self.get(partition) != Some(offset) {
            self.by_partition.insert(partition.clone(), offset);
            self.new.push((partition.clone(), offset));
        }
    }

    /// Takes over what the journal has.
    pub(super) fn restore(&mut self, partition: TopicPartition, offset: i64) {
        self.by_partition.insert(partition, offset);
    }

    /// Takes the commits that the journal does not have yet, in their order.
    pub(super) fn take_new(&mut self) -> Vec<(TopicPartition, i64)> {
        std::mem::take(&mut self.new)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_partition.is_empty()
    }
}
