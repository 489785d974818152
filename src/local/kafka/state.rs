use std::{collections::BTreeMap, sync::Arc};

use super::{
    group::Group,
    log::{Retention, Stored},
    refusal::Refusal,
    request::{NewMessage, TopicPartition},
    topics::{Metadata, Topics},
};
use crate::local::journal::Journal;

/// The groups that there may be.
const MAX_GROUPS: usize = 10_000;

/// Something that happened to a broker. Records in their order make its topics, messages and committed offsets again.
/// Instances of groups are not kept: they come again by their next poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// A topic was made with so many partitions.
    Topic(Arc<str>, u32),
    /// A message was stored at the end of a partition.
    Stored(Arc<str>, u32, Arc<Stored>),
    /// A group committed an offset.
    Committed(Arc<str>, TopicPartition, i64),
}

/// Topics and groups, and the journal of what happens to them.
#[derive(Debug)]
pub(super) struct State {
    topics: Topics,
    groups: BTreeMap<Arc<str>, Group>,
    /// A number that is another one after partitions of any group were given to instances.
    rebalances: u64,
    journal: Box<dyn Journal<Record>>,
}

impl State {
    /// The state that a journal left.
    pub(super) fn new(creates: bool, retention: Retention, mut journal: Box<dyn Journal<Record>>) -> Self {
        let before = journal.load();
        let mut state =
            Self { topics: Topics::new(creates, retention), groups: BTreeMap::new(), rebalances: 0, journal };
        for (_, record) in before {
            state.apply(record);
        }
        state
    }

    pub(super) fn rebalances(&self) -> u64 {
        self.rebalances
    }

    pub(super) fn topics(&self) -> &Topics {
        &self.topics
    }

    /// Makes a topic, unless there is one of that name.
    pub(super) fn create(&mut self, topic: &str, partitions: u32, now_ms: u64) -> Result<(), Refusal> {
        self.topics.check_new(topic, partitions)?;
        if !self.topics.contains(topic) {
            self.commit(now_ms, Record::Topic(topic.into(), partitions));
        }
        Ok(())
    }

    /// Stores messages: all, or none.
    pub(super) fn produce(&mut self, messages: Vec<NewMessage>, now_ms: u64) -> Result<Vec<Metadata>, Refusal> {
        self.topics.check(&messages)?;
        let mut places = Vec::with_capacity(messages.len());
        for message in messages {
            self.create(&message.topic, 1, now_ms)?;
            let Some((topic, partition, stored)) = self.topics.place(message, now_ms) else { continue };
            places.push(Metadata {
                topic: topic.to_string(),
                partition,
                offset: stored.offset,
                timestamp: stored.timestamp,
            });
            self.commit(now_ms, Record::Stored(topic, partition, Arc::new(stored)));
        }
        Ok(places)
    }

    /// Does something with a group, which is made if it `may_be_new`, and goes again if nothing is left of it.
    pub(super) fn with_group<T>(
        &mut self,
        name: &str,
        may_be_new: bool,
        now_ms: u64,
        act: impl FnOnce(&mut Group, &Topics) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        if !self.groups.contains_key(name) {
            if !may_be_new {
                return Err(Refusal::not_found("there is no such group"));
            }
            if self.groups.len() >= MAX_GROUPS {
                return Err(Refusal::forbidden(format!("there are {MAX_GROUPS} groups already")));
            }
        }
        let name: Arc<str> = name.into();
        let group = self.groups.entry(Arc::clone(&name)).or_default();
        let before = group.rebalances();
        let acted = act(group, &self.topics);
        self.rebalances += u64::from(group.rebalances() != before);
        for (partition, offset) in group.take_commits() {
            self.journal.append(now_ms, &Record::Committed(Arc::clone(&name), partition, offset));
        }
        if group.is_empty() {
            self.groups.remove(&name);
        }
        acted
    }

    /// Ends the instances of every group that have not come back in time.
    pub(super) fn reap(&mut self, now_ms: u64) {
        let names: Vec<Arc<str>> = self.groups.keys().cloned().collect();
        for name in names {
            // It cannot be refused.
            let _ = self.with_group(&name, false, now_ms, |group, topics| {
                group.reap(topics, now_ms);
                Ok(())
            });
        }
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = (&str, &Group)> {
        self.groups.iter().map(|(name, group)| (&**name, group))
    }

    fn commit(&mut self, now_ms: u64, record: Record) {
        self.journal.append(now_ms, &record);
        self.apply(record);
    }

    fn apply(&mut self, record: Record) {
        match record {
            Record::Topic(name, partitions) => self.topics.insert(name, partitions),
            Record::Stored(topic, partition, message) => self.topics.append(&topic, partition, message),
            Record::Committed(group, partition, offset) => {
                self.groups.entry(group).or_default().committed_before(partition, offset);
            }
        }
    }
}
