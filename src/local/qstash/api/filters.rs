//! The filters of messages, dead letters and the log.

use serde::Deserialize;

use super::{ApiRequest, request::TOKEN};
use crate::local::qstash::{
    records::{Filter, State},
    refusal::Refusal,
};

/// Names that filter, in every resource.
const COMMON: [&str; 14] = [
    "messageId",
    "messageIds",
    "url",
    "topicName",
    "urlGroup",
    "queueName",
    "scheduleId",
    "fromDate",
    "toDate",
    "label",
    "flowControlKey",
    "callerIp",
    "callerIP",
    "count",
];

/// The ids of a bulk request, which some SDKs send as a body.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Ids {
    message_ids: Option<Vec<String>>,
    dlq_ids: Option<Vec<String>>,
}

/// Reads the filter of a request, whose other names are refused: a misspelt one would mean everything.
pub(super) fn filter(request: &ApiRequest, more: &[&str]) -> Result<Filter, Refusal> {
    let allowed = |name: &str| COMMON.contains(&name) || more.contains(&name) || name == TOKEN;
    if let Some(unknown) = request.query.names().find(|name| !allowed(name) && !name.starts_with("upstash-")) {
        return Err(Refusal::invalid(format!("unknown filter: {unknown}")));
    }
    if let Some(name) = request.query.empty().find(|name| *name != "cursor" && *name != "count") {
        return Err(Refusal::invalid(format!("invalid {name}: it has no value, and would mean everything")));
    }
    read(request)
}

/// The same of the log, in which other names mean nothing.
pub(super) fn read(request: &ApiRequest) -> Result<Filter, Refusal> {
    let query = &request.query;
    let both = |one, other| {
        let mut values = query.list(one);
        values.extend(query.list(other));
        values
    };
    let mut states = Vec::new();
    for name in query.list("state") {
        states.extend(State::named(&name).ok_or_else(|| Refusal::invalid(format!("invalid state: {name}")))?);
    }
    let mut statuses = Vec::new();
    for status in query.list("responseStatus") {
        statuses.push(status.parse().map_err(|_| Refusal::invalid("invalid responseStatus"))?);
    }
    Ok(Filter {
        message_ids: both("messageId", "messageIds"),
        // A URL may have commas.
        urls: query.all("url"),
        hosts: query.list("host"),
        paths: query.all("path"),
        labels: query.list("label"),
        topic_names: both("topicName", "urlGroup"),
        queue_names: query.list("queueName"),
        schedule_ids: query.list("scheduleId"),
        flow_keys: query.list("flowControlKey"),
        caller_ips: both("callerIp", "callerIP"),
        states,
        dead_letter_ids: query.list("dlqIds"),
        response_statuses: statuses,
        from_ms: query.number("fromDate")?,
        to_ms: query.number("toDate")?,
    })
}

/// The filter of a bulk request, whose ids may be in its body. `None` if the body names no ids: an empty list is not all.
pub(super) fn bulk(request: &ApiRequest, more: &[&str]) -> Result<Option<Filter>, Refusal> {
    let mut filter = filter(request, more)?;
    let ids: Ids = request.json_or_default()?;
    for (given, ids) in [(&mut filter.message_ids, ids.message_ids), (&mut filter.dead_letter_ids, ids.dlq_ids)] {
        match ids {
            Some(ids) if ids.is_empty() => return Ok(None),
            Some(ids) => given.extend(ids),
            None => {}
        }
    }
    Ok(Some(filter))
}
