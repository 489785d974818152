use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use super::{Answer, ApiRequest, request::MAX_FIELDS};
use crate::local::qstash::{account::Account, records::Endpoint, refusal::Refusal, view};

#[derive(Deserialize)]
struct Endpoints {
    endpoints: Vec<NamedEndpoint>,
}

#[derive(Deserialize)]
struct NamedEndpoint {
    name: Option<String>,
    url: Option<String>,
}

#[derive(Deserialize)]
struct Defaults {
    headers: BTreeMap<String, OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// `/v2/topics`.
pub(super) fn answer(
    account: &mut Account,
    now_ms: u64,
    request: &ApiRequest,
    path: &[&str],
) -> Result<Answer, Refusal> {
    match (request.method.as_str(), path) {
        ("GET", []) => Ok(Answer::json(account.groups().map(view::group).collect::<Vec<Value>>())),
        ("GET", [name]) => {
            let no_group = || Refusal::not_found(format!("url group {name} not found"));
            Ok(Answer::json(view::group(account.group(name).ok_or_else(no_group)?)))
        }
        ("DELETE", [name]) => {
            account.remove_group(now_ms, name);
            Ok(Answer::done())
        }
        ("PATCH", [name]) => {
            account.set_group_defaults(now_ms, name, defaults(request.json()?)?)?;
            Ok(Answer::done())
        }
        ("POST", [name, "endpoints"]) => {
            let added: Endpoints = request.json()?;
            let added = added.endpoints.into_iter().map(|NamedEndpoint { name, url }| {
                let url = url.ok_or_else(|| Refusal::invalid("invalid endpoint: it has no url"))?;
                Ok(Endpoint { name: name.filter(|name| !name.is_empty()), url })
            });
            account.add_endpoints(now_ms, name, added.collect::<Result<_, Refusal>>()?)?;
            Ok(Answer::done())
        }
        ("DELETE", [name, "endpoints"]) => {
            let removed: Endpoints = request.json()?;
            let removed: Vec<_> = removed.endpoints.into_iter().map(|endpoint| (endpoint.name, endpoint.url)).collect();
            account.remove_endpoints(now_ms, name, &removed)?;
            Ok(Answer::done())
        }
        (_, [] | [_] | [_, "endpoints"]) => Err(Refusal::method(&request.method)),
        _ => Err(Refusal::no_endpoint()),
    }
}

fn defaults(given: Defaults) -> Result<HeaderMap, Refusal> {
    let mut fields = HeaderMap::new();
    for (name, values) in given.headers {
        let values = match values {
            OneOrMany::One(value) => vec![value],
            OneOrMany::Many(values) => values,
        };
        let name =
            HeaderName::try_from(name).map_err(|_| Refusal::invalid("invalid headers: a name cannot be sent"))?;
        for value in values {
            if fields.len() == MAX_FIELDS {
                return Err(Refusal::invalid(format!("invalid headers: there should be at most {MAX_FIELDS}")));
            }
            let value = HeaderValue::try_from(value);
            fields
                .append(name.clone(), value.map_err(|_| Refusal::invalid("invalid headers: a value cannot be sent"))?);
        }
    }
    Ok(fields)
}
