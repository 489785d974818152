use std::{
    collections::{BTreeSet, VecDeque},
    net::IpAddr,
    sync::Arc,
};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use super::Waiter;
use crate::local::qstash::{
    deliver::Outcome,
    dispatch::JobId,
    message::{Message, Options},
};

/// The failed attempts of a run that are kept.
const MAX_ERRORS: usize = 100;

/// How a run began.
#[derive(Debug)]
pub(crate) struct RunStart {
    pub(crate) id: Arc<str>,
    /// The endpoint, by which the workflow is known.
    pub(crate) url: String,
    pub(crate) created_ms: u64,
    /// The options of each of its messages, and the fields that it was triggered with.
    pub(crate) options: Options,
    pub(crate) caller_ip: Option<IpAddr>,
    pub(crate) invoker: Option<Invoker>,
    /// It was begun without an SDK, and the one of its endpoint has to be there.
    pub(crate) is_by_rest: bool,
}

/// The step of another run that waits for the end of a run.
#[derive(Debug, Clone)]
pub(crate) struct Invoker {
    pub(crate) run: Arc<str>,
    /// The endpoint of the other run.
    pub(crate) url: String,
    pub(crate) step: Value,
    /// The fields of the message that resumes it.
    pub(crate) fields: HeaderMap,
}

/// A run, with all that happened in it.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) start: Arc<RunStart>,
    /// Its messages in order: what a delivery has in its body is a beginning of this list.
    pub(crate) entries: Vec<Arc<Message>>,
    pub(crate) end: Option<RunEnd>,
    /// The messages that have not ended.
    pub(crate) live: BTreeSet<JobId>,
    /// Messages that wait for the answer to a delivery of it, each with the time at which it goes on by itself.
    pub(crate) held: Vec<(JobId, u64)>,
    /// Attempts that failed, the oldest first.
    pub(crate) errors: VecDeque<Arc<RunError>>,
    /// The message whose attempts have all failed.
    pub(crate) failed_message: Option<String>,
    /// The runs that it invoked, each with the step that waits for its end.
    pub(crate) invoked: Vec<(Arc<str>, Invoker)>,
    /// The step of another run that waits for its end.
    pub(crate) invoker: Option<Invoker>,
    /// The SDK of its endpoint has taken it over.
    pub(crate) is_adopted: bool,
    /// What became of telling its failure.
    pub(crate) failure: Option<Arc<FailureCall>>,
    /// The number of its dead letter.
    pub(crate) dead_letter: Option<u64>,
    /// It has been kept for long enough, but for its dead letter.
    pub(crate) is_overdue: bool,
    /// About how many bytes it takes.
    pub(crate) bytes: usize,
}

impl Run {
    pub(crate) fn new(start: &Arc<RunStart>) -> Self {
        Self {
            start: Arc::clone(start),
            entries: Vec::new(),
            end: None,
            live: BTreeSet::new(),
            held: Vec::new(),
            errors: VecDeque::new(),
            failed_message: None,
            invoked: Vec::new(),
            invoker: start.invoker.clone(),
            is_adopted: false,
            failure: None,
            dead_letter: None,
            is_overdue: false,
            bytes: start.options.size(),
        }
    }

    pub(crate) fn state(&self) -> RunState {
        self.end.as_ref().map_or(RunState::Started, |end| end.state)
    }

    /// Adds an error. The oldest one goes if there are too many, and is returned.
    pub(crate) fn add_error(&mut self, error: Arc<RunError>) -> Option<Arc<RunError>> {
        let oldest = if self.errors.len() == MAX_ERRORS { self.errors.pop_front() } else { None };
        self.errors.push_back(error);
        oldest
    }
}

/// An attempt of a message of a run that failed.
#[derive(Debug)]
pub(crate) struct RunError {
    pub(crate) message_id: String,
    pub(crate) time_ms: u64,
    pub(crate) outcome: Arc<Outcome>,
}

/// The message that tells of the failure of a run.
#[derive(Debug)]
pub(crate) struct FailureCall {
    pub(crate) message: Arc<Message>,
    pub(crate) state: FailureState,
    /// What came of the last attempt.
    pub(crate) outcome: Option<Arc<Outcome>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureState {
    InProgress,
    Success,
    Fail,
    Canceled,
}

impl FailureState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::InProgress => "CALLBACK_INPROGRESS",
            Self::Success => "CALLBACK_SUCCESS",
            Self::Fail => "CALLBACK_FAIL",
            Self::Canceled => "CALLBACK_CANCELED",
        }
    }
}

/// The end of a run.
#[derive(Debug, Clone)]
pub(crate) struct RunEnd {
    pub(crate) state: RunState,
    pub(crate) time_ms: u64,
    /// The result of the function, or nothing.
    pub(crate) result: Option<Bytes>,
    /// The things that were under way when it did not end well, for a run that goes on in its place.
    pub(crate) left: Left,
}

/// What a run had under way that did not end well.
#[derive(Debug, Clone, Default)]
pub(crate) struct Left {
    /// The numbers of the entries whose messages had not ended.
    pub(crate) entries: Vec<usize>,
    pub(crate) waiters: Vec<Arc<Waiter>>,
    pub(crate) kept_events: Vec<Arc<KeptEvent>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunState {
    Started,
    Success,
    Failed,
    Canceled,
}

impl RunState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Started => "RUN_STARTED",
            Self::Success => "RUN_SUCCESS",
            Self::Failed => "RUN_FAILED",
            Self::Canceled => "RUN_CANCELED",
        }
    }
}

/// An event that a run is to hear when it waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptEvent {
    /// The order in which they came; the account gives it.
    pub(crate) number: u64,
    pub(crate) run: Arc<str>,
    pub(crate) event: Arc<str>,
    pub(crate) data: Bytes,
}
