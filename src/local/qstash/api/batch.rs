use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, ApiRequest, destination, publish, query::Query, request::MAX_FIELDS, schedules};
use crate::local::qstash::{
    account::{Account, RunFields},
    records::Destination,
    refusal::Refusal,
    text::Target,
};

/// The items of one request.
const MAX_ITEMS: usize = 10_000;

/// An item. The SDKs write what is not set as nothing, as null or as an empty text.
#[derive(Deserialize)]
struct Item {
    destination: String,
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    queue: Option<String>,
}

/// `POST /v2/batch`. An item that is refused leaves the others alone.
pub(super) fn batch(account: &mut Account, now_ms: u64, request: &ApiRequest) -> Result<Answer, Refusal> {
    let items: Vec<Value> = request.json()?;
    if items.len() > MAX_ITEMS {
        return Err(Refusal::invalid(format!("a batch should have at most {MAX_ITEMS} messages")));
    }
    // The messages of a step of a workflow are taken together, or refused together.
    let is_of_run = |item: &Value| of_run(item).is_some();
    let is_together = (items.len() == 1 && items.iter().any(is_of_run)) || items.iter().any(is_of_step);
    let items: Vec<_> = items.into_iter().map(|item| read(request, item)).collect();
    if is_together {
        for item in &items {
            check_for_run(account, now_ms, item)?;
        }
    }
    let answers = items.into_iter().map(|item| {
        let answer = item.and_then(|item| one(account, now_ms, item));
        answer.unwrap_or_else(|refusal| json!({ "error": refusal.text }))
    });
    Ok(Answer::json(answers.collect::<Vec<Value>>()))
}

/// Whether an item is the first of a run, if it is one of a run, although it may not be readable.
fn of_run(item: &Value) -> Option<bool> {
    let headers = item["headers"].as_object()?;
    let field = |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    field("upstash-workflow-runid")?;
    let init = field("upstash-workflow-init").and_then(|(_, value)| value.as_str());
    Some(init.is_some_and(|init| init.eq_ignore_ascii_case("true")))
}

/// Whether an item brings a run further.
fn is_of_step(item: &Value) -> bool {
    of_run(item) == Some(false)
}

/// Refuses an item of a run that cannot be taken. Of others, each is refused by itself.
fn check_for_run(account: &Account, now_ms: u64, item: &Result<Read, Refusal>) -> Result<(), Refusal> {
    match item {
        Ok((own, destination, queue)) => {
            let Some(run) = RunFields::read(&own.fields) else { return Ok(()) };
            let submission = publish::submission(own, destination.clone(), queue.clone());
            account.check_for_run(now_ms, &submission.map_err(Refusal::of_run)?, &run)
        }
        Err(refusal) => Err(refusal.clone().of_run()),
    }
}

type Read = (ApiRequest, Destination, Option<Arc<str>>);

fn one(account: &mut Account, now_ms: u64, (own, destination, queue): Read) -> Result<Value, Refusal> {
    if own.fields.contains_key("upstash-cron") {
        return Ok(schedules::create(account, now_ms, &own, destination)?.body.unwrap_or_default());
    }
    let submission = publish::submission(&own, destination, queue)?;
    Ok(publish::shown(&publish::submit(account, now_ms, &own.fields, submission)?))
}

/// Reads an item: a request of its own, its destination, and its queue.
pub(super) fn read(request: &ApiRequest, item: Value) -> Result<Read, Refusal> {
    let item: Item =
        serde_json::from_value(item).map_err(|error| Refusal::invalid(format!("invalid message: {error}")))?;
    let mut fields = HeaderMap::new();
    let headers = item.headers.unwrap_or_default();
    let target = Target::read(&item.destination);
    if headers.len() > MAX_FIELDS || target.options.len() > MAX_FIELDS {
        return Err(Refusal::invalid(format!("invalid message: there should be at most {MAX_FIELDS} headers")));
    }
    for (name, value) in headers {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
            return Err(Refusal::invalid("invalid message: a header cannot be sent"));
        };
        fields.append(name, value);
    }
    let mut own = ApiRequest {
        method: Method::POST,
        target: String::new(),
        path: Vec::new(),
        query: Query::default(),
        fields,
        body: Bytes::from(item.body.unwrap_or_default()),
        caller_ip: request.caller_ip,
    };
    own.add_options(target.options);
    let destination = destination::checked(target.destination, target.is_url)?;
    let queue: Option<Arc<str>> = item.queue.filter(|queue| !queue.is_empty()).map(Into::into);
    Ok((own, destination, queue))
}
