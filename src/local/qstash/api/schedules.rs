use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::{Answer, ApiRequest, destination};
use crate::local::qstash::{
    account::Account,
    ids,
    message::{Options, text},
    records::{Destination, Schedule},
    refusal::Refusal,
    text::{Cron, check_name},
    view,
};

/// `/v2/schedules`.
pub(super) fn answer(
    account: &mut Account,
    now_ms: u64,
    mut request: ApiRequest,
    path: &[&str],
) -> Result<Answer, Refusal> {
    match (request.method.as_str(), path) {
        ("GET", []) => {
            let schedules = account.schedules().map(|schedule| view::schedule(schedule));
            Ok(Answer::json(schedules.collect::<Vec<Value>>()))
        }
        ("GET", [id]) => {
            let schedule = account.find_schedule(id).ok_or_else(|| no_schedule(id))?;
            Ok(Answer::json(view::schedule(schedule)))
        }
        ("DELETE", [id]) => done(account.remove_schedule(now_ms, id), id),
        ("PATCH", [id, change @ ("pause" | "resume")]) => {
            done(account.pause_schedule(now_ms, id, *change == "pause"), id)
        }
        // The documentation has POST, which means a destination as well.
        ("POST", [id, change @ ("pause" | "resume")])
            if !request.fields.contains_key("upstash-cron") && account.find_schedule(id).is_some() =>
        {
            done(account.pause_schedule(now_ms, id, *change == "pause"), id)
        }
        ("POST", [_, ..]) => {
            let destination = destination::take(&mut request, 1)?;
            create(account, now_ms, &request, destination)
        }
        _ => Err(Refusal::method(&request.method)),
    }
}

/// Makes a schedule for a destination.
pub(super) fn create(
    account: &mut Account,
    now_ms: u64,
    request: &ApiRequest,
    destination: Destination,
) -> Result<Answer, Refusal> {
    let field = |name| text(&request.fields, name);
    let cron = Cron::parse(field("upstash-cron")?.unwrap_or_default());
    let cron = cron.map_err(|error| Refusal::invalid(error.to_string()))?;
    let id = match field("upstash-schedule-id")?.filter(|id| !id.is_empty()) {
        Some(id) => {
            check_name(id).map_err(|error| Refusal::invalid(format!("invalid schedule id: {error}")))?;
            id.to_owned()
        }
        None => ids::schedule_id(),
    };
    let queue = field("upstash-queue-name")?.filter(|name| !name.is_empty());
    if let Some(name) = queue {
        check_name(name).map_err(|error| Refusal::invalid(format!("invalid queue name: {error}")))?;
    }
    let schedule = Schedule {
        id,
        next_ms: cron.next_after(now_ms),
        cron,
        destination,
        options: Arc::new(Options::read(&request.fields)?),
        body: request.body.clone(),
        queue: queue.map(Into::into),
        caller_ip: request.caller_ip,
        is_paused: false,
        created_ms: now_ms,
        last_ms: None,
        last_states: BTreeMap::new(),
        error: None,
    };
    let deduplication = Options::deduplication(&request.fields)?;
    let (id, is_repetition) = account.schedule(now_ms, schedule, deduplication.as_ref())?;
    if is_repetition {
        return Ok(Answer::json(json!({ "scheduleId": id, "deduplicated": true })).with_status(202));
    }
    Ok(Answer::json(json!({ "scheduleId": id })))
}

fn done(was_there: bool, id: &str) -> Result<Answer, Refusal> {
    if was_there { Ok(Answer::done()) } else { Err(no_schedule(id)) }
}

fn no_schedule(id: &str) -> Refusal {
    Refusal::not_found(format!("schedule {id} not found"))
}
