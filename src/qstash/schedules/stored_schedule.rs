use crate::qstash::{
    AppliedFlowControl, MessageId, QueueName, ScheduleId,
    wire::{FromWire, Object, Unreadable},
};
use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;
use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// A schedule as QStash keeps it. Redacted values are `REDACTED:` and a hash: do not create a schedule with them.
///
/// `Debug` shows neither headers nor body nor URLs.
///
/// ```no_run
/// # async fn run(qstash: axum_upstash::qstash::QStashClient) -> Result<(), axum_upstash::Error> {
/// for schedule in qstash.schedules().list().await? {
///     println!("{} at {}, next {:?}", schedule.schedule_id, schedule.cron, schedule.next_schedule_time);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredSchedule {
    /// The id.
    pub schedule_id: ScheduleId,
    /// The times at which it publishes.
    pub cron: String,
    /// The URL, or the name of the URL group.
    pub destination: Option<String>,
    /// The time at which it was created.
    pub created_at: Option<SystemTime>,
    /// The method that the destination is called with.
    pub method: Method,
    /// The headers that the destination receives.
    pub headers: HeaderMap,
    /// The body, unless it is empty.
    pub body: Option<Bytes>,
    /// The number of retries after failed deliveries, at the most.
    pub retries: Option<u32>,
    /// The expression of the waits between retries.
    pub retry_delay_expression: Option<String>,
    /// The delay of each message, in whole seconds.
    pub delay: Option<Duration>,
    /// The time that the destination may take.
    pub timeout: Option<Duration>,
    /// The URL that is called after each delivery.
    pub callback: Option<String>,
    /// The URL that is called when all deliveries of a message have failed.
    pub failure_callback: Option<String>,
    /// The address that it was created from.
    pub caller_ip: Option<String>,
    /// Whether it is paused.
    pub is_paused: bool,
    /// The queue that messages are put into.
    pub queue: Option<QueueName>,
    /// The labels.
    pub labels: Vec<String>,
    /// The limits of delivery.
    pub flow_control: Option<AppliedFlowControl>,
    /// The time at which it last published.
    pub last_schedule_time: Option<SystemTime>,
    /// The time at which it publishes next.
    pub next_schedule_time: Option<SystemTime>,
    /// The messages that it last published, and their outcomes.
    pub last_schedule_states: Vec<(MessageId, ScheduledMessageState)>,
    /// The reason why it could not publish.
    pub error: Option<String>,
}

/// The outcome of a message of a schedule.
///
/// ```
/// use axum_upstash::qstash::ScheduledMessageState;
///
/// assert_eq!(ScheduledMessageState::from("SUCCESS"), ScheduledMessageState::Success);
/// assert_eq!(ScheduledMessageState::from("NEW"), ScheduledMessageState::Other("NEW".to_owned()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScheduledMessageState {
    /// It is under way.
    InProgress,
    /// It was delivered.
    Success,
    /// All its deliveries have failed.
    Fail,
    /// A state that this version does not know.
    Other(String),
}

impl From<&str> for ScheduledMessageState {
    fn from(name: &str) -> Self {
        match name {
            "IN_PROGRESS" => Self::InProgress,
            "SUCCESS" => Self::Success,
            "FAIL" => Self::Fail,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl FromWire for StoredSchedule {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        let states = object.entries("lastScheduleStates");
        let states = states.filter_map(|(id, state)| Some((MessageId::new(id).ok()?, state.as_str().into())));
        Ok(Self {
            schedule_id: object.required_id("scheduleId")?,
            cron: object.required_text("cron")?,
            destination: object.text("destination"),
            created_at: object.time("createdAt"),
            method: object.method("method").unwrap_or(Method::POST),
            headers: object.headers(&["header", "headers"]),
            body: object.body("body", "bodyBase64"),
            retries: object.number("retries"),
            retry_delay_expression: object.text("retryDelayExpression"),
            delay: object.seconds("delay").filter(|delay| !delay.is_zero()),
            timeout: object.seconds("timeout").filter(|timeout| !timeout.is_zero()),
            callback: object.text("callback"),
            failure_callback: object.text("failureCallback"),
            caller_ip: object.text("callerIP").or_else(|| object.text("callerIp")),
            is_paused: object.flag("isPaused"),
            queue: object.id("queueName"),
            labels: object.labels(),
            flow_control: AppliedFlowControl::of(object),
            last_schedule_time: object.time("lastScheduleTime"),
            next_schedule_time: object.time("nextScheduleTime"),
            last_schedule_states: states.collect(),
            error: object.text("error"),
        })
    }
}

// By hand: headers and body are the application's, and a URL may hold a password.
impl fmt::Debug for StoredSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSchedule")
            .field("schedule_id", &self.schedule_id)
            .field("cron", &self.cron)
            .field("method", &self.method)
            .field("is_paused", &self.is_paused)
            .field("queue", &self.queue)
            .field("labels", &self.labels)
            .field("next_schedule_time", &self.next_schedule_time)
            .finish_non_exhaustive()
    }
}
