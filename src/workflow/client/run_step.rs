use crate::qstash::{FromWire, Object, Unreadable};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use std::{fmt, time::SystemTime};

/// Steps that a run began together.
///
/// ```
/// use axum_upstash::workflow::{RunInfo, StepState};
///
/// fn failed_steps(run: &RunInfo) -> Vec<&str> {
///     let steps = run.steps.iter().flat_map(|group| &group.steps);
///     steps.filter(|step| step.state == StepState::Failed).filter_map(|step| step.name.as_deref()).collect()
/// }
/// # let _ = failed_steps;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepGroup {
    /// Whether they run side by side.
    pub is_parallel: bool,
    /// Whether they are deliveries under way, or those by which the run ended, and no steps yet.
    pub is_next: bool,
    /// The steps.
    pub steps: Vec<RunStepInfo>,
}

/// A step of a run, as the logs show it.
///
/// `Debug` shows neither results nor headers nor URLs.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunStepInfo {
    /// The id: its place in the run, from 1. A delivery has none, nor has the payload.
    pub id: Option<u32>,
    /// The name. A delivery has none.
    pub name: Option<String>,
    /// The kind, as the protocol names it, such as `Run`. A delivery has none.
    pub kind: Option<String>,
    /// The state.
    pub state: StepState,
    /// The message that it came with.
    pub message_id: Option<String>,
    /// The time at which it came.
    pub created_at: Option<SystemTime>,
    /// The time of the next delivery, if one is planned.
    pub next_delivery_time: Option<SystemTime>,
    /// The result, as text.
    pub out: Option<String>,
    /// The deliveries that failed, the oldest first.
    pub errors: Vec<StepError>,
    /// The status of the answer to a call.
    pub call_status: Option<StatusCode>,
    /// The event that it waits for.
    pub event: Option<String>,
    /// The wait ended without the event.
    pub is_timed_out: bool,
    /// The run that it invoked.
    pub invoked_run_id: Option<String>,
}

/// The state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepState {
    /// It has begun.
    InProgress,
    /// It is done.
    Success,
    /// It failed, and is tried again.
    Retry,
    /// It has failed.
    Failed,
    /// Its run ended before it did.
    Canceled,
    /// A state that this version does not know.
    Other,
}

/// A delivery that failed.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepError {
    /// Why.
    pub error: Option<String>,
    /// The status of the answer, if there was one.
    pub status: Option<StatusCode>,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The body of the answer.
    pub body: Option<String>,
    /// The time.
    pub time: Option<SystemTime>,
}

impl FromWire for StepGroup {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        let kind = object.text("type").unwrap_or_default();
        Ok(Self { is_parallel: kind == "parallel", is_next: kind == "next", steps: object.items(&["steps"])? })
    }
}

impl FromWire for RunStepInfo {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        let state = match object.text("state").as_deref() {
            Some("STEP_PROGRESS") => StepState::InProgress,
            Some("STEP_SUCCESS") => StepState::Success,
            Some("STEP_RETRY") => StepState::Retry,
            Some("STEP_FAILED") => StepState::Failed,
            Some("STEP_CANCELED") => StepState::Canceled,
            _ => StepState::Other,
        };
        // A result may be JSON that is no text.
        let out = object.value(&["out"]).map(|out| out.as_str().map_or_else(|| out.to_string(), str::to_owned));
        Ok(Self {
            id: object.number("stepId"),
            name: object.text("stepName"),
            kind: object.text("stepType"),
            state,
            message_id: object.text("messageId"),
            created_at: object.time("createdAt"),
            next_delivery_time: object.time("nextDeliveryTime"),
            out,
            errors: object.items(&["errors"])?,
            call_status: object.status("callResponseStatus"),
            event: object.text("waitEventId"),
            is_timed_out: object.flag("waitTimeout"),
            invoked_run_id: object.text("invokedWorkflowRunId"),
        })
    }
}

impl FromWire for StepError {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        Ok(Self {
            error: object.text("error"),
            status: object.status("status"),
            headers: object.headers(&["headers"]),
            body: object.text("body"),
            time: object.time("time"),
        })
    }
}

// By hand: results, headers and bodies are the application's.
impl fmt::Debug for RunStepInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RunStepInfo");
        shown.field("id", &self.id).field("name", &self.name).field("kind", &self.kind).field("state", &self.state);
        shown.field("errors", &self.errors).finish_non_exhaustive()
    }
}

impl fmt::Debug for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepError").field("status", &self.status).field("time", &self.time).finish_non_exhaustive()
    }
}
