use crate::{Error, ErrorKind};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A message to store in a topic.
///
/// ```
/// use axum_upstash::kafka::Message;
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let text = Message::text("orders", "17").header("trace", "abc");
/// let json = Message::json("orders", &serde_json::json!({"order": 17}))?.key(17).partition(0);
/// # drop((text, json));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Serialize)]
#[must_use]
pub struct Message {
    topic: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    value: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<Header>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    key: String,
    value: String,
}

impl Message {
    /// A message with a text as its value.
    pub fn text(topic: impl Into<String>, value: impl Into<String>) -> Self {
        let (topic, value) = (topic.into(), value.into());
        Self { topic, partition: None, timestamp: None, key: None, value, headers: Vec::new() }
    }

    /// A message with a value in JSON.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the value has no form in JSON.
    pub fn json(topic: impl Into<String>, value: &impl Serialize) -> Result<Self, Error> {
        let value = serde_json::to_string(value).map_err(|error| {
            let message = format!("the value cannot be written as JSON: {:?}", error.classify());
            Error::new(ErrorKind::InvalidInput, message)
        })?;
        Ok(Self::text(topic, value))
    }

    /// Sets the key. Messages with one key are in one partition, in their order.
    #[allow(clippy::needless_pass_by_value, reason = "keys are small")]
    pub fn key(mut self, key: impl fmt::Display) -> Self {
        self.key = Some(key.to_string());
        self
    }

    /// Sets the partition, instead of that of the key.
    pub fn partition(mut self, partition: u32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Sets the time of the message, to milliseconds (that of the server).
    pub fn timestamp(mut self, time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.timestamp = Some(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        self
    }

    /// Adds a header. One name may come several times.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(Header { key: name.into(), value: value.into() });
        self
    }
}

/// Without key, value and headers.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .finish_non_exhaustive()
    }
}

/// The place of a message that was stored.
///
/// ```
/// use axum_upstash::kafka::Produced;
///
/// fn place(produced: &Produced) -> String {
///     format!("{}-{} {}", produced.topic, produced.partition, produced.offset)
/// }
/// # let _ = place;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Produced {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The number of the message in its partition.
    pub offset: i64,
    /// The time of the message, in milliseconds since the epoch.
    pub timestamp: i64,
}

/// A message that was read.
///
/// ```
/// use axum_upstash::kafka::Received;
///
/// fn order(received: &Received) -> Option<u64> {
///     received.header("trace")?;
///     received.json().ok()
/// }
/// # let _ = order;
/// ```
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Received {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The number of the message in its partition.
    pub offset: i64,
    timestamp: i64,
    /// The key. It is empty if there is none.
    #[serde(default)]
    pub key: String,
    /// The value.
    pub value: String,
    #[serde(default)]
    headers: Vec<Header>,
}

impl Received {
    /// The value, read as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] if it is not of that form.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.value).map_err(|error| {
            let message = format!("the value is not of the expected form: {:?}", error.classify());
            Error::new(ErrorKind::Decode, message).with_operation("kafka message")
        })
    }

    /// The key, read as another type.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] if it is not of that form.
    pub fn parse_key<T: FromStr>(&self) -> Result<T, Error> {
        let unreadable = |_| Error::new(ErrorKind::Decode, "the key is not of the expected form");
        self.key.parse().map_err(unreadable)
    }

    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.key == name).map(|header| header.value.as_str())
    }

    /// All headers, in their order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|header| (header.key.as_str(), header.value.as_str()))
    }

    /// The time of the message. One that the platform cannot tell is that of the epoch.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        let since = Duration::from_millis(u64::try_from(self.timestamp).unwrap_or_default());
        UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
    }
}

/// Without key, value and headers.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}
