use serde_json::Value;

use super::{Answer, ApiRequest};
use crate::local::qstash::{account::Account, dispatch::FlowChange, refusal::Refusal, text::boolean, view};

/// The longest period of a rate: a week.
const MAX_PERIOD_MS: u64 = 7 * 24 * 3600 * 1_000;

/// `/v2/flowControl`.
pub(super) fn answer(
    account: &mut Account,
    now_ms: u64,
    request: &ApiRequest,
    path: &[&str],
) -> Result<Answer, Refusal> {
    let query = &request.query;
    match (request.method.as_str(), path) {
        ("GET", []) => {
            let search = query.get("search").unwrap_or_default();
            let keys: Vec<_> = account.flow_keys().into_iter().filter(|key| key.contains(search)).collect();
            let infos = keys.iter().filter_map(|key| Some(view::flow(key, &account.flow(now_ms, key)?)));
            Ok(Answer::json(infos.collect::<Vec<Value>>()))
        }
        ("GET", [key]) => {
            let no_key = || Refusal::not_found(format!("flow control key {key} not found"));
            Ok(Answer::json(view::flow(key, &account.flow(now_ms, key).ok_or_else(no_key)?)))
        }
        ("POST", [key, change @ ("pause" | "resume")]) => {
            account.change_flow(now_ms, key, FlowChange::Pause(*change == "pause"))?;
            Ok(Answer::done())
        }
        ("POST", [key, "pin"]) => {
            let (parallelism, rate) = (query.number::<u32>("parallelism")?, query.number::<u32>("rate")?);
            let period_ms = query.number::<u64>("period")?.map(|period| period.saturating_mul(1_000));
            if parallelism.is_none() && rate.is_none() && period_ms.is_none() {
                return Err(Refusal::invalid("at least one of parallelism, rate and period should be given"));
            }
            if parallelism == Some(0) || rate == Some(0) || period_ms == Some(0) {
                return Err(Refusal::invalid("parallelism, rate and period should be at least 1"));
            }
            if period_ms.is_some_and(|period_ms| period_ms > MAX_PERIOD_MS) {
                return Err(Refusal::invalid("period should be at most 604800"));
            }
            account.change_flow(now_ms, key, FlowChange::Pin { parallelism, rate, period_ms })?;
            Ok(Answer::done())
        }
        ("POST", [key, "unpin"]) => {
            let asks = |name| query.get(name).is_some_and(boolean);
            let (parallelism, rate) = (asks("parallelism"), asks("rate"));
            if !parallelism && !rate {
                return Err(Refusal::invalid("at least one of parallelism and rate should be true"));
            }
            account.change_flow(now_ms, key, FlowChange::Unpin { parallelism, rate })?;
            Ok(Answer::done())
        }
        // `reset` is the name from before.
        ("POST", [key, "resetRate" | "reset"]) => {
            account.change_flow(now_ms, key, FlowChange::ResetRate)?;
            Ok(Answer::done())
        }
        (_, [] | [_] | [_, "pause" | "resume" | "pin" | "unpin" | "resetRate" | "reset"]) => {
            Err(Refusal::method(&request.method))
        }
        _ => Err(Refusal::no_endpoint()),
    }
}
