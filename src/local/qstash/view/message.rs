use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::object::Object;
use crate::local::qstash::{
    account::Receipt,
    deliver::Outcome,
    dispatch::FlowLimits,
    message::{Callback, Message, Options},
    records::{DeadLetter, Row},
    text::field_lists,
};

/// A message that was accepted.
pub(crate) fn receipt(receipt: &Receipt) -> Value {
    let object = Object::default().with("messageId", receipt.message_id.as_str()).with("url", receipt.url.as_str());
    object.with_some("deduplicated", receipt.is_repetition.then_some(true)).into()
}

/// A message.
pub(crate) fn message(message: &Message) -> Value {
    shown(message).into()
}

/// A dead letter.
pub(crate) fn dead_letter(letter: &DeadLetter) -> Value {
    let outcome = &letter.outcome;
    shown(&letter.message)
        .with("dlqId", letter.id())
        .with("responseStatus", outcome.status)
        .with("responseHeader", json!(field_lists(&outcome.headers)))
        .with_body("responseBody", "responseBodyBase64", response_body(outcome))
        .into()
}

/// A row of the log.
pub(crate) fn row(row: &Row) -> Value {
    let message = &row.message;
    let options = &message.options;
    let body = match options.redaction.as_ref().and_then(|redaction| redaction.body(&message.body)) {
        Some(hidden) => hidden,
        None => STANDARD.encode(&message.body),
    };
    let mut object = place(Object::default(), message)
        .with("time", row.time_ms)
        .with("state", row.state.name())
        .with("messageId", message.id.as_str())
        .with("header", fields(options))
        .with("method", options.method().as_str())
        .with("maxRetries", message.max_retries)
        .with_text("body", &body)
        .with_some("error", row.error.as_deref())
        .with_some("nextDeliveryTime", row.next_delivery_ms)
        .with_some("timeout", options.timeout.map(|timeout| json!(timeout.as_millis() as u64)));
    object = common(object, options)
        .with_some("callbackHeaders", options.callback.as_deref().map(|callback| callback_fields(options, callback)))
        .with_some(
            "failureCallbackHeaders",
            options.failure_callback.as_deref().map(|callback| callback_fields(options, callback)),
        )
        // The Python SDK reads this name.
        .with_some("retryDelayExpr", options.retry_delay.as_ref().map(|expression| expression.text()));
    if let Some(outcome) = &row.outcome {
        let headers = json!(field_lists(&outcome.headers));
        object = object
            .with("responseStatus", outcome.status)
            // The SDKs differ in the name.
            .with("responseHeader", headers.clone())
            .with("responseHeaders", headers)
            .with_text("responseBody", &STANDARD.encode(&outcome.body));
    }
    object.into()
}

fn shown(message: &Message) -> Object {
    let options = &message.options;
    let object = place(Object::default(), message)
        .with("messageId", message.id.as_str())
        .with("method", options.method().as_str())
        .with("header", fields(options))
        .with("maxRetries", message.max_retries)
        .with("notBefore", message.not_before_ms)
        .with("createdAt", message.created_ms)
        .with_some("callbackHeader", options.callback.as_deref().map(|callback| callback_fields(options, callback)))
        .with_some(
            "failureCallbackHeader",
            options.failure_callback.as_deref().map(|callback| callback_fields(options, callback)),
        );
    body(common(object, options), options, &message.body)
}

/// The destination of a message, and its origin.
fn place(object: Object, message: &Message) -> Object {
    let topic = message.topic.as_ref();
    object
        .with("url", message.url.as_str())
        .with_some("topicName", topic.map(|topic| topic.name.as_str()))
        .with_some("endpointName", topic.and_then(|topic| topic.endpoint.as_deref()))
        .with_some("queueName", message.queue.as_deref())
        .with_some("scheduleId", message.schedule_id.as_deref())
        .with_some("callerIP", message.caller_ip.map(|ip| ip.to_string()))
}

/// Options that messages, schedules and rows of the log show alike.
pub(super) fn common(object: Object, options: &Options) -> Object {
    let object = object
        .with_some("callback", options.callback.as_ref().map(|callback| callback.url.as_str()))
        .with_some("failureCallback", options.failure_callback.as_ref().map(|callback| callback.url.as_str()))
        .with_some("retryDelayExpression", options.retry_delay.as_ref().map(|expression| expression.text()))
        .with_some("label", options.labels.first().map(String::as_str));
    let object = if options.labels.is_empty() { object } else { object.with("labels", options.labels.clone()) };
    match &options.flow {
        Some((key, limits)) => flow_limits(object.with("flowControlKey", &**key), limits),
        None => object,
    }
}

fn flow_limits(object: Object, limits: &FlowLimits) -> Object {
    object
        .with_some("parallelism", limits.parallelism)
        .with_some("rate", limits.rate)
        .with("period", limits.period_ms / 1_000)
}

/// The fields that the destination gets, as they are shown.
pub(super) fn fields(options: &Options) -> Value {
    match &options.redaction {
        Some(redaction) => json!(field_lists(&redaction.fields(&options.forwarded))),
        None => json!(field_lists(&options.forwarded)),
    }
}

pub(super) fn body(object: Object, options: &Options, body: &[u8]) -> Object {
    match options.redaction.as_ref().and_then(|redaction| redaction.body(body)) {
        Some(hidden) => object.with("body", hidden),
        None => object.with_body("body", "bodyBase64", body),
    }
}

/// The fields of a callback, which hides what the message or the callback itself hides.
fn callback_fields(options: &Options, callback: &Callback) -> Value {
    let redactions = [&options.redaction, &callback.options.redaction].into_iter().flatten();
    let fields = redactions.fold(callback.options.forwarded.clone(), |fields, redaction| redaction.fields(&fields));
    json!(field_lists(&fields))
}

/// The body of a response, or what was in its place.
fn response_body(outcome: &Outcome) -> &[u8] {
    match &outcome.error {
        Some(error) if outcome.body.is_empty() => error.as_bytes(),
        _ => &outcome.body,
    }
}
