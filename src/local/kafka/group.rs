//! A consumer group: its instances, their partitions, and its offsets.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    instance::Instance,
    offsets::{Offset, Offsets},
    refusal::Refusal,
    request::{InstanceSettings, OffsetReset, TopicPartition, TopicPartitionOffset},
    topics::Topics,
};

/// The instances of a group.
const MAX_INSTANCES: usize = 100;

/// A group. Instances are static members: one that comes again under its name keeps its partitions.
#[derive(Debug, Default)]
pub(super) struct Group {
    offsets: Offsets,
    instances: BTreeMap<String, Instance>,
    /// How often partitions were given to instances.
    rebalances: u64,
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
            Some(instance) if instance.is_polling() => {
                return Err(Refusal::new(409, "the instance is polled by another request"));
            }
            Some(instance) => {
                let is_other = instance.topics != topics;
                instance.come_back(&mut self.offsets, now_ms);
                if is_other {
                    instance.topics = topics;
                    self.rebalance(all);
                }
            }
            None => {
                if self.instances.len() >= MAX_INSTANCES {
                    return Err(Refusal::new(429, format!("the group has {MAX_INSTANCES} instances already")));
                }
                self.instances.insert(name.to_owned(), Instance::new(settings, topics, now_ms));
                self.rebalance(all);
            }
        }
        let instance = self.instances.get_mut(name).ok_or_else(unknown_instance)?;
        if instance.lacks_offset {
            // It leaves its partitions to others.
            instance.commit_done(&mut self.offsets);
            self.instances.remove(name);
            self.rebalance(all);
            return Err(no_offset());
        }
        instance.begin_poll(poll);
        Ok(())
    }

    /// Ends a poll, whatever came of it.
    pub(super) fn end_poll(&mut self, name: &str, poll: u64, now_ms: u64) {
        if let Some(instance) = self.polled(name, poll) {
            instance.end_poll(now_ms);
        }
    }

    /// The partitions of an instance that is polled, with the offsets of their next messages.
    pub(super) fn next(&mut self, name: &str, poll: u64) -> Result<Vec<(TopicPartition, i64)>, Refusal> {
        let instance = self.polled(name, poll).ok_or_else(unknown_instance)?;
        if instance.lacks_offset { Err(no_offset()) } else { Ok(instance.next()) }
    }

    /// Messages before that offset were handed out.
    pub(super) fn deliver(&mut self, name: &str, poll: u64, partition: &TopicPartition, next: i64) {
        if let Some(instance) = self.polled(name, poll) {
            instance.deliver(partition, next);
        }
    }

    /// Takes messages back that did not reach their client, unless the instance has come back since.
    pub(super) fn take_back(&mut self, name: &str, poll: u64, partition: &TopicPartition, from: i64, next: i64) {
        if let Some(instance) = self.polled(name, poll).filter(|instance| !instance.is_polling()) {
            instance.take_back(partition, from, next);
        }
    }

    /// Commits offsets, or all that was handed out. An automatic commit replaces it when more was handed out.
    pub(super) fn commit(
        &mut self,
        name: &str,
        offsets: Option<Vec<TopicPartitionOffset>>,
        topics: &Topics,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        self.reap(topics, now_ms);
        for TopicPartitionOffset { topic, partition, offset } in offsets.iter().flatten() {
            // Beyond the end it would skip messages that are to come.
            if !(0..=topics.log(topic, *partition)?.end()).contains(offset) {
                return Err(Refusal::invalid(format!(
                    "the offset of partition {partition} of {topic} is out of range"
                )));
            }
        }
        let instance = self.instances.get_mut(name).ok_or_else(unknown_instance)?;
        instance.used(now_ms);
        match offsets {
            None => instance.commit_all(&mut self.offsets),
            Some(offsets) => {
                for TopicPartitionOffset { topic, partition, offset } in offsets {
                    let partition = TopicPartition { topic, partition };
                    self.offsets.commit(&partition, offset);
                    instance.settle(&partition);
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
        self.instances.get_mut(name).ok_or_else(unknown_instance)?.used(now_ms);
        let of = |partition: TopicPartition| {
            let offset = self.offsets.committed(&partition).unwrap_or(-1);
            TopicPartitionOffset { topic: partition.topic, partition: partition.partition, offset }
        };
        Ok(partitions.into_iter().map(of).collect())
    }

    /// Ends an instance. Messages that were handed out to it are committed, if it commits by itself.
    pub(super) fn remove(&mut self, name: &str, topics: &Topics, now_ms: u64) -> Result<(), Refusal> {
        self.reap(topics, now_ms);
        let mut instance = self.instances.remove(name).ok_or_else(unknown_instance)?;
        instance.commit_last(&mut self.offsets);
        self.rebalance(topics);
        Ok(())
    }

    /// The instances with their partitions by topic.
    pub(super) fn assignments(&self) -> impl Iterator<Item = (&str, BTreeMap<&str, Vec<u32>>)> {
        self.instances.iter().map(|(name, instance)| {
            let mut topics: BTreeMap<&str, Vec<u32>> =
                instance.topics.iter().map(|topic| (topic.as_str(), Vec::new())).collect();
            for TopicPartition { topic, partition } in instance.partitions() {
                topics.entry(topic).or_default().push(*partition);
            }
            (name.as_str(), topics)
        })
    }

    /// The next time at which an instance ends, unless it comes back.
    pub(super) fn next_end_ms(&self) -> Option<u64> {
        self.instances.values().filter_map(Instance::ends_at_ms).min()
    }

    /// Ends the instances that have not come back in time.
    pub(super) fn reap(&mut self, topics: &Topics, now_ms: u64) {
        let is_late = |instance: &Instance| instance.ends_at_ms().is_some_and(|ends_at_ms| ends_at_ms < now_ms);
        let late: Vec<String> =
            self.instances.iter().filter(|(_, instance)| is_late(instance)).map(|(name, _)| name.clone()).collect();
        if late.is_empty() {
            return;
        }
        for name in late {
            if let Some(mut instance) = self.instances.remove(&name) {
                instance.commit_done(&mut self.offsets);
            }
        }
        self.rebalance(topics);
    }

    /// Takes over an offset that the journal has.
    pub(super) fn restore(&mut self, partition: TopicPartition, offset: Offset) {
        self.offsets.restore(partition, offset);
    }

    /// Takes the changes of offsets that the journal does not have yet.
    pub(super) fn take_changes(&mut self) -> Vec<(TopicPartition, Offset)> {
        self.offsets.take_changes()
    }

    /// A number that is another one after partitions were given to instances.
    pub(super) fn rebalances(&self) -> u64 {
        self.rebalances
    }

    /// Whether it has committed something.
    pub(super) fn has_committed(&self) -> bool {
        self.offsets.has_committed()
    }

    pub(super) fn has_instances(&self) -> bool {
        !self.instances.is_empty()
    }

    /// Whether nothing is left of it.
    pub(super) fn is_empty(&self) -> bool {
        self.instances.is_empty() && self.offsets.is_empty()
    }

    /// The offsets, for tests.
    #[cfg(test)]
    pub(super) fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// An instance, unless it has been polled, or made anew, since that poll.
    fn polled(&mut self, name: &str, poll: u64) -> Option<&mut Instance> {
        self.instances.get_mut(name).filter(|instance| instance.poll() == poll)
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
            instance.lacks_offset = false;
            let lost: Vec<TopicPartition> =
                instance.partitions().filter(|partition| owners.get(*partition) != Some(name)).cloned().collect();
            for partition in lost {
                instance.lose(&partition, &mut self.offsets);
            }
        }
        for (partition, owner) in owners {
            let Some(instance) = self.instances.get_mut(&owner) else { continue };
            if instance.has(&partition) {
                continue;
            }
            let Ok(log) = topics.log(&partition.topic, partition.partition) else { continue };
            match (self.offsets.committed(&partition), instance.settings.reset) {
                (Some(committed), _) => instance.gain(partition, committed, false),
                (None, OffsetReset::Earliest) => instance.gain(partition, log.begin(), true),
                (None, OffsetReset::Latest) => {
                    let begin = self.offsets.begin(&partition, log.end());
                    instance.gain(partition, begin, true);
                }
                (None, OffsetReset::None) => instance.lacks_offset = true,
            }
        }
    }
}

fn no_offset() -> Refusal {
    Refusal::invalid("the group has no committed offset, and kafka-auto-offset-reset is none")
}

fn unknown_instance() -> Refusal {
    Refusal::not_found("the group has no such instance")
}
