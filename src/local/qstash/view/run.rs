use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    attempt::{error, shown},
    dead_letter,
    object::Object,
    steps::groups,
};
use crate::local::qstash::{
    account::Account,
    records::{DeadLetter, FailureCall, FailureState, Run, RunError},
    text::field_lists,
};

/// A run, with its steps.
pub(crate) fn run(account: &Account, run: &Run) -> Value {
    let start = &run.start;
    let options = &start.options;
    let invoker = run.invoker.as_ref().map(|invoker| {
        json!({
            "workflowRunId": &*invoker.run,
            "workflowUrl": invoker.url,
            "workflowRunCreatedAt": account.run_created_ms(&invoker.run),
        })
    });
    let result = run.end.as_ref().and_then(|end| end.result.as_ref());
    let dead_letter = run.dead_letter.and_then(|number| account.numbered_dead_letter(number));
    let object = Object::default()
        .with("workflowRunId", &*start.id)
        .with("workflowUrl", start.url.as_str())
        .with("workflowState", run.state().name())
        .with("workflowRunCreatedAt", start.created_ms)
        .with_some("workflowRunCompletedAt", run.end.as_ref().map(|end| end.time_ms))
        .with_some("workflowRunResponse", result.map(|result| shown(options, result)))
        .with_some("workflowRunCallerIp", start.caller_ip.map(|ip| ip.to_string()))
        .with_some("invoker", invoker)
        .with_some("failureFunction", run.failure.as_ref().map(|call| failure(run, call, dead_letter)))
        .with_some("dlqId", dead_letter.map(|letter| letter.id()))
        .with_some("flowControlKey", options.flow.as_ref().map(|(key, _)| &**key))
        .with_some("label", options.labels.first().map(String::as_str));
    let object = if options.labels.is_empty() { object } else { object.with("labels", options.labels.clone()) };
    object.with("steps", groups(account, run)).into()
}

/// A dead letter of a run.
pub(crate) fn dead_letter_of_run(account: &Account, letter: &DeadLetter) -> Value {
    let mut shown = dead_letter(letter);
    let Ok(run) = account.run_of(letter) else { return shown };
    let start = &run.start;
    shown["workflowRunId"] = (*start.id).into();
    shown["workflowUrl"] = start.url.as_str().into();
    shown["workflowCreatedAt"] = start.created_ms.into();
    if let Some(callback) = &start.options.failure_callback {
        shown["failureCallback"] = callback.url.as_str().into();
    }
    if let Some(call) = &run.failure {
        shown["failureFunctionState"] = call.state.name().into();
        let info = Object::default().with("state", call.state.name());
        shown["failureCallbackInfo"] = answered(info, call).into();
    }
    shown
}

fn failure(run: &Run, call: &FailureCall, dead_letter: Option<&DeadLetter>) -> Value {
    let options = &run.start.options;
    // The last error of the run itself, not of the telling.
    let of_run = |failed: &&Arc<RunError>| run.entries.iter().any(|entry| entry.id == failed.message_id);
    let letter = dead_letter.map(|letter| &letter.outcome);
    let failed = letter.or_else(|| run.errors.iter().rev().find(of_run).map(|failed| &failed.outcome));
    let message = failed.and_then(|failed| {
        let answer: Value = serde_json::from_slice(&failed.body).ok()?;
        Some(shown(options, answer["message"].as_str()?.as_bytes()))
    });
    let errors: Vec<Value> = run
        .errors
        .iter()
        .filter(|failed| failed.message_id == call.message.id)
        .map(|failed| error(options, failed))
        .collect();
    let object = Object::default()
        .with("messageId", call.message.id.as_str())
        .with("url", call.message.url.as_str())
        .with("state", call.state.name())
        .with("failHeaders", json!(failed.map(|failed| field_lists(&failed.headers)).unwrap_or_default()))
        .with("failStatus", failed.map_or(0, |failed| failed.status))
        .with("failResponse", message.or_else(|| failed.map(|failed| shown(options, &failed.body))).unwrap_or_default())
        .with("maxRetries", call.message.max_retries)
        .with_some("dlqId", dead_letter.map(DeadLetter::id));
    let object = if errors.is_empty() { object } else { object.with("errors", errors) };
    answered(object, call).into()
}

/// The last answer to the message that tells a failure, if there is one.
fn answered(object: Object, call: &FailureCall) -> Object {
    match call.outcome.as_ref().filter(|_| call.state != FailureState::InProgress) {
        Some(outcome) => object
            .with("responseStatus", outcome.status)
            .with("responseHeaders", json!(field_lists(&outcome.headers)))
            .with("responseBody", shown(&call.message.options, &outcome.body)),
        None => object,
    }
}
