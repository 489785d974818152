use std::sync::Arc;

use serde_json::{Value, json};

use super::filter;
use crate::local::qstash::{
    account::{Account, Revival},
    api::{Answer, ApiRequest},
    records::{DeadLetter, RunFilter, RunStart},
    refusal::Refusal,
    view,
};

const MAX_COUNT: usize = 100;
/// The runs that one request restarts.
const MAX_RESTARTED: usize = 50;

/// `/v2/workflows/dlq/...`.
pub(super) fn answer(
    account: &mut Account,
    now_ms: u64,
    request: &ApiRequest,
    path: &[&str],
) -> Result<Answer, Refusal> {
    match (request.method.as_str(), path) {
        ("GET", []) => list(account, request),
        ("GET", [id]) => Ok(Answer::json(view::dead_letter_of_run(account, &*find(account, id)?))),
        ("DELETE", [id]) => {
            let number = find(account, id)?.number;
            account.remove_dead_letter(now_ms, number);
            Ok(Answer::done())
        }
        ("DELETE", []) => {
            let Some(filter) = filter::bulk(request)? else { return Ok(Answer::json(json!({ "deleted": 0 }))) };
            let (letters, cursor) = page(account, request, &filter, MAX_COUNT)?;
            for letter in &letters {
                account.remove_dead_letter(now_ms, letter.number);
            }
            Ok(Answer::json(json!({ "deleted": letters.len(), "cursor": cursor.unwrap_or_default() })))
        }
        ("POST", ["resume"]) => revive_all(account, now_ms, request, Revival::Resume),
        ("POST", ["restart"]) => revive_all(account, now_ms, request, Revival::Restart),
        ("POST", ["resume", id]) => revive(account, now_ms, request, id, Revival::Resume),
        ("POST", ["restart", id]) => revive(account, now_ms, request, id, Revival::Restart),
        ("POST", ["callback", id]) => {
            let letter = find(account, id)?;
            Ok(Answer::json(begun(&*account.retell_failure(now_ms, &letter)?)))
        }
        ("DELETE", ["callback", id]) => {
            let letter = find(account, id)?;
            account.cancel_failure(now_ms, &letter)?;
            Ok(Answer::done())
        }
        (_, [] | [_] | ["resume" | "restart" | "callback", _]) => Err(Refusal::method(&request.method)),
        _ => Err(Refusal::no_endpoint()),
    }
}

/// `GET /v2/workflows/dlq`, which the SDKs call `/v2/dlq?source=workflow`.
pub(crate) fn list(account: &Account, request: &ApiRequest) -> Result<Answer, Refusal> {
    let (letters, cursor) = page(account, request, &filter::read(request)?, MAX_COUNT)?;
    let letters: Vec<Value> = letters.iter().map(|letter| view::dead_letter_of_run(account, letter)).collect();
    Ok(Answer::json(json!({ "messages": letters })).with_cursor(cursor))
}

fn revive(account: &mut Account, now_ms: u64, request: &ApiRequest, id: &str, how: Revival) -> Result<Answer, Refusal> {
    let (letter, over) = (find(account, id)?, request.overrides()?);
    let start = account.revive_run(now_ms, &letter, &over, how)?;
    Ok(Answer::json(begun(&start)))
}

/// Unlike a filter, ids have to be there.
fn revive_all(account: &mut Account, now_ms: u64, request: &ApiRequest, how: Revival) -> Result<Answer, Refusal> {
    let over = request.overrides()?;
    let nothing = || Answer::json(json!({ "workflowRuns": [], "cursor": "" }));
    let Some(filter) = filter::bulk(request)? else { return Ok(nothing()) };
    for id in &filter.dead_letter_ids {
        find(account, id)?;
    }
    let most = if how == Revival::Restart { MAX_RESTARTED } else { MAX_COUNT };
    let (letters, mut cursor) = page(account, request, &filter, most)?;
    let mut runs = Vec::new();
    for letter in &letters {
        match account.revive_run(now_ms, letter, &over, how) {
            Ok(start) => runs.push(begun(&start)),
            Err(refusal) if runs.is_empty() => return Err(refusal),
            // Those before it go on: the caller goes on with the others.
            Err(_) => {
                cursor = Some(letter.id());
                break;
            }
        }
    }
    Ok(Answer::json(json!({ "workflowRuns": runs, "cursor": cursor.unwrap_or_default() })))
}

fn begun(start: &RunStart) -> Value {
    json!({ "workflowRunId": &*start.id, "workflowCreatedAt": start.created_ms })
}

fn page(
    account: &Account,
    request: &ApiRequest,
    filter: &RunFilter,
    most: usize,
) -> Result<(Vec<Arc<DeadLetter>>, Option<String>), Refusal> {
    let count = request.query.count(MAX_COUNT)?.unwrap_or(most).min(most);
    Ok(account.letters_of_runs(filter, request.query.cursor()?, count))
}

fn find(account: &Account, id: &str) -> Result<Arc<DeadLetter>, Refusal> {
    let letter = account.dead_letter(id).filter(|letter| account.run_of(letter).is_ok());
    letter.cloned().ok_or_else(|| Refusal::not_found(format!("dlq message {id} not found")))
}
