use serde_json::{Value, json};

use super::{filter, letters};
use crate::local::qstash::{
    account::Account,
    api::{Answer, ApiRequest},
    records::{RunFilter, RunState},
    refusal::Refusal,
    text::boolean,
    view,
};

/// The runs of a page, by default and at the most.
const PAGE: usize = 10;
/// The runs that one request cancels, by default.
const CANCELLED: usize = 100;

/// `/v2/workflows/...`.
pub(crate) fn answer(
    account: &mut Account,
    now_ms: u64,
    request: &ApiRequest,
    rest: &[&str],
) -> Result<Answer, Refusal> {
    match (request.method.as_str(), rest) {
        ("GET", ["runs", id]) => Ok(Answer::json_text(account.run_entries(id).ok_or_else(|| gone(id))?)),
        ("DELETE", ["runs", id]) => {
            let is_cancelled = request.query.get("cancel").is_none_or(|value| value != "false");
            let (state, result) = match is_cancelled {
                true => (RunState::Canceled, None),
                false => (RunState::Success, Some(request.body.clone())),
            };
            account.end_run(now_ms, id, state, result);
            // That of a run that ended long ago is repeated, and has to be well.
            if is_cancelled && account.run(id).is_none() {
                return Err(gone(id));
            }
            Ok(Answer::done())
        }
        ("DELETE", ["runs"]) => cancel(account, now_ms, request),
        ("GET", ["logs" | "events"]) => logs(account, request),
        (_, ["dlq", rest @ ..]) => letters::answer(account, now_ms, request, rest),
        ("GET" | "DELETE" | "POST", ["runs" | "logs" | "events", ..]) => Err(Refusal::method(&request.method)),
        _ => Err(Refusal::no_endpoint()),
    }
}

fn gone(id: &str) -> Refusal {
    Refusal::not_found(format!("workflow run {id} not found"))
}

fn cancel(account: &mut Account, now_ms: u64, request: &ApiRequest) -> Result<Answer, Refusal> {
    let Some(filter) = filter::bulk(request)? else { return Ok(cancelled(0)) };
    let exact = request.query.get("workflowUrlExactMatch").is_some_and(boolean);
    let (filter, count) = match &filter.ids[..] {
        [] => (RunFilter { is_by_prefix: !exact, ..filter }, request.query.number("count")?.unwrap_or(CANCELLED)),
        // Ids are meant alone.
        _ => (RunFilter { ids: filter.ids, ..RunFilter::default() }, usize::MAX),
    };
    Ok(cancelled(account.cancel_runs(now_ms, &filter, count)))
}

fn cancelled(count: usize) -> Answer {
    Answer::json(json!({ "cancelled": count }))
}

fn logs(account: &Account, request: &ApiRequest) -> Result<Answer, Refusal> {
    let mut filter = filter::read(request)?;
    if !filter.runs.is_empty() {
        // They are meant alone.
        let ids = filter.runs.iter().map(|(id, _)| id.clone()).collect();
        filter = RunFilter { ids, runs: filter.runs, ..RunFilter::default() };
    }
    let count = request.query.number::<usize>("count")?.unwrap_or(PAGE).clamp(1, PAGE);
    let invalid = || Refusal::invalid("invalid cursor");
    let after = request.query.get("cursor").map(|cursor| {
        let (created_ms, id) = cursor.split_once('-')?;
        Some((created_ms.parse().ok()?, id))
    });
    let after = after.map(|after| after.ok_or_else(invalid)).transpose()?;
    let (runs, cursor) = account.runs(&filter, after, count);
    let runs: Vec<Value> = runs.into_iter().map(|run| view::run(account, run)).collect();
    Ok(Answer::json(json!({ "runs": runs })).with_cursor(cursor))
}
