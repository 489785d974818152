//! Errors from the service's answers.

use crate::{Clock, Error, ErrorKind, client::RestResponse};
use http::StatusCode;
use serde::Deserialize;
use std::time::Duration;

#[derive(Deserialize)]
struct Body {
    error: String,
}

/// The error of an answer that is no success.
pub(super) fn from_response(response: &RestResponse, clock: &Clock) -> Error {
    // A gateway in between answers with a page of its own, which is of no use in an error.
    let text = serde_json::from_slice(&response.body).map_or_else(
        |_| "the service answered with an error and no reason".to_owned(),
        |Body { error }| presentable(&error),
    );
    Error::new(classify(response.status, &text), text)
        .with_status(response.status)
        .with_retry_after(response.retry_after().or_else(|| until_reset(response, clock)))
}

fn classify(status: StatusCode, text: &str) -> ErrorKind {
    match status.as_u16() {
        401 => ErrorKind::Unauthorized,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        412 | 413 => ErrorKind::LimitExceeded,
        429 => ErrorKind::RateLimited,
        500.. => ErrorKind::Server,
        // `quota maxRetries exceeded`
        _ if text.starts_with("quota ") => ErrorKind::LimitExceeded,
        _ => ErrorKind::Refused,
    }
}

/// The time until the limit is reset, which QStash gives as a time since the epoch
/// ([Rate limits](https://upstash.com/docs/qstash/api/api-ratelimiting)).
fn until_reset(response: &RestResponse, clock: &Clock) -> Option<Duration> {
    let reset = ["burst-ratelimit-reset", "ratelimit-reset"].into_iter().find_map(|name| response.headers.get(name))?;
    let reset: u64 = reset.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_millis(reset.saturating_mul(1000).saturating_sub(clock.now_ms())))
}

fn presentable(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Version};

    fn answer(status: u16, body: &'static str) -> RestResponse {
        let status = StatusCode::from_u16(status).unwrap();
        RestResponse { version: Version::HTTP_11, status, headers: HeaderMap::new(), body: body.into() }
    }

    #[test]
    fn kinds_by_status() {
        for (status, kind) in [
            (400, ErrorKind::Refused),
            (401, ErrorKind::Unauthorized),
            (403, ErrorKind::Forbidden),
            (404, ErrorKind::NotFound),
            (412, ErrorKind::LimitExceeded),
            (413, ErrorKind::LimitExceeded),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Server),
            (503, ErrorKind::Server),
            (302, ErrorKind::Refused),
        ] {
            let error = from_response(&answer(status, r#"{"error":"the reason"}"#), &Clock::system());
            assert_eq!(error.kind(), kind, "{status}");
            assert_eq!(error.to_string(), format!("the reason (HTTP {status})"));
        }
        let quota = from_response(&answer(400, r#"{"error":"quota maxRetries exceeded"}"#), &Clock::system());
        assert_eq!(quota.kind(), ErrorKind::LimitExceeded);
    }

    #[test]
    fn bodies_of_gateways_are_survived_and_not_repeated() {
        for body in ["<html>502 Bad Gateway</html>", "", "null", "[]", r#"{"error":{"code":1}}"#, "\"text\""] {
            let error = from_response(&answer(502, body), &Clock::system());
            assert_eq!(error.kind(), ErrorKind::Server);
            assert_eq!(error.to_string(), "the service answered with an error and no reason (HTTP 502)");
        }
    }

    #[test]
    fn the_reset_of_a_limit_is_a_time_to_wait() {
        let clock = Clock::manual(crate::rt::from_unix_ms(1_000_000)).0;
        let mut limited = answer(429, "{}");
        limited.headers.insert("ratelimit-reset", "1007".parse().unwrap());
        assert_eq!(from_response(&limited, &clock).retry_after(), Some(Duration::from_secs(7)));
        limited.headers.insert("burst-ratelimit-reset", "1001".parse().unwrap());
        assert_eq!(from_response(&limited, &clock).retry_after(), Some(Duration::from_secs(1)));
        limited.headers.insert("burst-ratelimit-reset", "1".parse().unwrap());
        assert_eq!(from_response(&limited, &clock).retry_after(), Some(Duration::ZERO));
        limited.headers.insert("retry-after", "3".parse().unwrap());
        assert_eq!(from_response(&limited, &clock).retry_after(), Some(Duration::from_secs(3)));
    }
}
