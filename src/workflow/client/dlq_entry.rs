use super::run_info::FailureState;
use crate::qstash::{DlqEntry, FromWire, Object, Unreadable};
use serde_json::Value;
use std::time::SystemTime;

/// An entry of the dead letter queue of runs: a run that failed, with the message whose deliveries have all failed.
///
/// ```
/// use axum_upstash::workflow::RunDlqEntry;
///
/// fn explain(entry: &RunDlqEntry) -> String {
///     format!("{} was answered with {:?}", entry.run_id, entry.entry.response_status)
/// }
/// # let _ = explain;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunDlqEntry {
    /// The run.
    pub run_id: String,
    /// The time at which the run was triggered.
    pub run_created_at: Option<SystemTime>,
    /// The call of the failure function, if anything hears of the failure.
    pub failure: Option<FailureState>,
    /// The message, and the answer to its last delivery.
    pub entry: DlqEntry,
}

impl FromWire for RunDlqEntry {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        let info = object.value(&["failureCallbackInfo"]).and_then(|info| Object::of(info).ok());
        let state = info.and_then(|info| info.text("state")).or_else(|| object.text("failureFunctionState"));
        Ok(Self {
            run_id: object.required_text("workflowRunId")?,
            run_created_at: object.time("workflowCreatedAt"),
            failure: state.map(|state| FailureState::named(&state)),
            entry: DlqEntry::from_wire(value)?,
        })
    }
}
