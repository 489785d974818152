use super::record::{Record, json_or_text};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The end of a wait for an event.
///
/// ```
/// use axum_upstash::workflow::{EventOutcome, WorkflowContext, WorkflowError};
/// use std::time::Duration;
///
/// async fn order(ctx: WorkflowContext<u32>) -> Result<bool, WorkflowError> {
///     match ctx.wait_for_event("confirm", "confirmed", Duration::from_secs(3600)).await {
///         EventOutcome::Event(is_confirmed) => Ok(is_confirmed),
///         EventOutcome::TimedOut => Ok(false),
///     }
/// }
/// # let _: axum::Router<axum_upstash::Upstash> =
/// #     axum::Router::new().route("/", axum::routing::post(axum_upstash::workflow::serve(order)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a wait ends in one of two ways")]
pub enum EventOutcome<T> {
    /// The event came, with its data.
    Event(T),
    /// It did not come in time.
    TimedOut,
}

impl<T> EventOutcome<T> {
    /// The data, if the event came.
    #[must_use]
    pub fn event(self) -> Option<T> {
        match self {
            Self::Event(data) => Some(data),
            Self::TimedOut => None,
        }
    }
}

pub(super) fn read_event<T: DeserializeOwned>(record: &Record) -> Result<EventOutcome<T>, &'static str> {
    if record.wait_timeout == Some(true) {
        return Ok(EventOutcome::TimedOut);
    }
    let data = BASE64_STANDARD.decode(record.out.as_deref().unwrap_or_default()).map_err(|_| "is not base64")?;
    let data: &[u8] = if data.is_empty() { b"null" } else { &data };
    json_or_text(data).map(EventOutcome::Event).map_err(|_| "is of another type")
}

pub(super) fn read_notified(record: &Record) -> Result<usize, &'static str> {
    let out: Value = serde_json::from_str(record.out.as_deref().ok_or("is missing")?).map_err(|_| "is not JSON")?;
    Ok(out["notifyResponse"].as_array().map_or(0, Vec::len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::{fields::is_id, record::StepKind};

    #[test]
    fn an_event_comes_or_not() {
        let record = Record::new(1, "paid", StepKind::Wait, 1);
        let paid = Record { out: Some("eyJhbW91bnQiOjV9".into()), ..record.clone() };
        assert_eq!(read_event::<Value>(&paid).unwrap().event().unwrap()["amount"], 5);
        assert!(read_event::<u8>(&paid).is_err());
        let late = Record { wait_timeout: Some(true), ..record };
        assert_eq!(read_event::<u8>(&late), Ok(EventOutcome::TimedOut));
        assert!(is_id("order-1_a.b") && !is_id("") && !is_id("a/b"));
    }
}
