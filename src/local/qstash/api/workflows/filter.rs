use serde::Deserialize;

use crate::local::qstash::{
    api::{ApiRequest, request::TOKEN},
    records::RunFilter,
    refusal::Refusal,
};

/// Names that filter runs, and their dead letters.
const NAMES: [&str; 24] = [
    "workflowRunId",
    "workflowRunIds",
    "workflowUrl",
    "workflowUrlExactMatch",
    "workflowCreatedAt",
    "workflowRuns",
    "workflowState",
    "state",
    "label",
    "flowControlKey",
    "callerIp",
    "callerIP",
    "failureFunctionState",
    "dlqIds",
    "responseStatus",
    "fromDate",
    "toDate",
    "url",
    "source",
    "count",
    "cursor",
    "order",
    "groupBy",
    "trimBody",
];

/// What some SDKs send as a body, in place of a query.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    workflow_run_ids: Option<Vec<String>>,
    workflow_url: Option<String>,
    dlq_ids: Option<Vec<String>>,
}

/// Reads the filter of runs that a request has.
pub(super) fn read(request: &ApiRequest) -> Result<RunFilter, Refusal> {
    let query = &request.query;
    let both = |one, other| {
        let mut values = query.list(one);
        values.extend(query.list(other));
        values
    };
    let mut urls = query.all("workflowUrl");
    urls.extend(query.all("url"));
    let numbers = |name: &str| -> Result<Vec<u64>, Refusal> {
        let invalid = |_| Refusal::invalid(format!("invalid {name}"));
        query.list(name).iter().map(|value| value.parse().map_err(invalid)).collect()
    };
    let mut runs = Vec::new();
    for pair in query.list("workflowRuns") {
        let (id, created_ms) = pair.split_once('@').unwrap_or((&pair, ""));
        let created_ms = created_ms.parse().map_err(|_| Refusal::invalid("invalid workflowRuns"))?;
        runs.push((id.to_owned(), created_ms));
    }
    let mut response_statuses = Vec::new();
    for status in query.list("responseStatus") {
        response_statuses.push(status.parse().map_err(|_| Refusal::invalid("invalid responseStatus"))?);
    }
    Ok(RunFilter {
        ids: both("workflowRunId", "workflowRunIds"),
        urls,
        is_by_prefix: false,
        created_ms: numbers("workflowCreatedAt")?,
        runs,
        states: both("state", "workflowState"),
        labels: query.list("label"),
        flow_keys: query.list("flowControlKey"),
        caller_ips: both("callerIp", "callerIP"),
        failure_states: query.list("failureFunctionState"),
        dead_letter_ids: query.list("dlqIds"),
        response_statuses,
        from_ms: query.number("fromDate")?,
        to_ms: query.number("toDate")?,
    })
}

/// The filter of a request that changes what it selects. `None` if it selects nothing: an empty list is not all. A name that
/// is misspelt, or has no value, would mean everything, and is refused.
pub(super) fn bulk(request: &ApiRequest) -> Result<Option<RunFilter>, Refusal> {
    let query = &request.query;
    let is_known = |name: &str| NAMES.contains(&name) || name == TOKEN || name.starts_with("upstash-");
    if let Some(unknown) = query.names().find(|name| !is_known(name)) {
        return Err(Refusal::invalid(format!("unknown filter: {unknown}")));
    }
    if let Some(name) = query.empty().find(|name| *name != "cursor" && *name != "count") {
        return Err(Refusal::invalid(format!("invalid {name}: it has no value, and would mean everything")));
    }
    let mut filter = read(request)?;
    let body: Body = request.json_or_default()?;
    let empty = |text: &String| text.trim().is_empty();
    let texts = [&body.workflow_run_ids, &body.dlq_ids].into_iter().flatten().flatten().chain(&body.workflow_url);
    if texts.into_iter().any(empty) {
        return Err(Refusal::invalid("the body has an empty text, which would mean everything"));
    }
    let names_url = body.workflow_url.is_some();
    filter.urls.extend(body.workflow_url);
    for (given, ids) in [(&mut filter.ids, body.workflow_run_ids), (&mut filter.dead_letter_ids, body.dlq_ids)] {
        match ids {
            Some(ids) if ids.is_empty() && !names_url => return Ok(None),
            Some(ids) => given.extend(ids),
            None => {}
        }
    }
    if query.names().next().is_none() && matches!(request.body.trim_ascii(), b"" | b"null" | b"{}") {
        return Err(Refusal::invalid("the request names neither ids nor a filter nor a count"));
    }
    Ok(Some(filter))
}
