//! Topics and groups, and the requests that wait for messages.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    answer::{Reply, View},
    group::Group,
    log::{Retention, Stored},
    refusal::Refusal,
    request::{InstanceSettings, NewMessage, TopicPartition, TopicPartitionOffset},
    topics::{Metadata, Topics, check_name},
};
use crate::local::clock::LocalClock;

/// The messages of one answer, and their bytes.
const MAX_MESSAGES: usize = 500;
const MAX_BYTES: usize = 1024 * 1024;
/// The groups that there may be.
const MAX_GROUPS: usize = 1_000;

/// Topics and groups.
#[derive(Debug)]
pub(super) struct Broker {
    state: Mutex<State>,
    clock: LocalClock,
    /// Something was stored.
    stored: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    topics: Topics,
    groups: BTreeMap<String, Group>,
}

/// Messages of one partition for an answer.
type Batch = (TopicPartition, Vec<Arc<Stored>>);

/// A poll of an instance, which ends when this is dropped.
struct Poll<'a> {
    broker: &'a Broker,
    group: &'a str,
    instance: &'a str,
}

impl Drop for Poll<'_> {
    fn drop(&mut self) {
        let now_ms = self.broker.clock.now_ms();
        if let Some(group) = self.broker.lock().groups.get_mut(self.group) {
            group.end_poll(self.instance, now_ms);
        }
        // Another instance may have waited for its partitions.
        self.broker.stored.send_modify(|number| *number = number.wrapping_add(1));
    }
}

impl Broker {
    pub(super) fn new(creates: bool, retention: Retention, clock: LocalClock) -> Self {
        let state = State { topics: Topics::new(creates, retention), groups: BTreeMap::new() };
        Self { state: Mutex::new(state), clock, stored: watch::Sender::new(0) }
    }

    pub(super) fn clock(&self) -> &LocalClock {
        &self.clock
    }

    pub(super) fn create(&self, topic: &str, partitions: u32) -> Result<(), Refusal> {
        self.lock().topics.create(topic, partitions)
    }

    pub(super) fn produce(&self, messages: Vec<NewMessage>) -> Result<Vec<Metadata>, Refusal> {
        let now_ms = i64::try_from(self.clock.now_ms()).unwrap_or(i64::MAX);
        let stored = self.lock().topics.produce(messages, now_ms)?;
        self.stored.send_modify(|number| *number = number.wrapping_add(1));
        Ok(stored)
    }

    /// Messages from offsets on, of the partitions that have some. It waits for the first one.
    pub(super) async fn fetch(&self, from: &[TopicPartitionOffset], wait: Duration) -> Result<Reply, Refusal> {
        let found = self.wait_for(wait, |state| {
            let mut room = Room::default();
            let mut found = Vec::new();
            for TopicPartitionOffset { topic, partition, offset } in from {
                let log = state.topics.log(topic, *partition)?;
                let place = TopicPartition { topic: topic.clone(), partition: *partition };
                found.extend(room.batch(place, log.from(*offset)));
            }
            Ok(found)
        });
        Ok(reply(&found.await?))
    }

    /// The next messages of an instance. It waits for the first one.
    pub(super) async fn consume(
        &self,
        group: &str,
        instance: &str,
        topics: BTreeSet<String>,
        settings: InstanceSettings,
        wait: Duration,
    ) -> Result<Consumed, Refusal> {
        if topics.is_empty() {
            return Err(Refusal::malformed("topic or topics must be given"));
        }
        check_name(group)?;
        check_name(instance)?;
        {
            let mut state = self.lock();
            let State { topics: all, groups } = &mut *state;
            if groups.len() >= MAX_GROUPS && !groups.contains_key(group) {
                return Err(Refusal::forbidden(format!("there are {MAX_GROUPS} groups already")));
            }
            let now_ms = self.clock.now_ms();
            // A group that could not be joined is none.
            let mut new = Group::default();
            let known = groups.get_mut(group);
            let is_new = known.is_none();
            known.unwrap_or(&mut new).begin_poll(instance, settings, topics, all, now_ms)?;
            if is_new {
                groups.insert(group.to_owned(), new);
            }
        }
        let poll = Poll { broker: self, group, instance };
        let found = self.wait_for(wait, |state| {
            let State { topics, groups } = state;
            let Some(group) = groups.get_mut(group) else { return Ok(Vec::new()) };
            group.reap(topics, self.clock.now_ms());
            let (mut room, mut found) = (Room::default(), Vec::new());
            for (partition, offset) in group.positions(instance) {
                let log = topics.log(&partition.topic, partition.partition)?;
                if let Some((partition, messages)) = room.batch(partition, log.from(offset)) {
                    let next = messages.last().map_or(offset, |last| last.offset + 1);
                    group.deliver(instance, &partition, next);
                    found.push((partition, messages));
                }
            }
            Ok(found)
        });
        let found = found.await?;
        drop(poll);
        let spans = found.iter().filter_map(|(partition, messages)| {
            Some((partition.clone(), messages.first()?.offset, messages.last()?.offset + 1))
        });
        Ok(Consumed { reply: reply(&found), spans: spans.collect() })
    }

    /// Takes messages back that did not reach their client.
    pub(super) fn take_back(&self, group: &str, instance: &str, spans: &[(TopicPartition, i64, i64)]) {
        let mut state = self.lock();
        let Some(group) = state.groups.get_mut(group) else { return };
        for (partition, from, next) in spans {
            group.take_back(instance, partition, *from, *next);
        }
    }

    pub(super) fn commit(
        &self,
        group: &str,
        instance: &str,
        offsets: Vec<TopicPartitionOffset>,
    ) -> Result<Reply, Refusal> {
        let now_ms = self.clock.now_ms();
        self.with_group(group, |group, topics| group.commit(instance, offsets, topics, now_ms))?;
        Ok(Reply::success())
    }

    pub(super) fn committed(
        &self,
        group: &str,
        instance: &str,
        partitions: Vec<TopicPartition>,
    ) -> Result<Reply, Refusal> {
        let now_ms = self.clock.now_ms();
        let committed =
            self.with_group(group, |group, topics| group.committed(instance, partitions, topics, now_ms))?;
        Ok(Reply::of(&committed))
    }

    pub(super) fn delete_consumer(&self, group: &str, instance: &str) -> Result<Reply, Refusal> {
        self.with_group(group, |group, topics| group.remove(instance, topics))?;
        Ok(Reply::success())
    }

    pub(super) fn topics(&self) -> Reply {
        Reply::of(&self.lock().topics.all())
    }

    /// The groups with their instances.
    pub(super) fn consumers(&self) -> Reply {
        #[derive(Serialize)]
        struct GroupView<'a> {
            name: &'a str,
            instances: Vec<InstanceView<'a>>,
        }
        #[derive(Serialize)]
        struct InstanceView<'a> {
            name: &'a str,
            topics: Vec<TopicView<'a>>,
        }
        #[derive(Serialize)]
        struct TopicView<'a> {
            topic: &'a str,
            partitions: Vec<u32>,
        }
        let mut state = self.lock();
        let State { topics, groups } = &mut *state;
        let now_ms = self.clock.now_ms();
        groups.values_mut().for_each(|group| group.reap(topics, now_ms));
        let views: Vec<GroupView<'_>> = groups
            .iter()
            .map(|(name, group)| GroupView {
                name,
                instances: group
                    .assignments()
                    .map(|(name, topics)| InstanceView {
                        name,
                        topics: topics.into_iter().map(|(topic, partitions)| TopicView { topic, partitions }).collect(),
                    })
                    .collect(),
            })
            .filter(|group| !group.instances.is_empty())
            .collect();
        Reply::of(&views)
    }

    /// The offsets of a time: in milliseconds since the epoch, `earliest` or `latest`.
    pub(super) fn offsets(&self, at: &str, partitions: Vec<TopicPartition>) -> Result<Reply, Refusal> {
        let time: Option<i64> = at.parse().ok();
        let state = self.lock();
        let of = |TopicPartition { topic, partition }: TopicPartition| {
            let log = state.topics.log(&topic, partition)?;
            let offset = match (at, time) {
                ("earliest", _) => log.begin(),
                ("latest", _) => log.end(),
                (_, Some(time)) => log.at_time(time),
                _ => return Err(Refusal::malformed("the time must be milliseconds, earliest or latest")),
            };
            Ok(TopicPartitionOffset { topic, partition, offset })
        };
        Ok(Reply::of(&partitions.into_iter().map(of).collect::<Result<Vec<_>, _>>()?))
    }

    fn with_group<T>(
        &self,
        name: &str,
        act: impl FnOnce(&mut Group, &Topics) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut state = self.lock();
        let State { topics, groups } = &mut *state;
        let group = groups.get_mut(name).ok_or_else(|| Refusal::not_found("there is no such group"))?;
        act(group, topics)
    }

    /// Looks until there is something, or the time is over.
    async fn wait_for(
        &self,
        wait: Duration,
        mut look: impl FnMut(&mut State) -> Result<Vec<Batch>, Refusal>,
    ) -> Result<Vec<Batch>, Refusal> {
        let deadline = Instant::now() + wait;
        let mut stored = self.stored.subscribe();
        loop {
            let found = look(&mut self.lock())?;
            if !found.is_empty() || timeout_at(deadline, stored.changed()).await.is_err() {
                return Ok(found);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to a poll, and the offsets that are in it: of each partition the first one, and the one after the last.
pub(super) struct Consumed {
    pub(super) reply: Reply,
    pub(super) spans: Vec<(TopicPartition, i64, i64)>,
}

/// What still has room in an answer.
struct Room {
    messages: usize,
    bytes: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { messages: MAX_MESSAGES, bytes: MAX_BYTES }
    }
}

impl Room {
    /// As many messages as there is room for, and one if the answer is empty.
    fn batch<'a>(
        &mut self,
        partition: TopicPartition,
        messages: impl Iterator<Item = &'a Arc<Stored>>,
    ) -> Option<Batch> {
        let mut taken = Vec::new();
        for message in messages {
            let bytes = message.bytes();
            let is_first = self.messages == MAX_MESSAGES;
            if self.messages == 0 || (bytes > self.bytes && !is_first) {
                break;
            }
            self.messages -= 1;
            self.bytes = self.bytes.saturating_sub(bytes);
            taken.push(Arc::clone(message));
        }
        (!taken.is_empty()).then_some((partition, taken))
    }
}

fn reply(found: &[Batch]) -> Reply {
    let views: Vec<View<'_>> = found
        .iter()
        .flat_map(|(place, messages)| messages.iter().map(|message| View::new(&place.topic, place.partition, message)))
        .collect();
    Reply::of(&views)
}
