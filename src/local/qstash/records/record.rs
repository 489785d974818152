use std::sync::Arc;

use super::{
    DeadLetter, FailureCall, Group, KeptEvent, Keys, Queue, Row, RunEnd, RunError, RunStart, Schedule, Waiter,
};
use crate::local::qstash::{
    dispatch::{FlowChange, JobId},
    message::Message,
};

/// Something that happened to an account. Records in their order, each at its time, make the account again.
#[derive(Debug, Clone)]
pub(crate) enum Record {
    /// A message was accepted, with what tells its repetitions until a time.
    Accepted(Arc<Message>, Option<(String, u64)>),
    /// A key tells repetitions of an id, other than that of a message, until a time.
    Told(String, String, u64),
    /// The attempts that were due began.
    Dispatched,
    /// An attempt ended, and another one follows at a time.
    Retries(JobId, u32, u64),
    /// A message ended.
    Ended(JobId),
    /// A message that runs is to end with its attempt.
    CancelRequested(JobId),
    /// A message was cancelled, and the log is to say so at a time.
    Cancelled(JobId, u64),
    /// The log said so of all whose time had come.
    CancelledLogged,
    /// A message ended, and is in the dead letter queue.
    Failed(JobId, Arc<DeadLetter>),
    DeadLetterGone(u64),
    Logged(Arc<Row>),
    Queue(Queue),
    QueueGone(Arc<str>),
    Flow(Arc<str>, FlowChange),
    Group(Arc<Group>),
    GroupGone(String),
    Schedule(Arc<Schedule>),
    ScheduleGone(String),
    Keys(Keys),
    RunStarted(Arc<RunStart>),
    /// A message is the next entry of its run, and was accepted, unless it is kept as one that had its effect before.
    RunEntry(Arc<Message>, bool),
    /// The SDK of the endpoint of a run has taken it over.
    RunAdopted(Arc<str>),
    /// The run that ended first is kept no longer.
    OldestRunGone,
    /// An attempt of a message of a run failed.
    RunError(Arc<str>, Arc<RunError>),
    RunEnded(Arc<str>, RunEnd),
    /// Telling the failure of a run has this state now.
    RunFailure(Arc<str>, Arc<FailureCall>),
    /// Another run goes on in place of one that failed.
    RunResumed(Arc<str>, Arc<str>),
    Waits(Arc<Waiter>),
    WaitOver(Arc<Waiter>),
    EventKept(Arc<KeptEvent>),
    EventTaken(Arc<KeptEvent>),
}
