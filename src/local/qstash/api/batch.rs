use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, ApiRequest, destination, publish, query::Query, request::MAX_FIELDS, schedules};
use crate::local::qstash::{account::Account, records::Destination, refusal::Refusal, text::Target};

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
    let answers = items
        .into_iter()
        .map(|item| one(account, now_ms, request, item).unwrap_or_else(|refusal| json!({ "error": refusal.text })));
    Ok(Answer::json(answers.collect::<Vec<Value>>()))
}

fn one(account: &mut Account, now_ms: u64, request: &ApiRequest, item: Value) -> Result<Value, Refusal> {
    let (own, destination, queue) = read(request, item)?;
    if own.fields.contains_key("upstash-cron") {
        return Ok(schedules::create(account, now_ms, &own, destination)?.body.unwrap_or_default());
    }
    let submission = publish::submission(&own, destination, queue)?;
    Ok(publish::shown(&publish::submit(account, now_ms, &own.fields, submission)?))
}

/// Reads an item: a request of its own, its destination, and its queue.
pub(super) fn read(request: &ApiRequest, item: Value) -> Result<(ApiRequest, Destination, Option<Arc<str>>), Refusal> {
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
