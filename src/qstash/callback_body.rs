use super::{
    DlqId, MessageId, ScheduleId, UrlGroupName,
    wire::{FromWire, Object, Unreadable},
};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use std::{fmt, time::SystemTime};

/// The body of a [callback](crate::qstash::Callback): the message, and the destination's answer to one delivery.
///
/// A callback comes after each delivery until one succeeds or all have failed; the last has
/// [`is_last`](Self::is_last). A failure callback comes once, and has the [`dlq_id`](Self::dlq_id).
///
/// `Debug` shows neither headers nor bodies nor URLs.
///
/// ```
/// use axum::Json;
/// use axum_upstash::qstash::{CallbackBody, QStash};
///
/// async fn done(QStash(Json(callback)): QStash<Json<CallbackBody>>) {
///     if callback.is_success() {
///         println!("{} was delivered, and answered {:?}", callback.source_message_id, callback.body);
///     }
/// }
/// # let _ = done;
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallbackBody {
    /// The message that was delivered.
    pub source_message_id: MessageId,
    /// The status of the answer, if there was one.
    pub status: Option<StatusCode>,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The body of the answer. It may be cut to the size that the plan allows.
    pub body: Bytes,
    /// The number of deliveries before this one.
    pub retried: u32,
    /// The number of retries after failed deliveries, at the most.
    pub max_retries: u32,
    /// The URL of the destination.
    pub url: Option<String>,
    /// The method that it was called with.
    pub method: Option<Method>,
    /// The headers that the destination received.
    pub source_headers: HeaderMap,
    /// The body that the destination received.
    pub source_body: Bytes,
    /// The URL group that the message was published to.
    pub url_group: Option<UrlGroupName>,
    /// The name of the endpoint in that group.
    pub endpoint_name: Option<String>,
    /// The time of the delivery at the earliest.
    pub not_before: Option<SystemTime>,
    /// The time at which QStash took the message.
    pub created_at: Option<SystemTime>,
    /// The schedule that made the message.
    pub schedule_id: Option<ScheduleId>,
    /// The address that the message was published from.
    pub caller_ip: Option<String>,
    /// The entry of the dead letter queue, in a failure callback.
    pub dlq_id: Option<DlqId>,
}

impl CallbackBody {
    /// Whether the destination answered with success (200 to 299).
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| status.is_success())
    }

    /// Whether the message is not delivered again.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.is_success() || self.dlq_id.is_some() || self.retried >= self.max_retries
    }
}

impl FromWire for CallbackBody {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        Ok(Self {
            source_message_id: object.required_id("sourceMessageId")?,
            status: object.status("status"),
            headers: object.headers(&["header", "headers"]),
            body: object.base64("body").unwrap_or_default(),
            retried: object.number("retried").unwrap_or(0),
            max_retries: object.number("maxRetries").unwrap_or(0),
            url: object.text("url"),
            method: object.method("method"),
            source_headers: object.headers(&["sourceHeader", "sourceHeaders"]),
            source_body: object.base64("sourceBody").unwrap_or_default(),
            url_group: object.id("topicName"),
            endpoint_name: object.text("endpointName"),
            not_before: object.time("notBefore"),
            created_at: object.time("createdAt"),
            schedule_id: object.id("scheduleId"),
            caller_ip: object.text("callerIP").or_else(|| object.text("callerIp")),
            dlq_id: object.id("dlqId"),
        })
    }
}

impl<'de> Deserialize<'de> for CallbackBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_wire(&value)
            .map_err(|Unreadable(name)| D::Error::custom(format_args!("{name} is missing or cannot be read")))
    }
}

// By hand: headers and bodies are the application's, and a URL may hold a password.
impl fmt::Debug for CallbackBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackBody")
            .field("source_message_id", &self.source_message_id)
            .field("status", &self.status)
            .field("retried", &self.retried)
            .field("max_retries", &self.max_retries)
            .field("dlq_id", &self.dlq_id)
            .finish_non_exhaustive()
    }
}
