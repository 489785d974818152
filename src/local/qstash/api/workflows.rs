use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

use super::{Answer, ApiRequest, batch, destination, publish};
use crate::local::qstash::{
    account::{Accepted, Account, RunFields, Submission, lists},
    records::{Run, RunState, Waiter},
    refusal::Refusal,
    text::{duration, field_lists},
};

/// `/v2/workflows/...`.
pub(super) fn answer(
    account: &mut Account,
    now_ms: u64,
    request: &ApiRequest,
    rest: &[&str],
) -> Result<Answer, Refusal> {
    match (request.method.as_str(), rest) {
        ("GET", ["runs", id]) => {
            let gone = || Refusal::not_found(format!("workflow run {id} not found"));
            Ok(Answer::json(account.run_entries(id).ok_or_else(gone)?))
        }
        ("DELETE", ["runs", id]) => {
            let is_cancelled = request.query.get("cancel").is_none_or(|value| value != "false");
            let state = if is_cancelled { RunState::Canceled } else { RunState::Success };
            let result = (!is_cancelled).then(|| request.body.clone());
            account.end_run(now_ms, id, state, result);
            Ok(Answer::done())
        }
        ("GET", ["logs" | "events"]) => Ok(logs(account, request)),
        ("GET" | "DELETE" | "POST", ["runs" | "logs" | "events", ..]) => Err(Refusal::method(&request.method)),
        _ => Err(Refusal::no_endpoint()),
    }
}

/// `POST /v2/trigger/{destination}`.
pub(super) fn trigger(account: &mut Account, now_ms: u64, mut request: ApiRequest) -> Result<Answer, Refusal> {
    let destination = destination::take(&mut request, 1)?;
    let submission = publish::submission(&request, destination, None)?;
    Ok(Answer::json(begin(account, now_ms, &request.fields, submission)?))
}

/// `POST /v2/batch/trigger`. An item that is refused leaves the others alone.
pub(super) fn trigger_many(account: &mut Account, now_ms: u64, request: &ApiRequest) -> Result<Answer, Refusal> {
    let items: Vec<Value> = request.json()?;
    let begun = items.into_iter().map(|item| {
        let begun = batch::read(request, item).and_then(|(own, destination, _)| {
            let submission = publish::submission(&own, destination, None)?;
            begin(account, now_ms, &own.fields, submission)
        });
        begun.unwrap_or_else(|refusal| json!({ "error": refusal.text }))
    });
    Ok(Answer::json(begun.collect::<Vec<Value>>()).with_status(201))
}

fn begin(account: &mut Account, now_ms: u64, fields: &HeaderMap, submission: Submission) -> Result<Value, Refusal> {
    let fields = RunFields::of_trigger(fields);
    let accepted = account.submit_to_run(now_ms, submission, &fields)?;
    let is_repetition = matches!(accepted, Accepted::One(receipt) if receipt.is_repetition);
    let created_ms = account.run_created_ms(&fields.id);
    Ok(json!({"workflowRunId": &*fields.id, "workflowCreatedAt": created_ms, "deduplicated": is_repetition}))
}

/// `POST /v2/wait/{event}`.
pub(super) fn wait(account: &mut Account, now_ms: u64, request: &ApiRequest, event: &str) -> Result<Answer, Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wait {
        timeout: String,
        step: Value,
        #[serde(default)]
        timeout_headers: BTreeMap<String, Vec<String>>,
    }
    let wait: Wait = request.json()?;
    let run = RunFields::read(&request.fields).ok_or_else(|| Refusal::invalid("a wait should be of a workflow run"))?;
    let timeout =
        duration::parse(&wait.timeout).map_err(|error| Refusal::invalid(format!("invalid timeout: {error}")))?;
    let fields = lists(&wait.timeout_headers);
    let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    let deadline_ms = now_ms.saturating_add(timeout_ms);
    let waiter = Waiter { run: run.id, event: event.into(), deadline_ms, number: 0, step: wait.step, fields };
    account.wait(now_ms, waiter)?;
    Ok(Answer::json(json!({})))
}

/// `POST /v2/notify/{event}`.
pub(super) fn notify(account: &mut Account, now_ms: u64, request: &ApiRequest, event: &str) -> Answer {
    let told = account.notify(now_ms, event, &request.body);
    let told = told.into_iter().map(|(waiter, id)| {
        json!({"waiter": shown(&waiter), "messageId": id, "deduplicated": false, "workflowRunId": &*waiter.run})
    });
    Answer::json(told.collect::<Vec<Value>>()).with_status(201)
}

/// `POST /v2/notify/{run}/{event}`.
pub(super) fn notify_run(
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
pub(super) fn waiters(account: &Account, event: &str) -> Answer {
    Answer::json(account.waiters(event).iter().map(shown).collect::<Vec<Value>>())
}

fn shown(waiter: &Arc<Waiter>) -> Value {
    json!({"deadline": waiter.deadline_ms / 1_000, "headers": field_lists(&waiter.fields)})
}

fn logs(account: &Account, request: &ApiRequest) -> Answer {
    let id = request.query.get("workflowRunId");
    let runs = account.runs().into_iter().filter(|run| id.is_none_or(|id| *id == *run.start.id));
    let runs: Vec<Value> = runs.map(run).collect();
    Answer::json(json!({"cursor": "", "runs": runs}))
}

fn run(run: &Run) -> Value {
    let mut shown = json!({
        "workflowRunId": &*run.start.id,
        "workflowUrl": run.start.url,
        "workflowState": run.state().name(),
        "workflowRunCreatedAt": run.start.created_ms,
        "labels": run.start.options.labels,
    });
    if let Some(end) = &run.end {
        shown["workflowRunCompletedAt"] = end.time_ms.into();
        if let Some(result) = &end.result {
            shown["workflowRunResponse"] = String::from_utf8_lossy(result).into();
        }
    }
    shown
}
