use crate::qstash::{
    DlqId, StoredMessage,
    wire::{FromWire, Object, Unreadable},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use std::fmt;

/// An entry of the dead letter queue: a message, and the answer to its last delivery.
///
/// `Debug` shows neither headers nor bodies nor URLs.
///
/// ```
/// use axum_upstash::qstash::DlqEntry;
///
/// fn explain(entry: &DlqEntry) -> String {
///     match entry.response_status {
///         Some(status) => format!("{} was answered with {status}", entry.message.message_id),
///         None => format!("{} was not answered", entry.message.message_id),
///     }
/// }
/// # let _ = explain;
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DlqEntry {
    /// The id of the entry, which is not that of the message.
    pub dlq_id: DlqId,
    /// The message.
    pub message: StoredMessage,
    /// The status of the last answer, if there was one.
    pub response_status: Option<StatusCode>,
    /// The headers of the last answer.
    pub response_headers: HeaderMap,
    /// The body of the last answer, unless it is empty.
    pub response_body: Option<Bytes>,
    /// The run of a workflow that the message is a step of.
    pub workflow_run_id: Option<String>,
    /// The URL of that workflow.
    pub workflow_url: Option<String>,
}

impl FromWire for DlqEntry {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        Ok(Self {
            dlq_id: object.required_id("dlqId")?,
            message: StoredMessage::from_wire(value)?,
            response_status: object.status("responseStatus"),
            response_headers: object.headers(&["responseHeader", "responseHeaders"]),
            response_body: object.body("responseBody", "responseBodyBase64"),
            workflow_run_id: object.text("workflowRunId"),
            workflow_url: object.text("workflowUrl"),
        })
    }
}

// By hand: headers and bodies are the application's.
impl fmt::Debug for DlqEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DlqEntry")
            .field("dlq_id", &self.dlq_id)
            .field("message", &self.message)
            .field("response_status", &self.response_status)
            .finish_non_exhaustive()
    }
}
