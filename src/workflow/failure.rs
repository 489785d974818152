use super::{callback::FailedRun, error::Failure, run::Run};
use futures_core::future::BoxFuture;
use std::{collections::BTreeMap, fmt, sync::Arc};

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

type Handled = BoxFuture<'static, Result<Option<String>, Failure>>;

/// The function that hears of failures, without its types.
#[derive(Clone)]
pub(super) struct FailureFunction(Arc<dyn Fn(FailedRun, Run) -> Handled + Send + Sync>);

impl FailureFunction {
    pub(super) fn new(function: impl Fn(FailedRun, Run) -> Handled + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }

    pub(super) fn call(&self, failed: FailedRun, run: Run) -> Handled {
        (self.0)(failed, run)
    }
}
