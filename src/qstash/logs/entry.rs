use super::LogState;
use crate::qstash::{
    AppliedFlowControl, MessageId, QueueName, ScheduleId, UrlGroupName,
    wire::{FromWire, Object, Unreadable},
};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// An entry of the logs: one state of a message.
///
/// The fields of a response are there in an entry of a failed delivery. `Debug` shows neither headers nor bodies nor URLs.
///
/// ```
/// use axum_upstash::qstash::{LogEntry, LogState};
///
/// fn explain(entry: &LogEntry) -> String {
///     match &entry.state {
///         LogState::Error => format!("delivery failed: {:?} {:?}", entry.response_status, entry.error),
///         state => format!("{state}"),
///     }
/// }
/// # let _ = explain;
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEntry {
    /// The time of the entry.
    pub time: Option<SystemTime>,
    /// The message.
    pub message_id: MessageId,
    /// Its state.
    pub state: LogState,
    /// The reason of a failure.
    pub error: Option<String>,
    /// The time of the next delivery, if one is planned.
    pub next_delivery_time: Option<SystemTime>,
    /// The URL of the destination.
    pub url: Option<String>,
    /// The URL group that the message was published to.
    pub url_group: Option<UrlGroupName>,
    /// The name of the endpoint in that group.
    pub endpoint_name: Option<String>,
    /// The schedule that made the message.
    pub schedule_id: Option<ScheduleId>,
    /// The queue that the message is in.
    pub queue: Option<QueueName>,
    /// The method that the destination is called with.
    pub method: Option<Method>,
    /// The headers that the destination receives.
    pub headers: HeaderMap,
    /// The body that the destination receives.
    pub body: Option<Bytes>,
    /// The status that the destination answered with.
    pub response_status: Option<StatusCode>,
    /// The headers that the destination answered with.
    pub response_headers: HeaderMap,
    /// The body that the destination answered with.
    pub response_body: Option<Bytes>,
    /// The time that the destination may take.
    pub timeout: Option<Duration>,
    /// The URL that is called after each delivery.
    pub callback: Option<String>,
    /// The headers of that call.
    pub callback_headers: HeaderMap,
    /// The URL that is called when all deliveries have failed.
    pub failure_callback: Option<String>,
    /// The headers of that call.
    pub failure_callback_headers: HeaderMap,
    /// The number of retries after failed deliveries, at the most.
    pub max_retries: Option<u32>,
    /// The expression of the waits between retries.
    pub retry_delay_expression: Option<String>,
    /// The labels.
    pub labels: Vec<String>,
    /// The limits of delivery.
    pub flow_control: Option<AppliedFlowControl>,
}

impl FromWire for LogEntry {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        let expression = || object.text("retryDelayExpr");
        Ok(Self {
            time: object.time("time"),
            message_id: object.required_id("messageId")?,
            state: object.text("state").as_deref().map(LogState::from).ok_or(Unreadable("state"))?,
            error: object.text("error"),
            next_delivery_time: object.time("nextDeliveryTime"),
            url: object.text("url"),
            url_group: object.id("topicName"),
            endpoint_name: object.text("endpointName"),
            schedule_id: object.id("scheduleId"),
            queue: object.id("queueName"),
            method: object.method("method"),
            headers: object.headers(&["header", "headers"]),
            body: object.base64("body"),
            response_status: object.status("responseStatus"),
            response_headers: object.headers(&["responseHeaders", "responseHeader"]),
            response_body: object.base64("responseBody"),
            timeout: object.milliseconds("timeout").filter(|timeout| !timeout.is_zero()),
            callback: object.text("callback"),
            callback_headers: object.headers(&["callbackHeaders", "callbackHeader"]),
            failure_callback: object.text("failureCallback"),
            failure_callback_headers: object.headers(&["failureCallbackHeaders", "failureCallbackHeader"]),
            max_retries: object.number("maxRetries"),
            retry_delay_expression: object.text("retryDelayExpression").or_else(expression),
            labels: object.labels(),
            flow_control: AppliedFlowControl::of(object),
        })
    }
}

// By hand: headers and bodies are the application's, and a URL may hold a password.
impl fmt::Debug for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogEntry")
            .field("time", &self.time)
            .field("message_id", &self.message_id)
            .field("state", &self.state)
            .field("response_status", &self.response_status)
            .field("next_delivery_time", &self.next_delivery_time)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}
