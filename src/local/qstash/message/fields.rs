//! The fields of a request, sorted by what they are for.

use http::{HeaderMap, HeaderName, HeaderValue, header};

const CALLBACK: &str = "upstash-callback-";
const FAILURE_CALLBACK: &str = "upstash-failure-callback-";
const FORWARD: &str = "upstash-forward-";
const HEADER_FORWARD: &str = "upstash-header-forward";

/// Fields of Trace Context, which every hop carries on.
pub(crate) const TRACE: [&str; 2] = ["traceparent", "tracestate"];

/// Fields that belong to one connection, or to the call of this server, and never travel on.
const NOT_FORWARDED: [HeaderName; 12] = [
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE, // has a rule of its own
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::USER_AGENT,
];

/// The fields of a request that publishes.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// Options, `Upstash-*`.
    pub(crate) options: HeaderMap,
    /// The fields that the destination gets.
    pub(crate) forwarded: HeaderMap,
    /// The same of the callback and of the failure callback.
    pub(crate) callback: HeaderMap,
    pub(crate) failure_callback: HeaderMap,
}

impl Fields {
    /// Sorts the fields of a request.
    pub(crate) fn sorted(request: &HeaderMap) -> Self {
        let mut fields = Self::default();
        let forwards_all =
            request.get(HEADER_FORWARD).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
        for (name, value) in request {
            if let Some(rest) = name.as_str().strip_prefix(FAILURE_CALLBACK) {
                add(&mut fields.failure_callback, &format!("upstash-{rest}"), value);
            } else if let Some(rest) = name.as_str().strip_prefix(CALLBACK) {
                add(&mut fields.callback, &format!("upstash-{rest}"), value);
            } else if let Some(rest) = name.as_str().strip_prefix(FORWARD) {
                add(&mut fields.forwarded, rest, value);
            } else if name == header::CONTENT_TYPE {
                fields.forwarded.insert(name, value.clone());
            } else if name.as_str().starts_with("upstash-") {
                fields.options.append(name, value.clone());
            } else if forwards_all && !NOT_FORWARDED.contains(name) {
                fields.forwarded.append(name, value.clone());
            }
        }
        for name in TRACE {
            if let Some(value) = request.get(name).filter(|_| !fields.forwarded.contains_key(name)) {
                fields.forwarded.insert(name, value.clone());
            }
        }
        fields
    }
}

/// The fields of `over`, and those of `under` whose names `over` does not have.
pub(crate) fn merged(under: &HeaderMap, over: &HeaderMap) -> HeaderMap {
    let mut merged = over.clone();
    for (name, value) in under {
        if !over.contains_key(name) {
            merged.append(name, value.clone());
        }
    }
    merged
}

/// A name of nothing is no field: `Upstash-Forward-: x`.
fn add(fields: &mut HeaderMap, name: &str, value: &HeaderValue) {
    if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
        fields.append(name, value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn each_field_goes_to_what_it_is_for() {
        let request = map(&[
            ("authorization", "Bearer token"),
            ("content-type", "text/plain"),
            ("upstash-retries", "3"),
            ("upstash-forward-authorization", "Bearer mine"),
            ("upstash-forward-", "nothing"),
            ("upstash-callback", "https://c.example"),
            ("upstash-callback-retries", "1"),
            ("upstash-callback-forward-x", "c"),
            ("upstash-failure-callback-method", "PUT"),
            ("x-other", "stays"),
            ("traceparent", "00-1-2-01"),
            ("upstash-forward-tracestate", "a=1"),
            ("tracestate", "b=2"),
        ]);
        let fields = Fields::sorted(&request);
        assert_eq!(fields.options, map(&[("upstash-retries", "3"), ("upstash-callback", "https://c.example")]));
        let forwarded = [
            ("content-type", "text/plain"),
            ("authorization", "Bearer mine"),
            ("traceparent", "00-1-2-01"),
            ("tracestate", "a=1"),
        ];
        assert_eq!(fields.forwarded, map(&forwarded));
        assert_eq!(fields.callback, map(&[("upstash-retries", "1"), ("upstash-forward-x", "c")]));
        assert_eq!(fields.failure_callback, map(&[("upstash-method", "PUT")]));
    }

    #[test]
    fn all_fields_are_forwarded_if_asked_for() {
        let request = map(&[
            ("upstash-header-forward", "true"),
            ("authorization", "Bearer token"),
            ("host", "qstash"),
            ("x-other", "goes"),
            ("traceparent", "00-1-2-01"),
        ]);
        assert_eq!(Fields::sorted(&request).forwarded, map(&[("x-other", "goes"), ("traceparent", "00-1-2-01")]));
    }
}
