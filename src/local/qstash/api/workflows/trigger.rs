use http::HeaderMap;
use serde_json::{Value, json};

use crate::local::qstash::{
    account::{Accepted, Account, RunFields, Submission},
    api::{Answer, ApiRequest, batch, destination, publish},
    refusal::Refusal,
};

/// `POST /v2/trigger/{destination}`.
pub(crate) fn trigger(account: &mut Account, now_ms: u64, mut request: ApiRequest) -> Result<Answer, Refusal> {
    let destination = destination::take(&mut request, 1)?;
    let submission = publish::submission(&request, destination, None)?;
    Ok(Answer::json(begin(account, now_ms, &request.fields, submission)?))
}

/// `POST /v2/batch/trigger`. An item that is refused leaves the others alone.
pub(crate) fn trigger_many(account: &mut Account, now_ms: u64, request: &ApiRequest) -> Result<Answer, Refusal> {
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
