use crate::qstash::{FromWire, Object, Unreadable};
use http::HeaderMap;
use serde_json::Value;
use std::{fmt, time::SystemTime};

/// A step of a run that waits for an event.
///
/// ```no_run
/// use axum_upstash::workflow::WorkflowClient;
///
/// # async fn run(workflows: WorkflowClient) -> Result<(), axum_upstash::Error> {
/// for waiter in workflows.waiters("order-17-confirmed").await? {
///     println!("{:?} waits until {:?}", waiter.run_id, waiter.deadline);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiter {
    /// The run.
    pub run_id: Option<String>,
    /// The URL of the workflow.
    pub url: Option<String>,
    /// The time at which the wait ends.
    pub deadline: Option<SystemTime>,
    /// The headers of the message that the event resumes the run with.
    pub headers: HeaderMap,
}

impl FromWire for Waiter {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        let headers = object.headers(&["headers"]);
        let run_id = headers.get("upstash-workflow-runid").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let (url, deadline) = (object.text("url"), object.time_in_seconds("deadline"));
        Ok(Self { run_id, url, deadline, headers })
    }
}

// By hand: headers are the application's.
impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Waiter");
        shown.field("run_id", &self.run_id).field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
