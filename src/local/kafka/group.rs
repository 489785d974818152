//! A consumer group: its instances, their partitions, and the offsets that it has committed.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    log::Log,
    offsets::Offsets,
    refusal::Refusal,
    request::{InstanceSettings, OffsetReset, TopicPartition, TopicPartitionOffset},
    topics::Topics,
};

/// The instances of a group.
const MAX_INSTANCES: usize = 100;

/// A group. Instances are static members: one that comes again under its name keeps its partitions.
#[derive(Debug, Default)]
pub(super) struct Group {
    committed: Offsets,
    instances: BTreeMap<String, Instance>,
    /// How often partitions were given to instances.
    rebalances: u64,
}

/// A member of a group.
#[derive(Debug)]
pub(super) struct Instance {
    settings: InstanceSettings,
    topics: BTreeSet<String>,
    positions: BTreeMap<TopicPartition, Position>,
    used_at_ms: u64,
    committed_at_ms: u64,
    /// The number of its last poll, and how many there were.
    poll: u64,
    polls: usize,
    is_polling: bool,
}

/// How far an instance is in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    /// What comes before was handed out, and the instance has come back for more.
    done: i64,
    /// What comes before was handed out.
    delivered: i64,
    /// `done` is to be committed: no commit has been made since it was reached.
    is_due: bool,
}

impl Group {
    /// Begins a poll of an instance, which is made if it is new. The poll has a number that no other one has.
    pub(super) fn begin_poll(
        &mut self,
        name: &str,
        poll: u64,
        settings: InstanceSettings,
        topics: BTreeSet<String>,
        all: &Topics,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        for topic in &topics {
            all.partitions(topic)?;
        }
        self.reap(all, now_ms);
        match self.instances.get_mut(name) {
            Some(instance) if instance.is_polling => {
                return Err(Refusal::new(409, "the instance is polled by another request"));
            }
            Some(instance) => {
                let is_other = instance.topics != topics;
                instance.come_back(&mut self.committed, now_ms);
                if is_other {
                    instance.topics = topics;
                    self.rebalance(all);
                }
            }
            None => {
                if self.instances.len() >= MAX_INSTANCES {
                    return Err(Refusal::forbidden(format!("the group has {MAX_INSTANCES} instances already")));
                }
                let instance = Instance {
                    settings,
                    topics,
                    positions: BTreeMap::new(),
                    used_at_ms: now_ms,
                    committed_at_ms: now_ms,
                    poll,
                    polls: 0,
                    is_polling: false,
                };
                self.instances.insert(name.to_owned(), instance);
                self.rebalance(all);
            }
        }
        let instance = self.instances.get_mut(name).ok_or_else(unknown_instance)?;
        if instance.settings.reset == OffsetReset::None
            && instance.positions.keys().any(|partition| self.committed.get(partition).is_none())
        {
            // It leaves its partitions to others.
            self.instances.remove(name);
            self.rebalance(all);
            return Err(Refusal::malformed("the group has no committed offset, and kafka-auto-offset-reset is none"));
        }
        (instance.poll, instance.is_polling) = (poll, true);
        instance.polls = instance.polls.wrapping_add(1);
        Ok(())
    }

    /// Ends a poll, whatever came of it.
    pub(super) fn end_poll(&mut self, name: &str, poll: u64, now_ms: u64) {
        if let Some(instance) = self.polled(name, poll) {
            (instance.is_polling, instance.used_at_ms) = (false, now_ms);
        }
    }

    /// The partitions of an instance that is polled, with the offsets of their next messages. Each poll begins with another
    /// one, so that a partition with many messages leaves room for the others.
    pub(super) fn positions(&mut self, name: &str, poll: u64) -> Result<Vec<(TopicPartition, i64)>, Refusal> {
        let instance = self.polled(name, poll).ok_or_else(unknown_instance)?;
        let positions = instance.positions.iter();
        let mut positions: Vec<_> =
            positions.map(|(partition, position)| (partition.clone(), position.delivered)).collect();
        let first = instance.polls % positions.len().max(1);
        positions.rotate_left(first);
        Ok(positions)
    }

    /// Messages before that offset were handed out.
    pub(super) fn deliver(&mut self, name: &str, poll: u64, partition: &TopicPartition, next: i64) {
        let instance = self.polled(name, poll);
        if let Some(position) = instance.and_then(|instance| instance.positions.get_mut(partition)) {
            position.delivered = next;
        }
    }

    /// Takes messages back that did not reach their client, unless the instance has come back since.
    pub(super) fn take_back(&mut self, name: &str, poll: u64, partition: &TopicPartition, from: i64, next: i64) {
        let instance = self.polled(name, poll).filter(|instance| !instance.is_polling);
        let position = instance.and_then(|instance| instance.positions.get_mut(partition));
        if let Some(position) = position.filter(|position| position.delivered == next && position.done <= from) {
            position.delivered = from;
        }
    }

    /// Commits offsets, or all that was handed out. No automatic commit takes it back.
    pub(super) fn commit(
        &mut self,
        name: &str,
        offsets: Option<Vec<TopicPartitionOffset>>,
        topics: &Topics,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        self.reap(topics, now_ms);
        for TopicPartitionOffset { topic, partition, offset } in offsets.iter().flatten() {
            topics.log(topic, *partition)?;
            if *offset < 0 {
                return Err(Refusal::malformed("an offset is not negative"));
            }
        }
        let instance = self.instances.get_mut(name).ok_or_else(unknown_instance)?;
        instance.used_at_ms = now_ms;
        match offsets {
            None => instance.commit_delivered(&mut self.committed),
            Some(offsets) => {
                for TopicPartitionOffset { topic, partition, offset } in offsets {
                    let partition = TopicPartition { topic, partition };
                    self.committed.commit(&partition, offset);
                    if let Some(position) = instance.positions.get_mut(&partition) {
                        position.is_due = false;
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn committed(
        &mut self,
        name: &str,
        partitions: Vec<TopicPartition>,
        topics: &Topics,
        now_ms: u64,
    ) -> Result<Vec<TopicPartitionOffset>, Refusal> {
        self.reap(topics, now_ms);
        for TopicPartition { topic, partition } in &partitions {
            topics.log(topic, *partition)?;
        }
        self.instances.get_mut(name).ok_or_else(unknown_instance)?.used_at_ms = now_ms;
        let of = |partition: TopicPartition| {
            let offset = self.committed_at(&partition).unwrap_or(-1);
            TopicPartitionOffset { topic: partition.topic, partition: partition.partition, offset }
        };
        Ok(partitions.into_iter().map(of).collect())
    }

    /// Ends an instance. Messages that were handed out to it are committed, if it commits by itself.
    pub(super) fn remove(&mut self, name: &str, topics: &Topics, now_ms: u64) -> Result<(), Refusal> {
        self.reap(topics, now_ms);
        let mut instance = self.instances.remove(name).ok_or_else(unknown_instance)?;
        if instance.settings.auto_commit {
            instance.commit_delivered(&mut self.committed);
        }
        self.rebalance(topics);
        Ok(())
    }

    /// The instances with their partitions by topic.
    pub(super) fn assignments(&self) -> impl Iterator<Item = (&str, BTreeMap<&str, Vec<u32>>)> {
        self.instances.iter().map(|(name, instance)| {
            let mut topics: BTreeMap<&str, Vec<u32>> =
                instance.topics.iter().map(|topic| (topic.as_str(), Vec::new())).collect();
            for TopicPartition { topic, partition } in instance.positions.keys() {
                topics.entry(topic).or_default().push(*partition);
            }
            (name.as_str(), topics)
        })
    }

    /// Ends the instances that have not come back in time.
    pub(super) fn reap(&mut self, topics: &Topics, now_ms: u64) {
        let is_late = |instance: &Instance| {
            !instance.is_polling && now_ms > instance.used_at_ms.saturating_add(instance.settings.session_timeout_ms)
        };
        let late: Vec<String> =
            self.instances.iter().filter(|(_, instance)| is_late(instance)).map(|(name, _)| name.clone()).collect();
        if late.is_empty() {
            return;
        }
        for name in late {
            if let Some(mut instance) = self.instances.remove(&name) {
                instance.commit_done(&mut self.committed);
            }
        }
        self.rebalance(topics);
    }

    /// Takes over a commit that the journal has.
    pub(super) fn committed_before(&mut self, partition: TopicPartition, offset: i64) {
        self.committed.restore(partition, offset);
    }

    /// The offset that was committed.
    pub(super) fn committed_at(&self, partition: &TopicPartition) -> Option<i64> {
        self.committed.get(partition)
    }

    /// Takes the commits that the journal does not have yet.
    pub(super) fn take_commits(&mut self) -> Vec<(TopicPartition, i64)> {
        self.committed.take_new()
    }

    /// A number that is another one after partitions were given to instances.
    pub(super) fn rebalances(&self) -> u64 {
        self.rebalances
    }

    /// Whether nothing is left of it.
    pub(super) fn is_empty(&self) -> bool {
        self.instances.is_empty() && self.committed.is_empty()
    }

    /// An instance, unless it has been polled, or made anew, since that poll.
    fn polled(&mut self, name: &str, poll: u64) -> Option<&mut Instance> {
        self.instances.get_mut(name).filter(|instance| instance.poll == poll)
    }

    /// Gives each partition of a topic to one of the instances that read it: ranges, in the order of the names.
    fn rebalance(&mut self, topics: &Topics) {
        self.rebalances += 1;
        let mut owners: BTreeMap<TopicPartition, String> = BTreeMap::new();
        let all: BTreeSet<String> = self.instances.values().flat_map(|instance| instance.topics.clone()).collect();
        for topic in all {
            let readers: Vec<&String> = self
                .instances
                .iter()
                .filter(|(_, instance)| instance.topics.contains(&topic))
                .map(|(name, _)| name)
                .collect();
            let partitions = topics.partitions(&topic).unwrap_or_default() as usize;
            let (each, more) = (partitions / readers.len().max(1), partitions % readers.len().max(1));
            let mut next = 0_u32;
            for (at, reader) in readers.into_iter().enumerate() {
                for _ in 0..each + usize::from(at < more) {
                    owners.insert(TopicPartition { topic: topic.clone(), partition: next }, reader.clone());
                    next += 1;
                }
            }
        }
        // First what is lost, so that those who get it go on from there.
        for (name, instance) in &mut self.instances {
            let lost: Vec<TopicPartition> =
                instance.positions.keys().filter(|partition| owners.get(*partition) != Some(name)).cloned().collect();
            for partition in lost {
                let position = instance.positions.remove(&partition);
                if let Some(position) = position.filter(|position| instance.settings.auto_commit && position.is_due) {
                    self.committed.commit(&partition, position.done);
                }
            }
        }
        for (partition, owner) in owners {
            let Some(instance) = self.instances.get_mut(&owner) else { continue };
            if instance.positions.contains_key(&partition) {
                continue;
            }
            let Ok(log) = topics.log(&partition.topic, partition.partition) else { continue };
            let (begin, is_new) = instance.settings.reset.begin(self.committed.get(&partition), log);
            instance.positions.insert(partition, Position { done: begin, delivered: begin, is_due: is_new });
        }
    }
}

impl OffsetReset {
    /// The offset of the first message that a group reads: the committed one, unless it is beyond the end. Whether it is to
    /// be committed, so that the group goes on from there.
    fn begin(self, committed: Option<i64>, log: &Log) -> (i64, bool) {
        match (committed.filter(|committed| *committed <= log.end()), self) {
            (Some(committed), _) => (committed, false),
            (None, Self::Earliest) => (log.begin(), true),
            (None, Self::Latest) => (log.end(), true),
            (None, Self::None) => (log.end(), false),
        }
    }
}

impl Instance {
    /// The instance comes for more: earlier messages are done, and are committed if it is time for that.
    fn come_back(&mut self, committed: &mut Offsets, now_ms: u64) {
        for position in self.positions.values_mut() {
            position.is_due |= position.done != position.delivered;
            position.done = position.delivered;
        }
        let due_ms = self.committed_at_ms.saturating_add(self.settings.auto_commit_interval_ms);
        if self.settings.auto_commit && now_ms >= due_ms {
            self.committed_at_ms = now_ms;
            self.commit_done(committed);
        }
    }

    fn commit_done(&mut self, committed: &mut Offsets) {
        if !self.settings.auto_commit {
            return;
        }
        for (partition, position) in self.positions.iter_mut().filter(|(_, position)| position.is_due) {
            committed.commit(partition, position.done);
            position.is_due = false;
        }
    }

    /// Commits all that was handed out.
    fn commit_delivered(&mut self, committed: &mut Offsets) {
        for (partition, position) in &mut self.positions {
            committed.commit(partition, position.delivered);
            position.is_due = false;
        }
    }
}

fn unknown_instance() -> Refusal {
    Refusal::not_found("the group has no such instance")
}
