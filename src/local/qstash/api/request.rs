use std::net::IpAddr;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::query::Query;
use crate::local::{
    http::bearer,
    qstash::{
        message::{Options, TRACE},
        refusal::Refusal,
        text::option,
    },
};

/// The fields that a body sets for one message. A map of them panics when it is full.
pub(super) const MAX_FIELDS: usize = 1_000;

/// The name of the token in a query.
pub(super) const TOKEN: &str = "qstash_token";

/// A request to the API.
#[derive(Debug)]
pub(crate) struct ApiRequest {
    pub(super) method: Method,
    /// The target as it was sent, behind `/v2/`.
    pub(super) target: String,
    /// The path behind `/v2/`, in decoded segments without those that are empty.
    pub(super) path: Vec<String>,
    pub(super) query: Query,
    /// The fields, and the options of the query that are no fields.
    pub(super) fields: HeaderMap,
    pub(super) body: Bytes,
    pub(super) caller_ip: Option<IpAddr>,
}

impl ApiRequest {
    /// `None` if the path does not begin with `/v2/`.
    pub(crate) fn new(
        method: Method,
        uri: &Uri,
        fields: HeaderMap,
        body: Bytes,
        caller_ip: Option<IpAddr>,
    ) -> Option<Self> {
        let whole = uri.path_and_query()?.as_str();
        let target = whole.strip_prefix("/v2/")?.to_owned();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let decoded = |segment| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        let path = path.split('/').filter(|segment| !segment.is_empty()).map(decoded).collect();
        let query_read = Query::read(query);
        let mut request = Self { method, path, query: query_read, fields, body, caller_ip, target: target.clone() };
        let options: Vec<_> = query.split('&').filter_map(option).collect();
        request.add_options(options);
        Some(request)
    }

    /// Adds options of a query. A field of the same name counts instead, and the token is none.
    pub(super) fn add_options(&mut self, options: Vec<(String, String)>) {
        for (name, value) in options.into_iter().filter(|(name, _)| name != TOKEN) {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value))
                && !self.fields.contains_key(&name)
            {
                self.fields.insert(name, value);
            }
        }
    }

    /// The options that a call without a body sets for what was published before. `Content-Type` and trace are the call's own.
    pub(super) fn overrides(&self) -> Result<Options, Refusal> {
        let mut fields = self.fields.clone();
        fields.remove(CONTENT_TYPE);
        for name in TRACE {
            fields.remove(name);
        }
        Options::read(&fields)
    }

    /// The body as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let place = format!("line {} column {}", error.line(), error.column());
            Refusal::invalid(format!("invalid request body at {place}: {:?} error", error.classify()))
        })
    }

    /// The body as JSON, or the default if there is none.
    pub(super) fn json_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Refusal> {
        if self.body.trim_ascii().is_empty() || self.body.trim_ascii() == b"null" {
            Ok(T::default())
        } else {
            self.json()
        }
    }
}

/// The token of a request: of its `Authorization`, or of its query.
pub(crate) fn token(fields: &HeaderMap, uri: &Uri) -> Option<String> {
    if fields.contains_key(AUTHORIZATION) {
        return bearer(fields).map(str::to_owned);
    }
    let mut options = uri.query()?.split('&').filter_map(option);
    options.find(|(name, _)| name == TOKEN).map(|(_, token)| token)
}
