//! What a request to an endpoint is, by its headers.

use super::{error::Failure, fields, fields::PROTOCOL, run::Run, versions};
use crate::rt::random_id;
use http::{HeaderMap, HeaderName};

/// The kinds of requests that reach an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A request by an application: it begins a run.
    Begin,
    /// The first delivery of a run that was begun without an SDK.
    UnknownSdk,
    /// The answer to a call that QStash made.
    CallResult,
    /// The run has failed.
    Failure,
    /// A step.
    Step,
}

/// Tells the kind of a request, and the run that it is of.
pub(super) fn classify(headers: &HeaderMap, url: &str) -> Result<(Kind, Run), Failure> {
    let text = |name: &HeaderName| fields::text(headers, name);
    let is_true = |name: &HeaderName| text(name) == Some("true");
    let number = |name: &HeaderName| text(name).and_then(|text| text.parse().ok());
    let kind = if is_true(&fields::FAILURE_CALLBACK) {
        Kind::Failure
    } else if is_true(&fields::CALLBACK) {
        Kind::CallResult
    } else if is_true(&fields::UNKNOWN_SDK) {
        Kind::UnknownSdk
    } else if let Some(version) = headers.get(fields::SDK_VERSION) {
        if version.as_bytes() != PROTOCOL.as_bytes() {
            return Err(Failure::of_endpoint(format!("the version of the workflow protocol is not {PROTOCOL}")));
        }
        Kind::Step
    } else {
        Kind::Begin
    };
    let id = match (text(&fields::RUN_ID), &kind) {
        (_, Kind::Begin) => {
            let random = random_id::<16>().map_err(|_| Failure::of_endpoint("there is no randomness"))?;
            format!("wfr_{random}")
        }
        (Some(id), _) if id.len() <= 256 && fields::is_id(id) => id.to_owned(),
        _ => return Err(Failure::of_endpoint("the request has no workflow run id")),
    };
    let (url, version) = versions::split(url);
    let run = Run {
        id,
        url,
        version,
        headers: of_user(headers),
        retried: number(&fields::RETRIED).unwrap_or(0),
        labels: text(&fields::LABEL)
            .map(|text| text.split(',').map(|label| label.trim().to_owned()).collect())
            .unwrap_or_default(),
        created_at: text(&fields::CREATED_AT).and_then(|text| text.parse().ok()),
        invoke_count: number(&fields::INVOKE_COUNT).unwrap_or(0),
    };
    Ok((kind, run))
}

/// The headers that the run was triggered with: not those of the protocol, of the platform and of the connection.
fn of_user(headers: &HeaderMap) -> HeaderMap {
    let is_users = |name: &HeaderName| {
        let name = name.as_str();
        let is_platform = ["x-vercel-", "x-forwarded-"].iter().any(|prefix| name.starts_with(prefix))
            || [
                "cf-connecting-ip",
                "cdn-loop",
                "cf-ew-via",
                "cf-ray",
                "render-proxy-ttl",
                "host",
                "connection",
                "content-length",
                "content-type",
                "transfer-encoding",
                "user-agent",
                "accept",
                "accept-encoding",
            ]
            .contains(&name);
        !(name.starts_with("upstash-") || is_platform)
    };
    headers.iter().filter(|(name, _)| is_users(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_request_is_known_by_its_headers() {
        let id = ("upstash-workflow-runid", "wfr_1");
        for (pairs, expected) in [
            (vec![], Some(Kind::Begin)),
            (vec![id], Some(Kind::Begin)),
            (vec![id, ("upstash-workflow-sdk-version", "1")], Some(Kind::Step)),
            (vec![("upstash-workflow-sdk-version", "1")], None),
            (vec![("upstash-workflow-runid", "../runs"), ("upstash-workflow-sdk-version", "1")], None),
            (vec![id, ("upstash-workflow-sdk-version", "2")], None),
            (vec![id, ("upstash-workflow-callback", "true")], Some(Kind::CallResult)),
            (vec![id, ("upstash-workflow-unknown-sdk", "true")], Some(Kind::UnknownSdk)),
            (
                vec![id, ("upstash-workflow-failure-callback", "true"), ("upstash-workflow-is-failure", "true")],
                Some(Kind::Failure),
            ),
        ] {
            let kind = classify(&headers(&pairs), "").ok().map(|(kind, _)| kind);
            assert_eq!(kind, expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_run_has_the_headers_of_its_trigger() {
        let pairs = [
            ("x-shop", "tea"),
            ("x-forwarded-for", "1.1.1.1"),
            ("upstash-retried", "2"),
            ("upstash-label", "a, b"),
            ("upstash-workflow-createdat", "7"),
            ("authorization", "x"),
        ];
        let (_, run) = classify(&headers(&pairs), "https://a.example/x").unwrap();
        let mut names: Vec<&str> = run.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "x-shop"]);
        assert_eq!((run.retried, run.labels, run.created_at), (2, vec!["a".to_owned(), "b".to_owned()], Some(7)));
        assert!(run.id.starts_with("wfr_"));
    }
}
