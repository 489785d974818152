use super::TopicPartitionOffset;
use serde_json::{Value, json};
use std::time::Duration;

/// Partitions to read from offsets on, without a group.
///
/// ```
/// use axum_upstash::kafka::Fetch;
/// use std::time::Duration;
///
/// let fetch = Fetch::from("orders", 0, 17).and("orders", 1, 0).wait(Duration::from_secs(5));
/// # drop(fetch);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Fetch {
    from: Vec<TopicPartitionOffset>,
    wait: Duration,
}

impl Fetch {
    /// Begins at an offset of a partition.
    pub fn from(topic: impl Into<String>, partition: u32, offset: i64) -> Self {
        let from = vec![TopicPartitionOffset::new(topic, partition, offset)];
        Self { from, wait: Duration::from_secs(1) }
    }

    /// Adds another partition.
    pub fn and(mut self, topic: impl Into<String>, partition: u32, offset: i64) -> Self {
        self.from.push(TopicPartitionOffset::new(topic, partition, offset));
        self
    }

    /// Sets how long to wait for the first message, to milliseconds (1 s).
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    pub(super) fn into_body(self) -> (Value, Duration) {
        let milliseconds = u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX);
        (json!({"topicPartitionOffsets": self.from, "timeout": milliseconds}), self.wait)
    }
}
