use std::sync::Arc;

use serde_json::{Value, json};

use super::{Answer, ApiRequest, filters, workflows};
use crate::local::qstash::{
    account::Account,
    records::{DeadLetter, Filter},
    refusal::Refusal,
    view,
};

const MAX_COUNT: usize = 100;
/// Names that filter dead letters, beside those that filter all.
const MORE: [&str; 4] = ["cursor", "responseStatus", "dlqIds", "order"];

/// `/v2/dlq`.
pub(super) fn answer(
    account: &mut Account,
    now_ms: u64,
    request: &ApiRequest,
    path: &[&str],
) -> Result<Answer, Refusal> {
    match (request.method.as_str(), path) {
        ("GET", []) if request.query.get("source").is_some_and(|source| source == "workflow") => {
            workflows::letters(account, request)
        }
        ("GET", []) => {
            let filter = filters::filter(request, &MORE)?;
            let (letters, cursor) = page(account, request, &filter)?;
            let letters: Vec<Value> = letters.iter().map(|letter| view::dead_letter(letter)).collect();
            Ok(Answer::json(json!({ "messages": letters })).with_cursor(cursor))
        }
        ("GET", [id]) => Ok(Answer::json(view::dead_letter(find(account, id)?))),
        ("DELETE", [id]) => {
            let number = find(account, id)?.number;
            account.remove_dead_letter(now_ms, number);
            Ok(Answer::done())
        }
        ("DELETE", []) => {
            let Some(filter) = filters::bulk(request, &MORE)? else { return Ok(Answer::json(json!({ "deleted": 0 }))) };
            let (letters, cursor) = page(account, request, &filter)?;
            for letter in &letters {
                account.remove_dead_letter(now_ms, letter.number);
            }
            Ok(Answer::json(json!({ "deleted": letters.len() })).with_cursor(cursor))
        }
        ("POST", ["retry", id]) => {
            let letter = Arc::clone(find(account, id)?);
            if letter.message.place().is_some() {
                return Err(Refusal::invalid("the message is one of a workflow run, which is resumed or restarted"));
            }
            let receipt = account.revive(now_ms, &letter, &request.overrides()?)?;
            Ok(Answer::json(view::receipt(&receipt)).with_status(201))
        }
        ("POST", ["retry"]) => retry(account, now_ms, request),
        (_, [] | [_] | ["retry", _]) => Err(Refusal::method(&request.method)),
        _ => Err(Refusal::no_endpoint()),
    }
}

/// Publishes dead letters again. Unlike a filter, ids have to be there.
fn retry(account: &mut Account, now_ms: u64, request: &ApiRequest) -> Result<Answer, Refusal> {
    let over = request.overrides()?;
    let Some(filter) = filters::bulk(request, &MORE)? else {
        return Ok(Answer::json(json!({ "responses": [], "cursor": "" })).with_status(201));
    };
    for id in &filter.dead_letter_ids {
        find(account, id)?;
    }
    let (letters, cursor) = page(account, request, &filter)?;
    let (mut responses, mut cursor): (Vec<Value>, _) = (Vec::new(), cursor.unwrap_or_default());
    let mut last = None;
    for letter in &letters {
        match account.revive(now_ms, letter, &over) {
            Ok(receipt) => responses.push(view::receipt(&receipt)),
            Err(refusal) => match last {
                None => return Err(refusal),
                // Those before it are published: the caller goes on with the others.
                Some(id) => {
                    cursor = id;
                    break;
                }
            },
        }
        last = Some(letter.id());
    }
    // The service sends an empty cursor here, and none elsewhere.
    Ok(Answer::json(json!({ "responses": responses, "cursor": cursor })).with_status(201))
}

fn page(
    account: &Account,
    request: &ApiRequest,
    filter: &Filter,
) -> Result<(Vec<Arc<DeadLetter>>, Option<String>), Refusal> {
    let count = request.query.count(MAX_COUNT)?.unwrap_or(MAX_COUNT);
    Ok(account.dead_letters(filter, request.query.cursor()?, count))
}

fn find<'a>(account: &'a Account, id: &str) -> Result<&'a Arc<DeadLetter>, Refusal> {
    account.dead_letter(id).ok_or_else(|| Refusal::not_found(format!("dlq message {id} not found")))
}
