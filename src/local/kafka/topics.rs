use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Serialize;

use super::{
    log::{Log, Retention, Stored},
    partitioner,
    refusal::Refusal,
    request::NewMessage,
};

/// The topics that there may be, and the partitions of one.
const MAX_TOPICS: usize = 1_000;
pub(super) const MAX_PARTITIONS: u32 = 100;
/// The bytes of a message.
const MAX_MESSAGE: usize = 1024 * 1024;
/// The characters of a name.
const MAX_NAME: usize = 249;

/// The topics with their partitions.
#[derive(Debug)]
pub(super) struct Topics {
    by_name: BTreeMap<Arc<str>, Topic>,
    creates: bool,
    retention: Retention,
}

#[derive(Debug)]
struct Topic {
    partitions: Vec<Log>,
    /// The partition whose turn it was last. The next message without a key is in the one after it.
    last: u32,
}

/// The place of a message that was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Metadata {
    pub(super) topic: String,
    pub(super) partition: u32,
    pub(super) offset: i64,
    pub(super) timestamp: i64,
}

impl Topics {
    pub(super) fn new(creates: bool, retention: Retention) -> Self {
        Self { by_name: BTreeMap::new(), creates, retention }
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Checks a topic that is to be made, or is there.
    pub(super) fn check_new(&self, name: &str, partitions: u32) -> Result<(), Refusal> {
        check_name(name)?;
        if !(1..=MAX_PARTITIONS).contains(&partitions) {
            return Err(Refusal::invalid(format!("a topic has 1 to {MAX_PARTITIONS} partitions")));
        }
        if self.by_name.len() >= MAX_TOPICS && !self.contains(name) {
            return Err(full());
        }
        Ok(())
    }

    /// Adds a topic.
    pub(super) fn insert(&mut self, name: Arc<str>, partitions: u32) {
        let new = || Topic { partitions: (0..partitions).map(|_| Log::default()).collect(), last: 0 };
        self.by_name.entry(name).or_insert_with(new);
    }

    /// The names with the numbers of partitions.
    pub(super) fn all(&self) -> BTreeMap<&str, usize> {
        self.by_name.iter().map(|(name, topic)| (&**name, topic.partitions.len())).collect()
    }

    pub(super) fn partitions(&self, topic: &str) -> Result<u32, Refusal> {
        let topic = self.by_name.get(topic).ok_or_else(|| unknown(topic))?;
        Ok(u32::try_from(topic.partitions.len()).unwrap_or(MAX_PARTITIONS))
    }

    pub(super) fn log(&self, topic: &str, partition: u32) -> Result<&Log, Refusal> {
        let found = self.by_name.get(topic).ok_or_else(|| unknown(topic))?;
        let log = found.partitions.get(partition as usize);
        log.ok_or_else(|| unknown_partition(topic, partition))
    }

    /// Checks messages that are to be stored: all, or none.
    pub(super) fn check(&self, messages: &[NewMessage]) -> Result<(), Refusal> {
        let mut new = BTreeSet::new();
        for message in messages {
            let topic = &message.topic;
            check_name(topic)?;
            let partitions = match self.partitions(topic) {
                Ok(partitions) => partitions,
                Err(refusal) if !self.creates => return Err(refusal),
                Err(_) => {
                    new.insert(topic);
                    1
                }
            };
            if let Some(partition) = message.partition.filter(|partition| *partition >= partitions) {
                return Err(unknown_partition(topic, partition));
            }
            if message.timestamp.is_some_and(|timestamp| timestamp < 0) {
                return Err(Refusal::invalid("a timestamp is not negative"));
            }
            let bytes = message.bytes();
            if bytes > MAX_MESSAGE {
                let text = format!("the message has {bytes} bytes: at most {MAX_MESSAGE} are allowed");
                return Err(Refusal::new(413, text));
            }
        }
        if !new.is_empty() && self.by_name.len() + new.len() > MAX_TOPICS {
            return Err(full());
        }
        Ok(())
    }

    /// The topic and the partition of a message, whether it was its turn, and the message as it is stored there. `None` if there
    /// is no such topic.
    pub(super) fn place(&self, message: NewMessage, now_ms: u64) -> Option<(Arc<str>, u32, bool, Stored)> {
        let NewMessage { topic, partition, timestamp, key, value, headers } = message;
        let (name, topic) = self.by_name.get_key_value(topic.as_str())?;
        let count = u32::try_from(topic.partitions.len()).unwrap_or(MAX_PARTITIONS);
        let (partition, is_by_turn) = match (partition, &key) {
            (Some(partition), _) => (partition, false),
            (None, Some(key)) => (partitioner::of_key(key, count), false),
            (None, None) => ((topic.last + 1) % count, true),
        };
        let offset = topic.partitions.get(partition as usize)?.end();
        let timestamp = timestamp.unwrap_or_else(|| i64::try_from(now_ms).unwrap_or(i64::MAX));
        let stored = Stored { offset, timestamp, key: key.unwrap_or_default(), value, headers };
        Some((Arc::clone(name), partition, is_by_turn, stored))
    }

    /// Adds a message to the end of a partition.
    pub(super) fn append(&mut self, topic: &str, partition: u32, message: Arc<Stored>, is_by_turn: bool) {
        let Some(topic) = self.by_name.get_mut(topic) else { return };
        let Some(log) = topic.partitions.get_mut(partition as usize) else { return };
        if is_by_turn {
            topic.last = partition;
        }
        log.append(message, self.retention);
    }
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_plain && (1..=MAX_NAME).contains(&name.len()) && !matches!(name, "." | "..") {
        return Ok(());
    }
    Err(Refusal::invalid("the name of a topic has 1 to 249 letters, digits, -, _ and ."))
}

/// Checks the name of a group or of an instance.
pub(super) fn check_member(name: &str) -> Result<(), Refusal> {
    const MAX: usize = 249;
    if (1..=MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("the name of a group or an instance has 1 to {MAX} characters, none for control")))
}

fn unknown(topic: &str) -> Refusal {
    let topic: String = topic.chars().take(MAX_NAME).collect();
    Refusal::not_found(format!("Topic {topic} does not exist"))
}

fn unknown_partition(topic: &str, partition: u32) -> Refusal {
    let topic: String = topic.chars().take(MAX_NAME).collect();
    Refusal::not_found(format!("Partition {partition} of topic {topic} does not exist"))
}

fn full() -> Refusal {
    Refusal::forbidden(format!("there are at most {MAX_TOPICS} topics"))
}
