use super::{
    board::{Board, Place},
    order::{Action, Order},
    step::{RunStep, Step, read_nothing},
};
use http::HeaderMap;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// One run of a workflow, as its function sees it.
pub struct WorkflowContext<P> {
    payload: Arc<P>,
    run: Arc<Run>,
    board: Arc<Board>,
}

/// What a delivery says of its run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) retried: u32,
    pub(super) label: Option<String>,
    pub(super) created_at: Option<SystemTime>,
}

impl<P> WorkflowContext<P> {
    pub(super) fn new(payload: P, run: Arc<Run>, board: Arc<Board>) -> Self {
        Self { payload: Arc::new(payload), run, board }
    }

    /// The payload that the run began with.
    #[must_use]
    pub fn payload(&self) -> &P {
        &self.payload
    }

    /// The id of the run.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run.id
    }

    /// The URL of the workflow.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.run.url
    }

    /// The headers that the run was triggered with.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.run.headers
    }

    /// How often this delivery was tried before.
    #[must_use]
    pub fn retried(&self) -> u32 {
        self.run.retried
    }

    /// The label of the run.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.run.label.as_deref()
    }

    /// The time at which the run was triggered, if the server says so.
    #[must_use]
    pub fn created_at(&self) -> Option<SystemTime> {
        self.run.created_at
    }

    /// Does some work, and keeps its value: the work is begun again only if it fails, or if its value was lost.
    ///
    /// The future is polled by the delivery that reaches the step, and is dropped unpolled by those that come later. Its error
    /// ends this delivery, and QStash makes another. A failure that the function handles is a value: `Ok(Err(..))`.
    pub fn run<W, T, E>(&self, name: impl Into<String>, work: W) -> RunStep<W>
    where
        W: Future<Output = Result<T, E>>,
        T: Serialize + DeserializeOwned,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        RunStep::new(self.place(name, Action::Run), work)
    }

    /// Waits for so long, in whole seconds. No process waits meanwhile.
    pub fn sleep(&self, name: impl Into<String>, time: Duration) -> Step<()> {
        let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        Step::new(self.place(name, Action::SleepFor(seconds.into())), read_nothing)
    }

    /// Waits until a time, in whole seconds.
    pub fn sleep_until(&self, name: impl Into<String>, time: SystemTime) -> Step<()> {
        let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = seconds.as_secs() + u64::from(seconds.subsec_nanos() > 0);
        Step::new(self.place(name, Action::SleepUntil(seconds)), read_nothing)
    }

    /// Ends the run. It has neither a result nor a failure.
    pub async fn cancel(&self) -> std::convert::Infallible {
        self.board.cancel();
        std::future::pending().await
    }

    fn place(&self, name: impl Into<String>, action: Action) -> Place {
        Place::new(&self.board, Order { name: name.into(), action })
    }
}

impl<P> Clone for WorkflowContext<P> {
    fn clone(&self) -> Self {
        Self { payload: Arc::clone(&self.payload), run: Arc::clone(&self.run), board: Arc::clone(&self.board) }
    }
}

/// Without payload and headers: they are the application's.
impl<P> fmt::Debug for WorkflowContext<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkflowContext").field("run_id", &self.run.id).finish_non_exhaustive()
    }
}
