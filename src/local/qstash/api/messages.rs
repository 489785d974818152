use serde_json::json;

use super::{Answer, ApiRequest, filters};
use crate::local::qstash::{account::Account, records::Filter, refusal::Refusal, view};

/// The most messages that one request cancels by their number.
const MAX_COUNT: usize = 500;

/// `/v2/messages`.
pub(super) fn answer(
    account: &mut Account,
    now_ms: u64,
    request: &ApiRequest,
    path: &[&str],
) -> Result<Answer, Refusal> {
    match (request.method.as_str(), path) {
        ("GET", [id]) => {
            let message = account.message(now_ms, id).ok_or_else(|| no_message(id))?;
            Ok(Answer::json(view::message(&message)))
        }
        ("DELETE", [id]) => {
            if !account.cancel(now_ms, id) {
                return Err(no_message(id));
            }
            Ok(cancelled(1))
        }
        ("DELETE", []) => {
            let Some(filter) = filters::bulk(request, &["host", "path"])? else { return Ok(cancelled(0)) };
            let count = request.query.count(MAX_COUNT)?.unwrap_or(usize::MAX);
            // Ids are meant alone.
            let filter = match filter.message_ids.is_empty() {
                true => filter,
                false => Filter { message_ids: filter.message_ids, ..Filter::default() },
            };
            Ok(cancelled(account.cancel_all(now_ms, &filter, count)))
        }
        (_, [] | [_]) => Err(Refusal::method(&request.method)),
        _ => Err(Refusal::no_endpoint()),
    }
}

fn cancelled(count: usize) -> Answer {
    Answer::json(json!({ "cancelled": count }))
}

fn no_message(id: &str) -> Refusal {
    Refusal::not_found(format!("message {id} not found"))
}
