use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, header::CONTENT_TYPE};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

use crate::local::qstash::{
    account::{Account, RunFields, check_step, lists},
    api::{Answer, ApiRequest},
    message::Options,
    records::Waiter,
    refusal::Refusal,
    text::{duration, field_lists},
};

/// `POST /v2/wait/{event}`.
pub(crate) fn wait(account: &mut Account, now_ms: u64, request: &ApiRequest, event: &str) -> Result<Answer, Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wait {
        /// A duration, or seconds.
        timeout: Value,
        step: Value,
        #[serde(default)]
        url: String,
        #[serde(default)]
        timeout_url: String,
        #[serde(default)]
        timeout_headers: BTreeMap<String, Vec<String>>,
    }
    let run = RunFields::read(&request.fields).ok_or_else(|| Refusal::invalid("a wait should be of a workflow run"))?;
    // For endpoints, 400 means that the run has ended.
    let wait: Wait = request.json().map_err(Refusal::of_run)?;
    check_step(&wait.step)?;
    let timeout = wait.timeout.as_str().map_or_else(|| wait.timeout.to_string(), str::to_owned);
    let timeout =
        duration::parse(&timeout).map_err(|error| Refusal::over_quota(format!("invalid timeout: {error}")))?;
    let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    let deadline_ms = now_ms.saturating_add(timeout_ms);
    let timeout_fields = lists(&wait.timeout_headers);
    let fields = of_protocol(&request.fields);
    for fields in [&timeout_fields, &fields] {
        Options::read(fields).map_err(Refusal::of_run)?;
    }
    let waiter = Waiter {
        run: run.id,
        event: event.into(),
        deadline_ms,
        number: 0,
        step: wait.step,
        timeout_url: if wait.timeout_url.is_empty() { wait.url.clone() } else { wait.timeout_url },
        url: wait.url,
        timeout_fields,
        fields,
    };
    account.wait(now_ms, waiter)?;
    Ok(Answer::json(json!({})))
}

/// `POST /v2/notify/{event}`.
pub(crate) fn notify(account: &mut Account, now_ms: u64, request: &ApiRequest, event: &str) -> Answer {
    let told = account.notify(now_ms, event, &request.body);
    let told = told.into_iter().map(|(waiter, id)| {
        json!({"waiter": shown(&waiter), "messageId": id, "deduplicated": false, "workflowRunId": &*waiter.run})
    });
    Answer::json(told.collect::<Vec<Value>>()).with_status(201)
}

/// `POST /v2/notify/{run}/{event}`.
pub(crate) fn notify_run(
    account: &mut Account,
    now_ms: u64,
    request: &ApiRequest,
    run: &str,
    event: &str,
) -> Result<Answer, Refusal> {
    let told = account.notify_run(now_ms, run, event, request.body.clone());
    let message_id = told.ok_or_else(|| Refusal::not_found(format!("workflow run {run} not found")))?;
    Ok(Answer::json(json!({"messageId": message_id, "workflowRunId": run})).with_status(201))
}

/// A call of a webhook, whose knowledge is all that a caller needs.
pub(crate) fn hook(account: &mut Account, now_ms: u64, call: &HookCall, run: &str, event: &str) -> Answer {
    let is_bodiless = call.method == http::Method::GET || call.method == http::Method::HEAD;
    let host = call.fields.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let mut shown = json!({
        "method": call.method.as_str(),
        "header": field_lists(&call.fields),
        "proto": "http",
        "host": host,
        "url": call.target,
    });
    if !is_bodiless {
        shown["body"] = STANDARD.encode(&call.body).into();
    }
    match account.notify_run(now_ms, run, event, shown.to_string().into()) {
        Some(_) => Answer::done(),
        None => Answer::refused(&Refusal::not_found("there is no such webhook")),
    }
}

/// A request to a webhook.
#[derive(Debug)]
pub(crate) struct HookCall {
    pub(crate) method: http::Method,
    /// The path, and the query.
    pub(crate) target: String,
    pub(crate) fields: http::HeaderMap,
    pub(crate) body: Bytes,
}

/// `GET /v2/waiters/{event}`.
pub(crate) fn waiters(account: &Account, event: &str) -> Answer {
    Answer::json(account.waiters(event).iter().map(shown).collect::<Vec<Value>>())
}

fn shown(waiter: &Arc<Waiter>) -> Value {
    json!({
        "url": waiter.url,
        "deadline": waiter.deadline_ms / 1_000,
        "headers": field_lists(&waiter.fields),
        "timeoutUrl": waiter.timeout_url,
        "timeoutHeaders": field_lists(&waiter.timeout_fields),
    })
}

/// The fields of the protocol: those of the request have its token.
fn of_protocol(fields: &HeaderMap) -> HeaderMap {
    let is_shown = |name: &HeaderName| name.as_str().starts_with("upstash-") || name == CONTENT_TYPE;
    fields.iter().filter(|(name, _)| is_shown(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
