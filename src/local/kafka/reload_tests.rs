//! A broker's state beside one that is made of its journal.

use std::collections::BTreeSet;

use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};

use super::{
    log::Retention,
    request::{InstanceSettings, NewMessage, OffsetReset, TopicPartition, TopicPartitionOffset},
    state::{Record, State},
};
use crate::local::journal::Kept;

const TOPICS: [&str; 3] = ["one", "two", "three"];
const GROUPS: [&str; 2] = ["a", "b"];
const INSTANCES: [&str; 3] = ["x", "y", "z"];
const SESSION_MS: u64 = 50;

#[derive(Debug, Clone)]
enum Step {
    Create(usize, u32),
    Produce(Vec<(usize, Option<u32>, Option<u8>)>),
    /// An instance reads, and takes so many messages of each partition.
    Poll {
        group: usize,
        instance: usize,
        topics: BTreeSet<usize>,
        auto_commit: bool,
        is_latest: bool,
        count: usize,
    },
    Commit(usize, usize, Option<(usize, u32, i64)>),
    Remove(usize, usize),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (topic, group, instance) = (0..TOPICS.len(), 0..GROUPS.len(), 0..INSTANCES.len());
    let message = (topic.clone(), option::weighted(0.2, 0..3_u32), option::of(0..5_u8));
    prop_oneof![
        1 => (topic.clone(), 1..4_u32).prop_map(|(topic, partitions)| Step::Create(topic, partitions)),
        4 => vec(message, 1..4).prop_map(Step::Produce),
        6 => (group.clone(), instance.clone(), prop::collection::btree_set(topic.clone(), 1..3), any::<[bool; 2]>(), 0..4_usize)
            .prop_map(|(group, instance, topics, [auto_commit, is_latest], count)| Step::Poll { group, instance, topics, auto_commit, is_latest, count }),
        3 => (group.clone(), instance.clone(), option::of((topic, 0..3_u32, 0..6_i64)))
            .prop_map(|(group, instance, offset)| Step::Commit(group, instance, offset)),
        1 => (group, instance).prop_map(|(group, instance)| Step::Remove(group, instance)),
        2 => (0..SESSION_MS * 2).prop_map(Step::Advance),
    ]
}

fn message((topic, partition, key): (usize, Option<u32>, Option<u8>)) -> NewMessage {
    NewMessage {
        topic: TOPICS[topic].into(),
        partition,
        timestamp: None,
        key: key.map(|key| key.to_string()),
        value: "value".into(),
        headers: Vec::new(),
    }
}

/// Takes a step, which changes nothing if it is refused.
fn take(state: &mut State, now_ms: &mut u64, poll: &mut u64, step: &Step) -> Value {
    let now = *now_ms;
    let told = |refused: bool| json!(refused);
    match step {
        Step::Create(topic, partitions) => told(state.create(TOPICS[*topic], *partitions, now).is_err()),
        Step::Produce(messages) => {
            let messages = messages.iter().copied().map(message).collect();
            json!(state.produce(messages, now).ok())
        }
        Step::Poll { group, instance, topics, auto_commit, is_latest, count } => {
            *poll += 1;
            let settings = InstanceSettings {
                auto_commit: *auto_commit,
                auto_commit_interval_ms: 10,
                reset: if *is_latest { OffsetReset::Latest } else { OffsetReset::Earliest },
                session_timeout_ms: SESSION_MS,
            };
            let (name, number) = (INSTANCES[*instance], *poll);
            let topics: BTreeSet<String> = topics.iter().map(|topic| TOPICS[*topic].into()).collect();
            let read = state.with_group(GROUPS[*group], true, now, |group, all| {
                group.begin_poll(name, number, settings, topics, all, now)?;
                let mut read = Vec::new();
                for (partition, offset) in group.next(name, number)? {
                    let messages = all.log(&partition.topic, partition.partition)?.from(offset).take(*count);
                    if let Some(last) = messages.last() {
                        group.deliver(name, number, &partition, last.offset + 1);
                        read.push((partition.topic, partition.partition, offset, last.offset));
                    }
                }
                group.end_poll(name, number, now);
                Ok(read)
            });
            json!(read.ok())
        }
        Step::Commit(group, instance, offset) => {
            let offsets = offset.map(|(topic, partition, offset)| {
                vec![TopicPartitionOffset { topic: TOPICS[topic].into(), partition, offset }]
            });
            let committed = state.with_group(GROUPS[*group], false, now, |group, topics| {
                group.commit(INSTANCES[*instance], offsets, topics, now)
            });
            told(committed.is_err())
        }
        Step::Remove(group, instance) => {
            let removed = state.with_group(GROUPS[*group], false, now, |group, topics| {
                group.remove(INSTANCES[*instance], topics, now)
            });
            told(removed.is_err())
        }
        Step::Advance(by_ms) => {
            *now_ms += by_ms;
            state.reap(*now_ms);
            Value::Null
        }
    }
}

/// The messages of each partition, and the offset that each group has committed.
fn shown(state: &mut State) -> Value {
    let places: Vec<TopicPartition> = state
        .topics()
        .all()
        .into_iter()
        .flat_map(|(topic, partitions)| (0..).take(partitions).map(move |partition| (topic.to_owned(), partition)))
        .map(|(topic, partition)| TopicPartition { topic, partition })
        .collect();
    let logs: Vec<Value> = places
        .iter()
        .map(|place| {
            let log = state.topics().log(&place.topic, place.partition).unwrap();
            let kept: Vec<_> = log.from(0).map(|message| (message.offset, message.timestamp, &message.key)).collect();
            json!([place.topic, place.partition, log.begin(), log.end(), kept])
        })
        .collect();
    let groups: Vec<Value> = state
        .groups()
        // A group without offsets is gone with its instances.
        .filter(|(_, group)| !group.offsets().is_empty())
        .map(|(name, group)| json!([name, format!("{:?}", group.offsets())]))
        .collect();
    json!([logs, groups])
}

fn state(kept: &Kept<Record>) -> State {
    State::new(true, Retention { messages: 5, bytes: 1_000 }, Box::new(kept.clone()))
}

proptest! {
    #[test]
    fn a_broker_goes_on_as_its_journal_left_it(before in vec(step(), 1..60), after in vec(step(), 1..30)) {
        let kept = Kept::new();
        let (mut now_ms, mut poll) = (1_800_000_000_000, 0);
        let mut whole = state(&kept);
        for step in &before {
            take(&mut whole, &mut now_ms, &mut poll, step);
        }
        prop_assert_eq!(shown(&mut state(&kept.copy())), shown(&mut whole));

        // Without the instances that there were, both go the same way.
        take(&mut whole, &mut now_ms, &mut poll, &Step::Advance(SESSION_MS * 3));
        let mut loaded = state(&kept.copy());
        for step in &after {
            let (mut loaded_now_ms, mut loaded_poll) = (now_ms, poll);
            let answer = take(&mut whole, &mut now_ms, &mut poll, step);
            prop_assert_eq!(take(&mut loaded, &mut loaded_now_ms, &mut loaded_poll, step), answer);
            prop_assert_eq!(shown(&mut loaded), shown(&mut whole));
        }
    }
}
