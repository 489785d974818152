use serde::Deserialize;
use serde_json::Value;

use super::{Answer, ApiRequest};
use crate::local::qstash::{account::Account, refusal::Refusal, view};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Upsert {
    queue_name: String,
    parallelism: Option<u32>,
    paused: Option<bool>,
}

/// `/v2/queues`.
pub(super) fn answer(
    account: &mut Account,
    now_ms: u64,
    request: &ApiRequest,
    path: &[&str],
) -> Result<Answer, Refusal> {
    match (request.method.as_str(), path) {
        ("GET", []) => {
            let queues = account.queues().map(|queue| view::queue(queue, account.queue_lag(&queue.name)));
            Ok(Answer::json(queues.collect::<Vec<Value>>()))
        }
        ("POST", []) => {
            let upsert: Upsert = request.json()?;
            account.set_queue(now_ms, &upsert.queue_name, upsert.parallelism, upsert.paused)?;
            Ok(Answer::done())
        }
        ("GET", [name]) => {
            let queue = account.queue(name).ok_or_else(|| no_queue(name))?;
            Ok(Answer::json(view::queue(queue, account.queue_lag(name))))
        }
        ("DELETE", [name]) => {
            account.remove_queue(now_ms, name);
            Ok(Answer::done())
        }
        ("POST", [name, change @ ("pause" | "resume")]) => {
            if account.queue(name).is_none() {
                return Err(no_queue(name));
            }
            account.set_queue(now_ms, name, None, Some(*change == "pause"))?;
            Ok(Answer::done())
        }
        (_, [] | [_] | [_, "pause" | "resume"]) => Err(Refusal::method(&request.method)),
        _ => Err(Refusal::no_endpoint()),
    }
}

fn no_queue(name: &str) -> Refusal {
    Refusal::not_found(format!("queue {name} not found"))
}
