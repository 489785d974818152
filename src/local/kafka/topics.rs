use std::collections::BTreeMap;

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
    by_name: BTreeMap<String, Topic>,
    creates: bool,
    retention: Retention,
}

#[derive(Debug)]
struct Topic {
    partitions: Vec<Log>,
    /// The partition of the next message without a key.
    next: usize,
}

/// The place of a message that was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Metadata {
    topic: String,
    partition: u32,
    offset: i64,
    timestamp: i64,
}

impl Topics {
    pub(super) fn new(creates: bool, retention: Retention) -> Self {
        Self { by_name: BTreeMap::new(), creates, retention }
    }

    /// Makes a topic.
    pub(super) fn create(&mut self, name: &str, partitions: u32) -> Result<(), Refusal> {
        check_name(name)?;
        if self.by_name.len() >= MAX_TOPICS && !self.by_name.contains_key(name) {
            return Err(Refusal::forbidden(format!("there are {MAX_TOPICS} topics already")));
        }
        if !(1..=MAX_PARTITIONS).contains(&partitions) {
            return Err(Refusal::malformed(format!("a topic has 1 to {MAX_PARTITIONS} partitions")));
        }
        self.by_name
            .entry(name.to_owned())
            .or_insert_with(|| Topic { partitions: (0..partitions).map(|_| Log::default()).collect(), next: 0 });
        Ok(())
    }

    /// The names with the numbers of partitions.
    pub(super) fn all(&self) -> BTreeMap<&str, usize> {
        self.by_name.iter().map(|(name, topic)| (name.as_str(), topic.partitions.len())).collect()
    }

    pub(super) fn partitions(&self, topic: &str) -> Result<u32, Refusal> {
        let topic = self.by_name.get(topic).ok_or_else(|| unknown(topic))?;
        Ok(u32::try_from(topic.partitions.len()).unwrap_or(MAX_PARTITIONS))
    }

    pub(super) fn log(&self, topic: &str, partition: u32) -> Result<&Log, Refusal> {
        let found = self.by_name.get(topic).ok_or_else(|| unknown(topic))?;
        let log = found.partitions.get(partition as usize);
        log.ok_or_else(|| Refusal::not_found(format!("Partition {partition} of topic {topic} does not exist")))
    }

    /// Stores messages: all, or none.
    pub(super) fn produce(&mut self, messages: Vec<NewMessage>, now_ms: i64) -> Result<Vec<Metadata>, Refusal> {
        for message in &messages {
            self.check(message)?;
        }
        let mut stored = Vec::with_capacity(messages.len());
        for message in messages {
            self.create(&message.topic, 1)?;
            let Some(topic) = self.by_name.get_mut(&message.topic) else { continue };
            let count = topic.partitions.len();
            let partition = match (message.partition, &message.key) {
                (Some(partition), _) => partition as usize,
                (None, Some(key)) => partitioner::of_key(key, u32::try_from(count).unwrap_or(1)) as usize,
                (None, None) => {
                    topic.next = (topic.next + 1) % count;
                    topic.next
                }
            };
            let NewMessage { topic: name, timestamp, key, value, headers, .. } = message;
            let timestamp = timestamp.unwrap_or(now_ms);
            let new = Stored { offset: 0, timestamp, key: key.unwrap_or_default(), value, headers };
            let offset = topic.partitions[partition].append(new, self.retention);
            let partition = u32::try_from(partition).unwrap_or_default();
            stored.push(Metadata { topic: name, partition, offset, timestamp });
        }
        Ok(stored)
    }

    fn check(&self, message: &NewMessage) -> Result<(), Refusal> {
        let topic = &message.topic;
        check_name(topic)?;
        let partitions = match self.partitions(topic) {
            Ok(partitions) => partitions,
            Err(_) if self.creates && self.by_name.len() < MAX_TOPICS => 1,
            Err(refusal) => return Err(refusal),
        };
        if let Some(partition) = message.partition.filter(|partition| *partition >= partitions) {
            return Err(Refusal::not_found(format!("Partition {partition} of topic {topic} does not exist")));
        }
        let bytes = message.bytes();
        if bytes > MAX_MESSAGE {
            return Err(Refusal::new(413, format!("the message has {bytes} bytes: at most {MAX_MESSAGE} are allowed")));
        }
        Ok(())
    }
}

pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_plain && (1..=MAX_NAME).contains(&name.len()) && !matches!(name, "." | "..") {
        return Ok(());
    }
    Err(Refusal::malformed("the name of a topic has 1 to 249 letters, digits, -, _ and ."))
}

fn unknown(topic: &str) -> Refusal {
    let topic: String = topic.chars().take(MAX_NAME).collect();
    Refusal::not_found(format!("Topic {topic} does not exist"))
}
