use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use crate::local::qstash::message::{CallKind, Options};

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
}

/// The step of another run that waits for the end of a run.
#[derive(Debug, Clone)]
pub(crate) struct Invoker {
    pub(crate) run: Arc<str>,
    pub(crate) step: Value,
    /// The fields of the message that resumes it.
    pub(crate) fields: HeaderMap,
}

/// A run, with all that happened in it.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) start: Arc<RunStart>,
    pub(crate) entries: Vec<RunEntry>,
    pub(crate) end: Option<RunEnd>,
}

impl Run {
    pub(crate) fn state(&self) -> RunState {
        self.end.as_ref().map_or(RunState::Started, |end| end.state)
    }
}

/// The end of a run.
#[derive(Debug, Clone)]
pub(crate) struct RunEnd {
    pub(crate) state: RunState,
    pub(crate) time_ms: u64,
    /// The result of the function, or nothing.
    pub(crate) result: Option<Bytes>,
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

/// An entry of a run: what happened in it, in order.
#[derive(Debug, Clone)]
pub(crate) struct RunEntry {
    pub(crate) message_id: String,
    pub(crate) kind: CallKind,
    pub(crate) body: Bytes,
}

/// An event that a run is to hear when it waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptEvent {
    pub(crate) run: Arc<str>,
    pub(crate) event: Arc<str>,
    pub(crate) data: Bytes,
}

/// A step that waits for an event.
#[derive(Debug, Clone)]
pub(crate) struct Waiter {
    pub(crate) run: Arc<str>,
    pub(crate) event: Arc<str>,
    pub(crate) deadline_ms: u64,
    /// The order in which they came; the account gives it.
    pub(crate) number: u64,
    /// The step, whose result is the event.
    pub(crate) step: Value,
    /// The fields of the message that resumes the run.
    pub(crate) fields: HeaderMap,
}
