//! Topics and groups, and the requests that wait for messages.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    answer::Reply,
    group::Group,
    refusal::Refusal,
    request::{InstanceSettings, NewMessage, TopicPartition, TopicPartitionOffset},
    room::{Batch, Room},
    state::State,
    topics::{Metadata, Topics, check_member},
};
use crate::local::clock::LocalClock;

/// Topics and groups.
#[derive(Debug)]
pub(super) struct Broker {
    state: Mutex<State>,
    clock: LocalClock,
    /// Something was stored, or partitions may have another instance.
    changed: watch::Sender<()>,
    /// The number of the last poll.
    polls: AtomicU64,
}

/// A poll of an instance, which ends when this is dropped.
struct Poll<'a> {
    broker: &'a Broker,
    group: &'a str,
    instance: &'a str,
    number: u64,
}

impl Drop for Poll<'_> {
    fn drop(&mut self) {
        let now_ms = self.broker.clock.now_ms();
        // A group that is gone has no polls.
        let _ = self.broker.with_group(self.group, |group, _| {
            group.end_poll(self.instance, self.number, now_ms);
            Ok(())
        });
        // From now on its instance may end, and leave its partitions to one that waits.
        self.broker.changed.send_replace(());
    }
}

impl Broker {
    pub(super) fn new(state: State, clock: LocalClock) -> Self {
        Self { state: Mutex::new(state), clock, changed: watch::Sender::new(()), polls: AtomicU64::new(0) }
    }

    pub(super) fn create(&self, topic: &str, partitions: u32) -> Result<(), Refusal> {
        self.act(|state| state.create(topic, partitions, self.clock.now_ms()))
    }

    pub(super) fn produce(&self, messages: Vec<NewMessage>) -> Result<Vec<Metadata>, Refusal> {
        let places = self.act(|state| state.produce(messages, self.clock.now_ms()))?;
        self.changed.send_replace(());
        Ok(places)
    }

    /// Messages from offsets on, of the partitions that have some. It waits for the first one.
    pub(super) async fn fetch(&self, from: &[TopicPartitionOffset], wait: Duration) -> Result<Reply, Refusal> {
        let found = self.wait_for(wait, None, |state| {
            let mut room = Room::default();
            let mut found = Vec::new();
            for TopicPartitionOffset { topic, partition, offset } in from {
                let log = state.topics().log(topic, *partition)?;
                let place = TopicPartition { topic: topic.clone(), partition: *partition };
                found.extend(room.batch(place, log.from(*offset)));
            }
            Ok(found)
        });
        Ok(Reply::messages(&found.await?))
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
            return Err(Refusal::invalid("topic or topics must be given"));
        }
        for name in [group, instance] {
            check_member(name)?;
        }
        let number = self.polls.fetch_add(1, Ordering::Relaxed) + 1;
        let now_ms = self.clock.now_ms();
        self.act(|state| {
            state.with_group(group, true, now_ms, |group, all| {
                group.begin_poll(instance, number, settings, topics, all, now_ms)
            })
        })?;
        let poll = Poll { broker: self, group, instance, number };
        let found = self.wait_for(wait, Some(group), |state| {
            let now_ms = self.clock.now_ms();
            state.with_group(group, false, now_ms, |group, topics| {
                group.reap(topics, now_ms);
                let (mut room, mut found) = (Room::default(), Vec::new());
                for (partition, offset) in group.next(instance, number)? {
                    let log = topics.log(&partition.topic, partition.partition)?;
                    if let Some((partition, messages)) = room.batch(partition, log.from(offset)) {
                        let next = messages.last().map_or(offset, |last| last.offset + 1);
                        group.deliver(instance, number, &partition, next);
                        found.push((partition, messages));
                    }
                }
                Ok(found)
            })
        });
        let mut found = found.await?;
        drop(poll);
        found.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let spans = found.iter().filter_map(|(partition, messages)| {
            Some((partition.clone(), messages.first()?.offset, messages.last()?.offset + 1))
        });
        Ok(Consumed { reply: Reply::messages(&found), delivered: Delivered { poll: number, spans: spans.collect() } })
    }

    /// Takes messages back that did not reach their client.
    pub(super) fn take_back(&self, group: &str, instance: &str, consumed: &Delivered) {
        // A group that is gone has nothing to go on from.
        let _ = self.with_group(group, |group, _| {
            for (partition, from, next) in &consumed.spans {
                group.take_back(instance, consumed.poll, partition, *from, *next);
            }
            Ok(())
        });
    }

    pub(super) fn commit(
        &self,
        group: &str,
        instance: &str,
        offsets: Option<Vec<TopicPartitionOffset>>,
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
        let now_ms = self.clock.now_ms();
        self.with_group(group, |group, topics| group.remove(instance, topics, now_ms))?;
        Ok(Reply::success())
    }

    /// Ends the instances that have not come back in time.
    fn reap(&self) {
        self.act(|state| state.reap(self.clock.now_ms()));
    }

    /// Moves the clock forward.
    pub(super) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.reap();
        self.changed.send_replace(());
    }

    pub(super) fn topics(&self) -> Reply {
        Reply::of(&self.lock().topics().all())
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
        self.reap();
        let state = self.lock();
        let views: Vec<GroupView<'_>> = state
            .groups()
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
            let log = state.topics().log(&topic, partition)?;
            let offset = match (at, time) {
                ("earliest", _) => log.begin(),
                ("latest", _) => log.end(),
                (_, Some(time)) => log.at_time(time),
                _ => return Err(Refusal::invalid("the time must be milliseconds, earliest or latest")),
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
        self.act(|state| state.with_group(name, false, self.clock.now_ms(), act))
    }

    /// Does something, and lets those look again that wait for partitions.
    fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let before = state.rebalances();
        let acted = act(&mut state);
        let is_other = state.rebalances() != before;
        drop(state);
        if is_other {
            self.changed.send_replace(());
        }
        acted
    }

    /// Looks until there is something, or the time is over. An instance of the group that ends leaves its partitions to the
    /// others.
    async fn wait_for(
        &self,
        wait: Duration,
        group: Option<&str>,
        mut look: impl FnMut(&mut State) -> Result<Vec<Batch>, Refusal>,
    ) -> Result<Vec<Batch>, Refusal> {
        let deadline = Instant::now() + wait;
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let found = self.act(&mut look)?;
            let now = Instant::now();
            if !found.is_empty() || now >= deadline {
                return Ok(found);
            }
            let end_ms = group.and_then(|group| self.lock().next_end_ms(group));
            let until = end_ms.map_or(deadline, |end_ms| {
                // The millisecond after it.
                let left = Duration::from_millis(end_ms.saturating_sub(self.clock.now_ms()).saturating_add(1));
                deadline.min(now + left.min(wait))
            });
            let _ = timeout_at(until, changed.changed()).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to a poll.
pub(super) struct Consumed {
    pub(super) reply: Reply,
    pub(super) delivered: Delivered,
}

/// What an answer has: of each partition the first offset, and the one after the last.
pub(super) struct Delivered {
    poll: u64,
    spans: Vec<(TopicPartition, i64, i64)>,
}
