use std::sync::Arc;

use http::HeaderMap;
use serde_json::Value;

/// A step of a run that waits for an event.
#[derive(Debug, Clone)]
pub(crate) struct Waiter {
    pub(crate) run: Arc<str>,
    pub(crate) event: Arc<str>,
    pub(crate) deadline_ms: u64,
    /// The order in which they came; the account gives it.
    pub(crate) number: u64,
    /// The step, whose result is the event.
    pub(crate) step: Value,
    /// The endpoint that hears of the event.
    pub(crate) url: String,
    /// The endpoint that hears of the end of the time, and the fields of that message.
    pub(crate) timeout_url: String,
    pub(crate) timeout_fields: HeaderMap,
    /// The fields of the message that resumes the run.
    pub(crate) fields: HeaderMap,
}
