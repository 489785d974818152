use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;

use super::Options;
use crate::local::qstash::dispatch::JobId;

/// A message as it was accepted. It does not change afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) job: JobId,
    pub(crate) id: String,
    /// The destination, as it was published.
    pub(crate) url: String,
    pub(crate) options: Arc<Options>,
    pub(crate) body: Bytes,
    pub(crate) max_retries: u32,
    pub(crate) created_ms: u64,
    /// The earliest time of the first attempt.
    pub(crate) not_before_ms: u64,
    pub(crate) queue: Option<Arc<str>>,
    pub(crate) topic: Option<Topic>,
    pub(crate) schedule_id: Option<String>,
    pub(crate) caller_ip: Option<IpAddr>,
    pub(crate) origin: Origin,
}

/// The URL group that a message came through.
#[derive(Debug, Clone)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) endpoint: Option<String>,
}

/// What a message is.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// One that was published.
    Publish,
    /// The callback of another one.
    Callback(JobId),
    /// One of a run of a workflow.
    Run(RunPlace),
}

/// The place of a message in a run of a workflow.
#[derive(Debug, Clone)]
pub(crate) struct RunPlace {
    pub(crate) run: Arc<str>,
    /// The number of its entry.
    pub(crate) entry: usize,
    pub(crate) kind: CallKind,
}

/// What a message of a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// A step, for the endpoint.
    Step,
    /// A call of another service.
    ToCallback,
    /// The answer to such a call, for the endpoint.
    FromCallback,
    /// The failure of the run, for the endpoint.
    Failure,
}

impl CallKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::ToCallback => "toCallback",
            Self::FromCallback => "fromCallback",
            Self::Failure => "failureCall",
        }
    }
}

impl Message {
    /// The place in the run of a workflow that it is of.
    pub(crate) fn place(&self) -> Option<&RunPlace> {
        match &self.origin {
            Origin::Run(place) => Some(place),
            Origin::Publish | Origin::Callback(_) => None,
        }
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        /// Of the record itself, and of what names it.
        const OVERHEAD: usize = 1_024;
        self.body.len() + self.url.len() + self.options.size() + OVERHEAD
    }
}
