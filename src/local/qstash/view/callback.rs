use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::object::Object;
use crate::local::qstash::{deliver::Outcome, message::Message, text::field_lists};

/// The body of a callback, and of a failure callback if there is a dead letter. The bodies in it are cut so that it has
/// about so many bytes at the most.
pub(crate) fn callback(
    message: &Message,
    outcome: &Outcome,
    retried: u32,
    dead_letter: Option<&str>,
    most: usize,
) -> Vec<u8> {
    callback_value(message, outcome, retried, dead_letter, most).to_string().into_bytes()
}

/// The same as a value.
pub(crate) fn callback_value(
    message: &Message,
    outcome: &Outcome,
    retried: u32,
    dead_letter: Option<&str>,
    most: usize,
) -> Value {
    // Three bytes are four characters of base64.
    let room = most / 4 * 3;
    let body = &outcome.body[..outcome.body.len().min(room)];
    let source_body = &message.body[..message.body.len().min(room - body.len())];
    let topic = message.topic.as_ref();
    Object::default()
        .with("status", outcome.status)
        .with("header", json!(field_lists(&outcome.headers)))
        .with("body", STANDARD.encode(body))
        .with("retried", retried)
        .with("maxRetries", message.max_retries)
        .with("sourceMessageId", message.id.as_str())
        .with_some("topicName", topic.map(|topic| topic.name.as_str()))
        .with_some("endpointName", topic.and_then(|topic| topic.endpoint.as_deref()))
        .with("url", message.url.as_str())
        .with("method", message.options.method().as_str())
        .with("sourceHeader", json!(field_lists(&message.options.forwarded)))
        .with("sourceBody", STANDARD.encode(source_body))
        // As text, which the documentation prints.
        .with("notBefore", message.not_before_ms.to_string())
        .with("createdAt", message.created_ms.to_string())
        .with_some("scheduleId", message.schedule_id.as_deref())
        .with_some("callerIP", message.caller_ip.map(|ip| ip.to_string()))
        .with_some("dlqId", dead_letter)
        .into()
}
