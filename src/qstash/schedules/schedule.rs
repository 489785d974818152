use super::Cron;
use crate::{
    Error,
    qstash::{Destination, Message, QueueName, ScheduleId, call::Caller, message::Outgoing},
};
use http::HeaderValue;
use std::fmt;

/// A message that is published again and again.
///
/// Values are checked as they are set; [`create`](crate::qstash::Schedules::create) returns the first problem, and then sends
/// nothing.
///
/// ```
/// use axum_upstash::qstash::{Message, Schedule};
///
/// let report = Message::to_url("https://app.example.com/report").json(&serde_json::json!({"kind": "daily"}));
/// let schedule = Schedule::new("CRON_TZ=Europe/Berlin 0 6 * * *", report).id("daily-report");
/// ```
#[must_use = "a schedule does nothing until it is created"]
pub struct Schedule<D> {
    message: Message<D>,
    cron: Option<Cron>,
    id: Option<ScheduleId>,
    queue: Option<QueueName>,
    problem: Option<Error>,
}

impl<D: Destination> Schedule<D> {
    /// Publishes the message at each of these times.
    pub fn new(cron: impl TryInto<Cron, Error: Into<Error>>, message: Message<D>) -> Self {
        let (cron, problem) = match cron.try_into() {
            Ok(cron) => (Some(cron), None),
            Err(problem) => (None, Some(problem.into())),
        };
        Self { message, cron, id: None, queue: None, problem }
    }

    /// Sets the id, instead of one that QStash chooses. A schedule with that id is replaced, its body included.
    ///
    /// Creating it is then sent again after a lost answer.
    pub fn id(mut self, id: impl TryInto<ScheduleId, Error: Into<Error>>) -> Self {
        match id.try_into() {
            Ok(id) => self.id = Some(id),
            Err(problem) => self.refuse(problem.into()),
        }
        self
    }

    /// Puts the messages into a queue, instead of delivering them at once.
    pub fn queue(mut self, queue: impl TryInto<QueueName, Error: Into<Error>>) -> Self {
        match queue.try_into() {
            Ok(queue) => self.queue = Some(queue),
            Err(problem) => self.refuse(problem.into()),
        }
        self
    }

    fn refuse(&mut self, problem: Error) {
        self.problem.get_or_insert(problem);
    }

    /// The message with the headers of the schedule, and whether it has an id of its own.
    pub(super) fn into_outgoing(self, caller: &Caller) -> Result<(Outgoing, bool), Error> {
        self.problem.map_or(Ok(()), Err)?;
        let mut outgoing = self.message.into_outgoing(caller)?;
        let has_id = self.id.is_some();
        let headers = [
            ("upstash-cron", self.cron.as_ref().map(Cron::as_str)),
            ("upstash-schedule-id", self.id.as_ref().map(ScheduleId::as_str)),
            ("upstash-queue-name", self.queue.as_ref().map(QueueName::as_str)),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                let value = HeaderValue::from_str(value)
                    .map_err(|_| crate::qstash::error::invalid(format!("{name} has a value that cannot be sent")))?;
                outgoing.headers.insert(name, value);
            }
        }
        Ok((outgoing, has_id))
    }
}

impl<D> Clone for Schedule<D> {
    fn clone(&self) -> Self {
        let Self { message, cron, id, queue, problem } = self;
        let (cron, id, queue) = (cron.clone(), id.clone(), queue.clone());
        Self { message: message.clone(), cron, id, queue, problem: problem.clone() }
    }
}

impl<D> fmt::Debug for Schedule<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule")
            .field("message", &self.message)
            .field("cron", &self.cron)
            .field("id", &self.id)
            .field("queue", &self.queue)
            .field("problem", &self.problem.as_ref().map(Error::message))
            .finish()
    }
}
