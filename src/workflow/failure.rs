use super::{callback::FailedRun, run::Run};
use std::{collections::BTreeMap, fmt};

/// A run that failed: after its retries, or at once by a [`WorkflowError`](super::WorkflowError).
#[derive(Clone)]
#[non_exhaustive]
pub struct WorkflowFailure<P> {
    /// The payload that the run began with.
    pub payload: P,
    /// The id of the run.
    pub run_id: String,
    /// The status of the last answer.
    pub status: u16,
    /// The message of the last error.
    pub message: String,
    /// The headers of the last answer.
    pub headers: BTreeMap<String, Vec<String>>,
}

impl<P> WorkflowFailure<P> {
    pub(super) fn new(payload: P, failed: FailedRun, run: Run) -> Self {
        let FailedRun { status, headers, message, .. } = failed;
        Self { payload, run_id: run.id, status, message, headers }
    }
}

/// Without payload, message and headers: they are the application's.
impl<P> fmt::Debug for WorkflowFailure<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("WorkflowFailure");
        all.field("run_id", &self.run_id).field("status", &self.status).finish_non_exhaustive()
    }
}
