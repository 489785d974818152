use serde_json::{Value, json};

use crate::local::qstash::{message::Options, records::RunError, text::field_lists};

/// An attempt that failed.
pub(super) fn error(options: &Options, error: &RunError) -> Value {
    let outcome = &error.outcome;
    json!({
        "error": outcome.error.clone().unwrap_or_else(|| format!("the status of the response is {}", outcome.status)),
        "body": shown(options, &outcome.body),
        "headers": field_lists(&outcome.headers),
        "status": outcome.status,
        "time": error.time_ms,
    })
}

/// Bytes as text, or what is shown in their place.
pub(super) fn shown(options: &Options, bytes: &[u8]) -> String {
    let hidden = options.redaction.as_ref().and_then(|redaction| redaction.body(bytes));
    hidden.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
}
