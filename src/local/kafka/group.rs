//! A consumer group: its instances, their partitions, and the offsets that it has committed.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    refusal::Refusal,
    request::{InstanceSettings, OffsetReset, TopicPartition, TopicPartitionOffset},
    topics::Topics,
};

/// The instances of a group.
const MAX_INSTANCES: usize = 100;

/// A group. Instances are static members: one that comes again under its name keeps its partitions.
#[derive(Debug, Default)]
pub(super) struct Group {
    committed: BTreeMap<TopicPartition, i64>,
    instances: BTreeMap<String, Instance>,
}

/// A member of a group.
#[derive(Debug)]
pub(super) struct Instance {
    settings: InstanceSettings,
    topics: BTreeSet<String>,
    positions: BTreeMap<TopicPartition, Position>,
    used_at_ms: u64,
    committed_at_ms: u64,
    is_polling: bool,
}

/// How far an instance is in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    /// What comes before was handed out, and the instance has come back for more.
    done: i64,
    /// What comes before was handed out.
    delivered: i64,
}

impl Group {
    /// Begins a poll of an instance, which is made if it is new.
    pub(super) fn begin_poll(
        &mut self,
        name: &str,
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
                    is_polling: false,
                };
                self.instances.insert(name.to_owned(), instance);
                self.rebalance(all);
            }
        }
        let committed = &self.committed;
        let instance = self.instances.get_mut(name).ok_or_else(unknown_instance)?;
        if instance.settings.reset == OffsetReset::None
            && instance.positions.keys().any(|partition| !committed.contains_key(partition))
        {
            return Err(Refusal::malformed("the group has no committed offset, and kafka-auto-offset-reset is none"));
        }
        instance.is_polling = true;
        Ok(())
    }

    /// Ends a poll, whatever came of it.
    pub(super) fn end_poll(&mut self, name: &str, now_ms: u64) {
        if let Some(instance) = self.instances.get_mut(name) {
            (instance.is_polling, instance.used_at_ms) = (false, now_ms);
        }
    }

    /// The partitions of an instance with the offsets of their next messages.
    pub(super) fn positions(&self, name: &str) -> Vec<(TopicPartition, i64)> {
        let instance = self.instances.get(name);
        let positions = instance.into_iter().flat_map(|instance| &instance.positions);
        positions.map(|(partition, position)| (partition.clone(), position.delivered)).collect()
    }

    /// Messages before that offset were handed out.
    pub(super) fn deliver(&mut self, name: &str, partition: &TopicPartition, next: i64) {
        let instance = self.instances.get_mut(name);
        if let Some(position) = instance.and_then(|instance| instance.positions.get_mut(partition)) {
            position.delivered = next;
        }
    }

    /// Takes messages back that did not reach their client, unless the instance has come back since.
    pub(super) fn take_back(&mut self, name: &str, partition: &TopicPartition, from: i64, next: i64) {
        let instance = self.instances.get_mut(name).filter(|instance| !instance.is_polling);
        let position = instance.and_then(|instance| instance.positions.get_mut(partition));
        if let Some(position) = position.filter(|position| position.delivered == next && position.done <= from) {
            position.delivered = from;
        }
    }

    /// Commits offsets, or all that was handed out.
    pub(super) fn commit(
        &mut self,
        name: &str,
        offsets: Vec<TopicPartitionOffset>,
        topics: &Topics,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        self.reap(topics, now_ms);
        for TopicPartitionOffset { topic, partition, offset } in &offsets {
            topics.log(topic, *partition)?;
            if *offset < 0 {
                return Err(Refusal::malformed("an offset is not negative"));
            }
        }
        let instance = self.instances.get_mut(name).ok_or_else(unknown_instance)?;
        instance.used_at_ms = now_ms;
        if offsets.is_empty() {
            let delivered = instance.positions.iter();
            self.committed.extend(delivered.map(|(partition, position)| (partition.clone(), position.delivered)));
        }
        for TopicPartitionOffset { topic, partition, offset } in offsets {
            self.committed.insert(TopicPartition { topic, partition }, offset);
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
            let offset = self.committed.get(&partition).copied().unwrap_or(-1);
            TopicPartitionOffset { topic: partition.topic, partition: partition.partition, offset }
        };
        Ok(partitions.into_iter().map(of).collect())
    }

    /// Ends an instance. Messages that were handed out to it are committed, if it commits by itself.
    pub(super) fn remove(&mut self, name: &str, topics: &Topics) -> Result<(), Refusal> {
        let instance = self.instances.remove(name).ok_or_else(unknown_instance)?;
        if instance.settings.auto_commit {
            let delivered = instance.positions.into_iter();
            self.committed.extend(delivered.map(|(partition, position)| (partition, position.delivered)));
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
            if let Some(instance) = self.instances.remove(&name) {
                instance.commit_done(&mut self.committed);
            }
        }
        self.rebalance(topics);
    }

    /// Gives each partition of a topic to one of the instances that read it: ranges, in the order of the names.
    fn rebalance(&mut self, topics: &Topics) {
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
                if let Some(position) = position.filter(|_| instance.settings.auto_commit) {
                    self.committed.insert(partition, position.done);
                }
            }
        }
        for (partition, owner) in owners {
            let Some(instance) = self.instances.get_mut(&owner) else { continue };
            if instance.positions.contains_key(&partition) {
                continue;
            }
            let Ok(log) = topics.log(&partition.topic, partition.partition) else { continue };
            let begin = match (self.committed.get(&partition), instance.settings.reset) {
                (Some(committed), _) => *committed,
                (None, OffsetReset::Earliest) => log.begin(),
                (None, OffsetReset::Latest | OffsetReset::None) => log.end(),
            };
            instance.positions.insert(partition, Position { done: begin, delivered: begin });
        }
    }
}

impl Instance {
    /// The instance comes for more: earlier messages are done, and are committed if it is time for that.
    fn come_back(&mut self, committed: &mut BTreeMap<TopicPartition, i64>, now_ms: u64) {
        for position in self.positions.values_mut() {
            position.done = position.delivered;
        }
        let due_ms = self.committed_at_ms.saturating_add(self.settings.auto_commit_interval_ms);
        if self.settings.auto_commit && now_ms >= due_ms {
            self.committed_at_ms = now_ms;
            self.commit_done(committed);
        }
    }

    fn commit_done(&self, committed: &mut BTreeMap<TopicPartition, i64>) {
        if self.settings.auto_commit {
            committed.extend(self.positions.iter().map(|(partition, position)| (partition.clone(), position.done)));
        }
    }
}

fn unknown_instance() -> Refusal {
    Refusal::not_found("the group has no such instance")
}
