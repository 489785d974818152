use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// A partition of a topic.
///
/// ```
/// use axum_upstash::kafka::TopicPartition;
///
/// assert_eq!(TopicPartition::new("orders", 1).partition, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct TopicPartition {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
}

impl TopicPartition {
    /// A partition of a topic.
    pub fn new(topic: impl Into<String>, partition: u32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

/// A partition with an offset in it.
///
/// ```
/// use axum_upstash::kafka::TopicPartitionOffset;
///
/// assert_eq!(TopicPartitionOffset::new("orders", 1, 17).offset, 17);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TopicPartitionOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The offset. Of a group that has committed none it is -1.
    pub offset: i64,
}

impl TopicPartitionOffset {
    /// An offset in a partition of a topic.
    pub fn new(topic: impl Into<String>, partition: u32, offset: i64) -> Self {
        Self { topic: topic.into(), partition, offset }
    }
}

/// A time for which offsets are looked up.
///
/// ```
/// use axum_upstash::kafka::OffsetTime;
/// use std::time::SystemTime;
///
/// let since = OffsetTime::At(SystemTime::now());
/// # let _ = since;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OffsetTime {
    /// The first message that is kept.
    Earliest,
    /// The message that comes next.
    Latest,
    /// The first message of that time, to milliseconds, or of a later one.
    At(SystemTime),
}

impl OffsetTime {
    pub(super) fn segment(self) -> String {
        match self {
            Self::Earliest => "earliest".to_owned(),
            Self::Latest => "latest".to_owned(),
            Self::At(time) => time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string(),
        }
    }
}

/// A consumer group.
///
/// ```
/// use axum_upstash::kafka::GroupInfo;
///
/// fn members(group: &GroupInfo) -> usize {
///     group.instances.len()
/// }
/// # let _ = members;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct GroupInfo {
    /// The name.
    pub name: String,
    /// The instances.
    #[serde(default)]
    pub instances: Vec<InstanceInfo>,
}

/// An instance of a consumer group.
///
/// ```
/// use axum_upstash::kafka::InstanceInfo;
///
/// fn is_idle(instance: &InstanceInfo) -> bool {
///     instance.partitions.is_empty()
/// }
/// # let _ = is_idle;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "RawInstance")]
#[non_exhaustive]
pub struct InstanceInfo {
    /// The name.
    pub name: String,
    /// The partitions that are assigned to it.
    pub partitions: Vec<TopicPartition>,
}

#[derive(Deserialize)]
struct RawInstance {
    name: String,
    #[serde(default)]
    topics: Vec<RawTopic>,
}

#[derive(Deserialize)]
struct RawTopic {
    topic: String,
    #[serde(default)]
    partitions: Vec<u32>,
}

impl From<RawInstance> for InstanceInfo {
    fn from(RawInstance { name, topics }: RawInstance) -> Self {
        let of = |RawTopic { topic, partitions }: RawTopic| {
            partitions.into_iter().map(move |partition| TopicPartition { topic: topic.clone(), partition })
        };
        Self { name, partitions: topics.into_iter().flat_map(of).collect() }
    }
}
