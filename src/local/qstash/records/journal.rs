use std::sync::Arc;

use super::{DeadLetter, Group, Keys, Queue, Row, Schedule};
use crate::local::qstash::{dispatch::JobId, message::Message};

/// Something that happened to an account. Records in their order make the account again.
#[derive(Debug, Clone)]
pub(crate) enum Record {
    /// A message was accepted, with what tells its repetitions until a time.
    Accepted(Arc<Message>, Option<(String, u64)>),
    /// An attempt ended, and another one follows at a time.
    Retries(JobId, u32, u64),
    /// A message ended.
    Ended(JobId),
    /// A message that runs is to end with its attempt.
    CancelRequested(JobId),
    DeadLetter(Arc<DeadLetter>),
    DeadLetterGone(u64),
    Logged(Arc<Row>),
    Queue(Queue),
    QueueGone(Arc<str>),
    Group(Arc<Group>),
    GroupGone(String),
    Schedule(Arc<Schedule>),
    ScheduleGone(String),
    Keys(Keys),
}

/// Keeps what happens to an account beyond the life of the process.
pub(crate) trait Journal: Send {
    /// What happened before, in its order. Called once, before anything else.
    fn load(&mut self) -> Vec<Record>;

    /// Adds what happens now.
    fn append(&mut self, record: &Record);
}

/// Keeps nothing.
#[derive(Debug)]
pub(crate) struct Nothing;

impl Journal for Nothing {
    fn load(&mut self) -> Vec<Record> {
        Vec::new()
    }

    fn append(&mut self, _: &Record) {}
}
