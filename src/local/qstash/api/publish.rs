use std::sync::Arc;

use http::HeaderMap;
use serde_json::Value;

use super::{Answer, ApiRequest, destination, schedules};
use crate::local::qstash::{
    account::{Accepted, Account, RunFields, Submission},
    message::Options,
    records::Destination,
    refusal::Refusal,
    view,
};

/// `POST /v2/publish/{destination}`.
pub(super) fn publish(account: &mut Account, now_ms: u64, mut request: ApiRequest) -> Result<Answer, Refusal> {
    let destination = destination::take(&mut request, 1)?;
    if request.fields.contains_key("upstash-cron") {
        // The older form of a schedule.
        return schedules::create(account, now_ms, &request, destination);
    }
    let submission = submission(&request, destination, None);
    let submission = if is_of_run(&request.fields) { submission.map_err(Refusal::of_run)? } else { submission? };
    Ok(answer(&submit(account, now_ms, &request.fields, submission)?))
}

/// `POST /v2/enqueue/{queue}/{destination}`.
pub(super) fn enqueue(account: &mut Account, now_ms: u64, mut request: ApiRequest) -> Result<Answer, Refusal> {
    let queue: Arc<str> = request.path[1].as_str().into();
    let destination = destination::take(&mut request, 2)?;
    let accepted = account.submit(now_ms, submission(&request, destination, Some(queue))?)?;
    Ok(answer(&accepted))
}

/// Whether a message is one of a run.
pub(super) fn is_of_run(fields: &HeaderMap) -> bool {
    fields.contains_key("upstash-workflow-runid")
}

/// Hands a message over, to the run of a workflow if it is of one.
pub(super) fn submit(
    account: &mut Account,
    now_ms: u64,
    fields: &HeaderMap,
    submission: Submission,
) -> Result<Accepted, Refusal> {
    match RunFields::read(fields) {
        Some(run) => account.submit_to_run(now_ms, submission, &run),
        None => account.submit(now_ms, submission),
    }
}

/// The message of a request.
pub(super) fn submission(
    request: &ApiRequest,
    destination: Destination,
    queue: Option<Arc<str>>,
) -> Result<Submission, Refusal> {
    Ok(Submission {
        destination,
        options: Arc::new(Options::read(&request.fields)?),
        deduplication: Options::deduplication(&request.fields)?,
        body: request.body.clone(),
        caller_ip: request.caller_ip,
        queue,
        topic: None,
        schedule_id: None,
    })
}

/// The answer to a message that was accepted: 202 for a repetition.
fn answer(accepted: &Accepted) -> Answer {
    let is_repetition = matches!(accepted, Accepted::One(receipt) if receipt.is_repetition);
    Answer::json(shown(accepted)).with_status(if is_repetition { 202 } else { 200 })
}

pub(super) fn shown(accepted: &Accepted) -> Value {
    match accepted {
        Accepted::One(receipt) => view::receipt(receipt),
        Accepted::Many(receipts) => receipts.iter().map(view::receipt).collect(),
    }
}
