use super::run_step::{StepError, StepGroup};
use crate::qstash::{DlqId, FromWire, Object, Unreadable};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use std::{fmt, time::SystemTime};

/// A run, as the logs show it: its state, its result and its steps.
///
/// `Debug` shows neither results nor headers nor URLs.
///
/// ```no_run
/// use axum_upstash::workflow::WorkflowClient;
///
/// # async fn run(workflows: WorkflowClient) -> Result<(), axum_upstash::Error> {
/// let Some(run) = workflows.run("wfr_order-17").await? else { return Ok(()) };
/// for step in run.steps.iter().flat_map(|group| &group.steps) {
///     println!("{:?} {:?} {:?}", step.name, step.kind, step.state);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunInfo {
    /// The id.
    pub id: String,
    /// The URL of the workflow.
    pub url: String,
    /// The state.
    pub state: RunState,
    /// The time at which it was triggered.
    pub created_at: Option<SystemTime>,
    /// The time at which it ended.
    pub completed_at: Option<SystemTime>,
    /// The result of the function, as text, when the run has ended well.
    pub result: Option<String>,
    /// The labels.
    pub labels: Vec<String>,
    /// The key of the flow control.
    pub flow_control_key: Option<String>,
    /// The run that invoked it.
    pub invoker: Option<String>,
    /// The entry of the dead letter queue, when the run has failed.
    pub dlq_id: Option<DlqId>,
    /// The call of the failure function.
    pub failure: Option<FailureInfo>,
    /// The steps, in groups: a step alone, or those of a parallel group.
    pub steps: Vec<StepGroup>,
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunState {
    /// It has begun, and has not ended.
    Started,
    /// Its function has returned.
    Success,
    /// It has failed.
    Failed,
    /// It was cancelled.
    Canceled,
    /// A state that this version does not know.
    Other,
}

impl RunState {
    /// The name that the service has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "RUN_STARTED",
            Self::Success => "RUN_SUCCESS",
            Self::Failed => "RUN_FAILED",
            Self::Canceled => "RUN_CANCELED",
            Self::Other => "OTHER",
        }
    }

    fn named(name: &str) -> Self {
        let all = [Self::Started, Self::Success, Self::Failed, Self::Canceled];
        all.into_iter().find(|state| state.as_str() == name).unwrap_or(Self::Other)
    }
}

/// The call of a failure function, or of a failure URL.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailureInfo {
    /// The state.
    pub state: FailureState,
    /// The URL.
    pub url: Option<String>,
    /// The status of the answer by which the run failed.
    pub fail_status: Option<StatusCode>,
    /// The message of that answer.
    pub fail_response: Option<String>,
    /// The headers of that answer.
    pub fail_headers: HeaderMap,
    /// The status that the failure function answered with.
    pub response_status: Option<StatusCode>,
    /// The body that the failure function answered with.
    pub response_body: Option<String>,
    /// The calls that failed.
    pub errors: Vec<StepError>,
}

/// The state of the call of a failure function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureState {
    /// The failure function is called.
    InProgress,
    /// It has answered.
    Succeeded,
    /// All calls of it have failed.
    Failed,
    /// It was cancelled.
    Canceled,
    /// A state that this version does not know.
    Other,
}

impl FailureState {
    /// The name that the service has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "CALLBACK_INPROGRESS",
            Self::Succeeded => "CALLBACK_SUCCESS",
            Self::Failed => "CALLBACK_FAIL",
            Self::Canceled => "CALLBACK_CANCELED",
            Self::Other => "OTHER",
        }
    }

    pub(super) fn named(name: &str) -> Self {
        let all = [Self::InProgress, Self::Succeeded, Self::Failed, Self::Canceled];
        all.into_iter().find(|state| state.as_str() == name).unwrap_or(Self::Other)
    }
}

impl FromWire for RunInfo {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        let invoker = object.value(&["invoker"]).and_then(|invoker| Object::of(invoker).ok());
        Ok(Self {
            id: object.required_text("workflowRunId")?,
            url: object.text("workflowUrl").unwrap_or_default(),
            state: RunState::named(&object.required_text("workflowState")?),
            created_at: object.time("workflowRunCreatedAt"),
            completed_at: object.time("workflowRunCompletedAt"),
            result: object.text("workflowRunResponse"),
            labels: object.labels(),
            flow_control_key: object.text("flowControlKey"),
            invoker: invoker.and_then(|invoker| invoker.text("workflowRunId")),
            dlq_id: object.id("dlqId"),
            failure: object.value(&["failureFunction"]).map(FailureInfo::from_wire).transpose()?,
            steps: object.items(&["steps"])?,
        })
    }
}

impl FromWire for FailureInfo {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        Ok(Self {
            state: FailureState::named(&object.text("state").unwrap_or_default()),
            url: object.text("url"),
            fail_status: object.status("failStatus"),
            fail_response: object.text("failResponse"),
            fail_headers: object.headers(&["failHeaders"]),
            response_status: object.status("responseStatus"),
            response_body: object.text("responseBody"),
            errors: object.items(&["errors"])?,
        })
    }
}

// By hand: results, headers and URLs are the application's.
impl fmt::Debug for RunInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RunInfo");
        shown.field("id", &self.id).field("state", &self.state).field("labels", &self.labels);
        shown.field("dlq_id", &self.dlq_id).field("steps", &self.steps).finish_non_exhaustive()
    }
}

impl fmt::Debug for FailureInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("FailureInfo");
        shown.field("state", &self.state).field("fail_status", &self.fail_status);
        shown.field("response_status", &self.response_status).finish_non_exhaustive()
    }
}
