use crate::qstash::{
    AppliedFlowControl, MessageId, QueueName, ScheduleId, UrlGroupName,
    wire::{FromWire, Object, Unreadable},
};
use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;
use std::{fmt, time::SystemTime};

/// A message as QStash keeps it. Redacted values are `REDACTED:` and a hash.
///
/// `Debug` shows neither headers nor body nor URLs.
///
/// ```no_run
/// # async fn run(qstash: axum_upstash::qstash::QStashClient) -> Result<(), axum_upstash::Error> {
/// let message = qstash.messages().get("msg_26hZCxZCuWyyTWPmSVBrNC1RADwpgWxP").await?;
/// println!("{} {:?}, labels {:?}", message.method, message.url, message.labels);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredMessage {
    /// The id.
    pub message_id: MessageId,
    /// The URL of the destination.
    pub url: Option<String>,
    /// The URL group that it was published to.
    pub url_group: Option<UrlGroupName>,
    /// The name of the endpoint in that group.
    pub endpoint_name: Option<String>,
    /// The method that the destination is called with.
    pub method: Method,
    /// The headers that the destination receives.
    pub headers: HeaderMap,
    /// The body, unless it is empty.
    pub body: Option<Bytes>,
    /// The number of retries after failed deliveries, at the most.
    pub max_retries: Option<u32>,
    /// The expression of the waits between retries.
    pub retry_delay_expression: Option<String>,
    /// The time of the delivery at the earliest.
    pub not_before: Option<SystemTime>,
    /// The time at which QStash took the message.
    pub created_at: Option<SystemTime>,
    /// The URL that is called after each delivery.
    pub callback: Option<String>,
    /// The headers of that call.
    pub callback_headers: HeaderMap,
    /// The URL that is called when all deliveries have failed.
    pub failure_callback: Option<String>,
    /// The headers of that call.
    pub failure_callback_headers: HeaderMap,
    /// The queue that it is in.
    pub queue: Option<QueueName>,
    /// The schedule that made it.
    pub schedule_id: Option<ScheduleId>,
    /// The address that it was published from.
    pub caller_ip: Option<String>,
    /// The labels.
    pub labels: Vec<String>,
    /// The limits of delivery.
    pub flow_control: Option<AppliedFlowControl>,
}

impl FromWire for StoredMessage {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        Ok(Self {
            message_id: object.required_id("messageId")?,
            url: object.text("url"),
            url_group: object.id("topicName"),
            endpoint_name: object.text("endpointName"),
            method: object.method("method").unwrap_or(Method::POST),
            headers: object.headers(&["header", "headers"]),
            body: object.body("body", "bodyBase64"),
            max_retries: object.number("maxRetries"),
            retry_delay_expression: object.text("retryDelayExpression"),
            not_before: object.time("notBefore"),
            created_at: object.time("createdAt"),
            callback: object.text("callback"),
            callback_headers: object.headers(&["callbackHeader", "callbackHeaders"]),
            failure_callback: object.text("failureCallback"),
            failure_callback_headers: object.headers(&["failureCallbackHeader", "failureCallbackHeaders"]),
            queue: object.id("queueName"),
            schedule_id: object.id("scheduleId"),
            caller_ip: object.text("callerIP").or_else(|| object.text("callerIp")),
            labels: object.labels(),
            flow_control: AppliedFlowControl::of(object),
        })
    }
}

// By hand: headers and body are the application's, and a URL may hold a password.
impl fmt::Debug for StoredMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredMessage")
            .field("message_id", &self.message_id)
            .field("method", &self.method)
            .field("url_group", &self.url_group)
            .field("queue", &self.queue)
            .field("schedule_id", &self.schedule_id)
            .field("labels", &self.labels)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}
