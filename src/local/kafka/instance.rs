use std::collections::{BTreeMap, BTreeSet};

use super::{
    offsets::Offsets,
    request::{InstanceSettings, TopicPartition},
};

/// A member of a group.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) settings: InstanceSettings,
    pub(super) topics: BTreeSet<String>,
    positions: BTreeMap<TopicPartition, Position>,
    /// It has a partition without an offset, and is to begin at none. It cannot be polled.
    pub(super) lacks_offset: bool,
    used_at_ms: u64,
    committed_at_ms: u64,
    /// The number of its last poll, and how many there were.
    poll: u64,
    polls: usize,
    is_polling: bool,
}

/// How far an instance is in a partition.
#[derive(Debug)]
struct Position {
    /// Messages before it were handed out, and the instance has come back for more.
    done: i64,
    /// Messages before it were handed out.
    delivered: i64,
    /// No commit was made since `done` was reached, or since messages were handed out.
    is_done_due: bool,
    is_delivered_due: bool,
}

impl Instance {
    pub(super) fn new(settings: InstanceSettings, topics: BTreeSet<String>, now_ms: u64) -> Self {
        Self {
            settings,
            topics,
            positions: BTreeMap::new(),
            lacks_offset: false,
            used_at_ms: now_ms,
            committed_at_ms: now_ms,
            poll: 0,
            polls: 0,
            is_polling: false,
        }
    }

    pub(super) fn is_polling(&self) -> bool {
        self.is_polling
    }

    /// The number of its last poll.
    pub(super) fn poll(&self) -> u64 {
        self.poll
    }

    pub(super) fn begin_poll(&mut self, poll: u64) {
        (self.poll, self.is_polling) = (poll, true);
        self.polls = self.polls.wrapping_add(1);
    }

    pub(super) fn end_poll(&mut self, now_ms: u64) {
        self.is_polling = false;
        self.used(now_ms);
    }

    pub(super) fn used(&mut self, now_ms: u64) {
        self.used_at_ms = now_ms;
    }

    /// The time at which it ends if it does not come back.
    pub(super) fn ends_at_ms(&self) -> Option<u64> {
        let ends_at_ms = self.used_at_ms.saturating_add(self.settings.session_timeout_ms);
        (!self.is_polling).then_some(ends_at_ms)
    }

    /// Its partitions, in their order.
    pub(super) fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.positions.keys()
    }

    /// Its partitions with the offsets of their next messages. Each poll begins with another one, so that a partition with many
    /// messages leaves room for the others.
    pub(super) fn next(&self) -> Vec<(TopicPartition, i64)> {
        let mut next: Vec<_> =
            self.positions.iter().map(|(partition, position)| (partition.clone(), position.delivered)).collect();
        let first = self.polls % next.len().max(1);
        next.rotate_left(first);
        next
    }

    pub(super) fn has(&self, partition: &TopicPartition) -> bool {
        self.positions.contains_key(partition)
    }

    /// Takes a partition over, at an offset, which is to be committed or is already.
    pub(super) fn gain(&mut self, partition: TopicPartition, offset: i64, is_due: bool) {
        let position = Position { done: offset, delivered: offset, is_done_due: is_due, is_delivered_due: false };
        self.positions.insert(partition, position);
    }

    /// Gives a partition away. Messages that are done are committed, if it commits by itself.
    pub(super) fn lose(&mut self, partition: &TopicPartition, offsets: &mut Offsets) {
        if let Some(position) = self.positions.remove(partition).filter(|position| position.is_done_due)
            && self.settings.auto_commit
        {
            offsets.commit(partition, position.done);
        }
    }

    /// Messages before that offset were handed out.
    pub(super) fn deliver(&mut self, partition: &TopicPartition, next: i64) {
        if let Some(position) = self.positions.get_mut(partition) {
            (position.delivered, position.is_delivered_due) = (next, true);
        }
    }

    /// Takes messages back that did not reach their client.
    pub(super) fn take_back(&mut self, partition: &TopicPartition, from: i64, next: i64) {
        let position = self.positions.get_mut(partition);
        if let Some(position) = position.filter(|position| position.delivered == next && position.done <= from) {
            (position.delivered, position.is_delivered_due) = (from, false);
        }
    }

    /// Comes for more: earlier messages are done, and are committed if it is time for that.
    pub(super) fn come_back(&mut self, offsets: &mut Offsets, now_ms: u64) {
        for position in self.positions.values_mut() {
            position.done = position.delivered;
            position.is_done_due |= std::mem::take(&mut position.is_delivered_due);
        }
        let due_ms = self.committed_at_ms.saturating_add(self.settings.auto_commit_interval_ms);
        if now_ms >= due_ms {
            self.committed_at_ms = now_ms;
            self.commit_done(offsets);
        }
    }

    /// Commits messages that are done, if it commits by itself.
    pub(super) fn commit_done(&mut self, offsets: &mut Offsets) {
        if !self.settings.auto_commit {
            return;
        }
        for (partition, position) in self.positions.iter_mut().filter(|(_, position)| position.is_done_due) {
            offsets.commit(partition, position.done);
            position.is_done_due = false;
        }
    }

    /// Commits all that was handed out and is not committed, if it commits by itself: it ends.
    pub(super) fn commit_last(&mut self, offsets: &mut Offsets) {
        if !self.settings.auto_commit {
            return;
        }
        let is_due = |position: &Position| position.is_done_due || position.is_delivered_due;
        for (partition, position) in self.positions.iter().filter(|(_, position)| is_due(position)) {
            offsets.commit(partition, position.delivered);
        }
    }

    /// Commits all that was handed out, by request.
    pub(super) fn commit_all(&mut self, offsets: &mut Offsets) {
        for (partition, position) in &mut self.positions {
            offsets.commit(partition, position.delivered);
            position.settle();
        }
    }

    /// An offset of a partition was committed by request.
    pub(super) fn settle(&mut self, partition: &TopicPartition) {
        if let Some(position) = self.positions.get_mut(partition) {
            position.settle();
        }
    }
}

impl Position {
    /// A commit by request stands until more is handed out.
    fn settle(&mut self) {
        (self.is_done_due, self.is_delivered_due) = (false, false);
    }
}
