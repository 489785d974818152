use serde_json::{Value, json};

use super::{
    message::{body, common, fields},
    object::Object,
};
use crate::local::qstash::{
    dispatch::FlowInfo,
    records::{Destination, Group, Queue, Schedule},
};

/// A queue.
pub(crate) fn queue(queue: &Queue, lag: usize) -> Value {
    json!({
        "name": &*queue.name,
        "parallelism": queue.parallelism,
        "paused": queue.is_paused,
        "createdAt": queue.created_ms,
        "updatedAt": queue.updated_ms,
        "lag": lag,
    })
}

/// A URL group. Its endpoints have these two names alone.
pub(crate) fn group(group: &Group) -> Value {
    let endpoints: Vec<Value> = group
        .endpoints
        .iter()
        .map(|endpoint| {
            Object::default().with_some("name", endpoint.name.as_deref()).with("url", endpoint.url.as_str()).into()
        })
        .collect();
    json!({
        "name": group.name,
        "id": group.id,
        "createdAt": group.created_ms,
        "updatedAt": group.updated_ms,
        "endpoints": endpoints,
    })
}

/// A key of flow control.
pub(crate) fn flow(key: &str, info: &FlowInfo) -> Value {
    json!({
        "flowControlKey": key,
        "waitListSize": info.waiting,
        "parallelismMax": info.limits.parallelism.unwrap_or(0),
        "parallelismCount": info.running,
        "rateMax": info.limits.rate.unwrap_or(0),
        "rateCount": info.count,
        "ratePeriod": info.limits.period_ms / 1_000,
        "ratePeriodStart": info.window_start_ms / 1_000,
        "isPaused": info.is_paused,
        "isPinnedParallelism": info.is_pinned_parallelism,
        "isPinnedRate": info.is_pinned_rate,
    })
}

/// A schedule.
pub(crate) fn schedule(schedule: &Schedule) -> Value {
    let options = &schedule.options;
    let destination = match &schedule.destination {
        Destination::Url(url) => url,
        Destination::Group(name) => name,
    };
    let caller_ip = schedule.caller_ip.map(|ip| ip.to_string());
    let object = Object::default()
        .with("scheduleId", schedule.id.as_str())
        .with("cron", schedule.cron.text())
        .with("destination", destination.as_str())
        .with("createdAt", schedule.created_ms)
        .with("method", options.method().as_str())
        .with("header", fields(options))
        .with("retries", options.retries.unwrap_or(3))
        .with("isPaused", schedule.is_paused)
        .with_some("delay", options.delay.map(|delay| delay.as_secs()))
        .with_some("timeout", options.timeout.map(|timeout| timeout.as_secs()))
        .with_some("queueName", schedule.queue.as_deref())
        // The documentation has both names.
        .with_some("callerIP", caller_ip.clone())
        .with_some("callerIp", caller_ip)
        .with_some("lastScheduleTime", schedule.last_ms)
        .with_some("nextScheduleTime", schedule.next_ms)
        .with_some("error", schedule.error.as_deref())
        .with_some(
            "lastScheduleStates",
            Some(&schedule.last_states).filter(|states| !states.is_empty()).map(|states| json!(states)),
        );
    body(common(object, options), options, &schedule.body).into()
}
