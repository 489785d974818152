use std::{collections::BTreeMap, sync::Arc};

use super::{
    group::Group,
    log::{Retention, Stored},
    offsets::Offset,
    refusal::Refusal,
    request::{NewMessage, TopicPartition},
    topics::{Metadata, Topics},
};
use crate::local::journal::Journal;

/// The groups that there may be.
const MAX_GROUPS: usize = 10_000;

/// Something that happened to a broker. Records in their order make its topics, messages and offsets of groups again.
/// Instances of groups are not kept: they come again by their next poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// A topic was made with so many partitions.
    Topic(Arc<str>, u32),
    /// A message was stored at the end of a partition, which was its turn or not.
    Stored(Arc<str>, u32, Arc<Stored>, bool),
    /// A group has another offset.
    Offset(Arc<str>, TopicPartition, Offset),
    /// A group was forgotten.
    GroupGone(Arc<str>),
}

/// Topics and groups, and the journal of what happens to them.
#[derive(Debug)]
pub(super) struct State {
    topics: Topics,
    /// Each with the time at which it was last used.
    groups: BTreeMap<Arc<str>, (Group, u64)>,
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
        for (time_ms, record) in before {
            state.apply(time_ms, record);
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
            let Some((topic, partition, is_by_turn, stored)) = self.topics.place(message, now_ms) else { continue };
            places.push(Metadata {
                topic: topic.to_string(),
                partition,
                offset: stored.offset,
                timestamp: stored.timestamp,
            });
            self.commit(now_ms, Record::Stored(topic, partition, Arc::new(stored), is_by_turn));
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
            // A group that could not be joined is none, and takes the room of none.
            let mut group = Group::default();
            let acted = act(&mut group, &self.topics)?;
            if !group.is_empty() {
                self.make_room(now_ms)?;
                self.rebalances += 1;
                self.groups.insert(name.into(), (group, now_ms));
                self.keep_changes(name, now_ms);
            }
            return Ok(acted);
        }
        let Some((group, used_at_ms)) = self.groups.get_mut(name) else {
            return Err(Refusal::not_found("there is no such group"));
        };
        *used_at_ms = now_ms;
        let before = group.rebalances();
        let acted = act(group, &self.topics);
        self.rebalances += u64::from(group.rebalances() != before);
        self.keep_changes(name, now_ms);
        acted
    }

    /// Writes the changes of a group into the journal, and forgets it if nothing is left of it.
    fn keep_changes(&mut self, name: &str, now_ms: u64) {
        let Some((name, _)) = self.groups.get_key_value(name) else { return };
        let name = Arc::clone(name);
        let Some((group, _)) = self.groups.get_mut(&name) else { return };
        for (partition, offset) in group.take_changes() {
            self.journal.append(now_ms, &Record::Offset(Arc::clone(&name), partition, offset));
        }
        if group.is_empty() {
            self.groups.remove(&name);
        }
    }

    /// Ends the instances of every group that have not come back in time.
    pub(super) fn reap(&mut self, now_ms: u64) {
        let is_due = |group: &Group| group.next_end_ms().is_some_and(|end_ms| end_ms < now_ms);
        let due = self.groups.iter().filter(|(_, (group, _))| is_due(group));
        let names: Vec<Arc<str>> = due.map(|(name, _)| Arc::clone(name)).collect();
        for name in names {
            // It cannot be refused.
            let _ = self.with_group(&name, false, now_ms, |group, topics| {
                group.reap(topics, now_ms);
                Ok(())
            });
        }
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = (&str, &Group)> {
        self.groups.iter().map(|(name, (group, _))| (&**name, group))
    }

    /// The next time at which an instance of a group ends, unless it comes back.
    pub(super) fn next_end_ms(&self, group: &str) -> Option<u64> {
        self.groups.get(group)?.0.next_end_ms()
    }

    /// Makes room for another group: of those without instances one goes, if there is one without commits, and the one that
    /// was used last the longest time ago.
    fn make_room(&mut self, now_ms: u64) -> Result<(), Refusal> {
        if self.groups.len() < MAX_GROUPS {
            return Ok(());
        }
        self.reap(now_ms);
        let unused = self.groups.iter().filter(|(_, (group, _))| !group.has_instances());
        let oldest = unused.min_by_key(|(_, (group, used_at_ms))| (group.has_committed(), *used_at_ms));
        let oldest = oldest.map(|(name, _)| Arc::clone(name));
        let full = || Refusal::new(429, format!("there are {MAX_GROUPS} groups with instances already"));
        self.commit(now_ms, Record::GroupGone(oldest.ok_or_else(full)?));
        Ok(())
    }

    fn commit(&mut self, now_ms: u64, record: Record) {
        self.journal.append(now_ms, &record);
        self.apply(now_ms, record);
    }

    fn apply(&mut self, time_ms: u64, record: Record) {
        match record {
            Record::Topic(name, partitions) => self.topics.insert(name, partitions),
            Record::Stored(topic, partition, message, is_by_turn) => {
                self.topics.append(&topic, partition, message, is_by_turn);
            }
            Record::Offset(group, partition, offset) => {
                let (group, used_at_ms) = self.groups.entry(group).or_default();
                *used_at_ms = time_ms;
                group.restore(partition, offset);
            }
            Record::GroupGone(name) => {
                self.groups.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::local::{
        journal::Kept,
        kafka::request::{InstanceSettings, OffsetReset},
    };

    /// Joins a group for a moment.
    fn join(state: &mut State, group: &str, now_ms: u64) -> Result<(), Refusal> {
        let settings = InstanceSettings {
            auto_commit: false,
            auto_commit_interval_ms: 0,
            reset: OffsetReset::Latest,
            session_timeout_ms: 10,
        };
        state.with_group(group, true, now_ms, |group, topics| {
            group.begin_poll("a", now_ms, settings, BTreeSet::from(["orders".to_owned()]), topics, now_ms)?;
            group.end_poll("a", now_ms, now_ms);
            Ok(())
        })
    }

    #[test]
    fn the_group_goes_that_is_missed_least() {
        let kept = Kept::new();
        let retention = Retention { messages: 10, bytes: 1_000 };
        let mut state = State::new(true, retention, Box::new(kept.clone()));
        state.create("orders", 1, 0).unwrap();
        for number in 0..MAX_GROUPS {
            join(&mut state, &format!("group-{number}"), 100).unwrap();
        }
        assert_eq!(join(&mut state, "other", 105).unwrap_err().status, 429, "all of them have instances");
        let commit = |group: &mut Group, topics: &Topics| group.commit("a", None, topics, 105);
        state.with_group("group-0", false, 105, commit).unwrap();
        // One that is refused takes no room.
        let refused: Result<(), _> = state.with_group("other", true, 1_000, |_, _| Err(Refusal::invalid("no")));
        assert!(refused.is_err());
        assert_eq!(state.groups().count(), MAX_GROUPS);
        join(&mut state, "other", 1_000).unwrap();
        let has = |state: &State, name: &str| state.groups().any(|(known, _)| known == name);
        assert!(has(&state, "other") && has(&state, "group-0") && !has(&state, "group-1"));
        let loaded = State::new(true, retention, Box::new(kept));
        assert!(has(&loaded, "other") && has(&loaded, "group-0") && !has(&loaded, "group-1"));
    }
}
