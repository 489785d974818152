use serde::Deserialize;

/// The state and the result of a run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct RunInfo {
    /// The id.
    #[serde(rename = "workflowRunId")]
    pub id: String,
    /// The URL of the workflow.
    #[serde(rename = "workflowUrl", default)]
    pub url: String,
    /// The state.
    #[serde(rename = "workflowState")]
    pub state: RunState,
    /// The result of the function, as text, when the run has ended well.
    #[serde(rename = "workflowRunResponse", default)]
    pub result: Option<String>,
    /// The labels.
    #[serde(default)]
    pub labels: Vec<String>,
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum RunState {
    /// It has begun, and has not ended.
    #[serde(rename = "RUN_STARTED")]
    Started,
    /// Its function has returned.
    #[serde(rename = "RUN_SUCCESS")]
    Success,
    /// A delivery failed, after all retries.
    #[serde(rename = "RUN_FAILED")]
    Failed,
    /// It was cancelled.
    #[serde(rename = "RUN_CANCELED")]
    Canceled,
    /// One that this version does not know.
    #[serde(other)]
    Other,
}
