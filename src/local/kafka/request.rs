//! The paths, the forms of requests, and their settings in headers.

use std::time::Duration;

use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{
    log::{Header, bytes_of},
    refusal::Refusal,
};

/// The items of one request: messages, and partitions.
pub(super) const MAX_MESSAGES: usize = 10_000;
pub(super) const MAX_PARTITIONS: usize = 1_000;
/// The longest time without a poll after which an instance ends, as in Kafka.
const MAX_SESSION_MS: u64 = 30 * 60 * 1_000;

/// A message to store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct NewMessage {
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) topic: String,
    #[serde(default)]
    pub(super) partition: Option<u32>,
    /// In milliseconds since the epoch.
    #[serde(default)]
    pub(super) timestamp: Option<i64>,
    #[serde(default)]
    pub(super) key: Option<String>,
    pub(super) value: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) headers: Vec<Header>,
}

/// Takes null as a field that is missing.
pub(super) fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl NewMessage {
    pub(super) fn bytes(&self) -> usize {
        self.key.as_ref().map_or(0, String::len) + self.value.len() + bytes_of(&self.headers)
    }
}

/// A partition with an offset in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TopicPartitionOffset {
    pub(super) topic: String,
    pub(super) partition: u32,
    pub(super) offset: i64,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub(super) struct TopicPartition {
    pub(super) topic: String,
    pub(super) partition: u32,
}

/// How an instance of a consumer group behaves, as the request that makes it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InstanceSettings {
    pub(super) auto_commit: bool,
    pub(super) auto_commit_interval_ms: u64,
    pub(super) reset: OffsetReset,
    pub(super) session_timeout_ms: u64,
}

/// The place at which a group begins without a committed offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OffsetReset {
    Latest,
    Earliest,
    /// It is an error.
    None,
}

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Produce { topic: Option<String>, message: Option<String> },
    Webhook,
    Fetch,
    Consume { group: String, instance: String, topic: Option<String> },
    Commit { group: String, instance: String },
    Committed { group: String, instance: String },
    DeleteConsumer { group: String, instance: String },
    Topics,
    Consumers,
    Offsets { at: String },
}

impl Route {
    pub(super) fn of(path: &str) -> Result<Self, Refusal> {
        let segments: Result<Vec<String>, _> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8().map(Into::into))
            .collect();
        let segments = segments.map_err(|_| Refusal::invalid("the path is not UTF-8"))?;
        let texts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let own = |text: &str| text.to_owned();
        Ok(match texts[..] {
            ["produce"] => Self::Produce { topic: None, message: None },
            ["produce", topic] => Self::Produce { topic: Some(own(topic)), message: None },
            ["produce", topic, message] => Self::Produce { topic: Some(own(topic)), message: Some(own(message)) },
            ["webhook"] => Self::Webhook,
            ["fetch"] => Self::Fetch,
            ["consume", group, instance] => Self::Consume { group: own(group), instance: own(instance), topic: None },
            ["consume", group, instance, topic] => {
                Self::Consume { group: own(group), instance: own(instance), topic: Some(own(topic)) }
            }
            ["commit", group, instance] => Self::Commit { group: own(group), instance: own(instance) },
            ["committed", group, instance] => Self::Committed { group: own(group), instance: own(instance) },
            ["delete-consumer", group, instance] => Self::DeleteConsumer { group: own(group), instance: own(instance) },
            ["topics"] => Self::Topics,
            ["consumers"] => Self::Consumers,
            ["offsets", at] => Self::Offsets { at: own(at) },
            _ => return Err(Refusal::no_endpoint()),
        })
    }

    /// Whether it takes this method.
    pub(super) fn takes(&self, method: &Method) -> bool {
        match self {
            Self::DeleteConsumer { .. } => matches!(*method, Method::POST | Method::DELETE),
            _ => matches!(*method, Method::GET | Method::POST),
        }
    }
}

/// One item, or the items of a list, of which there are at most so many.
pub(super) fn one_or_many<T: DeserializeOwned>(body: &[u8], max: usize, what: &str) -> Result<Vec<T>, Refusal> {
    let other = |_| Refusal::invalid(format!("the body is not {what}, or a list of such"));
    let raw: &RawValue = serde_json::from_slice(body).map_err(|_| Refusal::invalid("the body is no JSON"))?;
    let items: Vec<&RawValue> =
        if raw.get().starts_with('[') { serde_json::from_str(raw.get()).map_err(other)? } else { vec![raw] };
    if items.len() > max {
        return Err(Refusal::invalid(format!("a request has at most {max} items")));
    }
    items.into_iter().map(|item| object_of(item).map_err(other)).collect()
}

/// An object, whose fields are all optional. An empty body is an empty object.
pub(super) fn object<T: DeserializeOwned + Default>(body: &[u8], what: &str) -> Result<T, Refusal> {
    if body.is_empty() {
        return Ok(T::default());
    }
    let read = serde_json::from_slice(body).and_then(object_of);
    read.map_err(|_| Refusal::invalid(format!("the body is not {what}")))
}

/// An object, and not the list of its fields' values.
fn object_of<T: DeserializeOwned>(raw: &RawValue) -> serde_json::Result<T> {
    if raw.get().starts_with('{') {
        return serde_json::from_str(raw.get());
    }
    Err(serde::de::Error::custom("it is no object"))
}

impl InstanceSettings {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let text = |name: &'static str| match headers.get(name).map(http::HeaderValue::to_str) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some((name, value))),
            Some(Err(_)) => Err(Refusal::invalid(format!("{name} is not ASCII"))),
        };
        let number = |name: &'static str, default: u64| match text(name)? {
            None => Ok(default),
            Some((name, value)) => {
                value.parse().map_err(|_| Refusal::invalid(format!("{name} must be a number of milliseconds")))
            }
        };
        Ok(Self {
            auto_commit: match text("kafka-enable-auto-commit")? {
                None | Some((_, "true")) => true,
                Some((_, "false")) => false,
                Some((name, _)) => return Err(Refusal::invalid(format!("{name} must be true or false"))),
            },
            auto_commit_interval_ms: number("kafka-auto-commit-interval", 5_000)?,
            reset: match text("kafka-auto-offset-reset")? {
                None | Some((_, "latest")) => OffsetReset::Latest,
                Some((_, "earliest")) => OffsetReset::Earliest,
                Some((_, "none")) => OffsetReset::None,
                Some((name, _)) => {
                    return Err(Refusal::invalid(format!("{name} must be latest, earliest or none")));
                }
            },
            session_timeout_ms: match number("kafka-session-timeout-ms", 120_000)? {
                timeout_ms @ 1..=MAX_SESSION_MS => timeout_ms,
                _ => {
                    let text = format!("kafka-session-timeout-ms must be 1 to {MAX_SESSION_MS} milliseconds");
                    return Err(Refusal::invalid(text));
                }
            },
        })
    }
}

/// A time to wait, in milliseconds (1,000), and a minute at the most.
pub(super) fn wait(milliseconds: Option<u64>) -> Duration {
    Duration::from_millis(milliseconds.unwrap_or(1_000).min(60_000))
}

/// A parameter of the query string.
pub(super) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query?.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// `timeout` of the query string.
pub(super) fn timeout(query: Option<&str>) -> Result<Option<u64>, Refusal> {
    let Some(text) = parameter(query, "timeout") else { return Ok(None) };
    text.parse().map(Some).map_err(|_| Refusal::invalid("timeout must be a number of milliseconds"))
}
