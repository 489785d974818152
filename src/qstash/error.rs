//! Errors from the service's answers.

use super::limit_reached::LimitReached;
use crate::{
    Clock, Error, ErrorKind,
    client::{RestResponse, reason},
};
use http::StatusCode;
use std::borrow::Cow;

/// The error of a value that cannot be sent.
pub(super) fn invalid(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

/// The error of an answer that is no success.
pub(super) fn from_response(response: &RestResponse, clock: &Clock) -> Error {
    let text = response.reason();
    let text = text.unwrap_or_else(|| "the service answered with an error and no reason".to_owned());
    let kind = classify(response.status, &text);
    let limit = LimitReached::of_response(response.status, &response.headers, clock);
    // A day that is used up is an outage until the next one; a burst passes in a second.
    let kind = if limit.as_ref().is_some_and(LimitReached::is_daily) { ErrorKind::QuotaExceeded } else { kind };
    let until_reset = limit.as_ref().and_then(|limit| limit.wait(clock));
    let error =
        Error::new(kind, text).with_status(response.status).with_retry_after(response.retry_after().or(until_reset));
    match limit {
        Some(limit) => error.with_source(limit),
        None => error,
    }
}

/// The error of an item of a batch, beside items that were taken.
pub(super) fn of_item(text: &str) -> Error {
    let text = reason(text);
    Error::new(classify(StatusCode::BAD_REQUEST, &text), text)
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

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Version};
    use std::time::Duration;

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
        assert_eq!(of_item("quota maxDelay exceeded").kind(), ErrorKind::LimitExceeded);
        assert_eq!(of_item("invalid destination url\nsecond line").to_string(), "invalid destination url");
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
        let kind_and_wait = |limited: &RestResponse| {
            let error = from_response(limited, &clock);
            (error.kind(), error.retry_after().map(|wait| wait.as_secs()))
        };
        assert_eq!(kind_and_wait(&limited), (ErrorKind::RateLimited, None));
        limited.headers.insert("ratelimit-limit", "1000".parse().unwrap());
        limited.headers.insert("ratelimit-reset", "1007".parse().unwrap());
        assert_eq!(kind_and_wait(&limited), (ErrorKind::QuotaExceeded, Some(7)));
        limited.headers.remove("ratelimit-limit");
        limited.headers.insert("burst-ratelimit-reset", "1001".parse().unwrap());
        limited.headers.insert("burst-ratelimit-limit", "100".parse().unwrap());
        assert_eq!(kind_and_wait(&limited), (ErrorKind::RateLimited, Some(1)));
        limited.headers.insert("burst-ratelimit-reset", "1".parse().unwrap());
        assert_eq!(kind_and_wait(&limited), (ErrorKind::RateLimited, Some(0)));
        limited.headers.insert("retry-after", "3".parse().unwrap());
        assert_eq!(kind_and_wait(&limited), (ErrorKind::RateLimited, Some(3)));
        assert_eq!(from_response(&limited, &clock).retry_after(), Some(Duration::from_secs(3)));
    }
}
