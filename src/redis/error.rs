//! Errors from the service's texts.

use crate::{Error, ErrorKind};
use http::StatusCode;

/// An error from the text of an `error` field.
pub(super) fn from_text(text: &str, status: Option<StatusCode>) -> Error {
    let error = Error::new(classify(text, status), presentable(text));
    match status {
        Some(status) => error.with_status(status),
        None => error,
    }
}

fn classify(text: &str, status: Option<StatusCode>) -> ErrorKind {
    match status.map(|status| status.as_u16()) {
        Some(401) => return ErrorKind::Unauthorized,
        Some(403) => return ErrorKind::Forbidden,
        Some(429) => return ErrorKind::RateLimited,
        _ => {}
    }
    // The first word in capitals is the kind of a Redis error.
    let kind = match text.split_whitespace().next().unwrap_or_default() {
        "WRONGPASS" | "NOAUTH" | "Unauthorized" => Some(ErrorKind::Unauthorized),
        "NOPERM" => Some(ErrorKind::Forbidden),
        "WRONGTYPE" => Some(ErrorKind::WrongType),
        "NOSCRIPT" => Some(ErrorKind::NoScript),
        "READONLY" => Some(ErrorKind::ReadOnly),
        "OOM" => Some(ErrorKind::OutOfMemory),
        "EXECABORT" => Some(ErrorKind::Aborted),
        _ => None,
    };
    if let Some(kind) = kind {
        return kind;
    }
    let quotas = ["ERR max requests limit exceeded", "ERR max daily request limit exceeded"];
    if quotas.iter().any(|prefix| text.starts_with(prefix)) {
        return ErrorKind::QuotaExceeded;
    }
    let limits =
        ["ERR max ", "ERR DB capacity quota exceeded", "ERR XReadGroup is cancelled. Pending Entries List limit"];
    if limits.iter().any(|prefix| text.starts_with(prefix)) {
        return ErrorKind::LimitExceeded;
    }
    match status {
        Some(status) if status.is_server_error() => ErrorKind::Server,
        _ => ErrorKind::Refused,
    }
}

/// The text without what it repeats of the arguments.
fn presentable(text: &str) -> String {
    let text = text.split(", with args beginning with").next().unwrap_or(text);
    let text = text.split(", command was:").next().unwrap_or(text);
    let mut text = text.lines().next().unwrap_or_default().to_owned();
    if let Some((end, _)) = text.char_indices().nth(300) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_the_service_s_texts() {
        for (text, status, kind) in [
            ("WRONGPASS invalid or missing auth token", Some(401), ErrorKind::Unauthorized),
            ("Unauthorized", Some(401), ErrorKind::Unauthorized),
            ("NOPERM this user has no permissions to run the 'set' command", Some(400), ErrorKind::Forbidden),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", None, ErrorKind::WrongType),
            ("NOSCRIPT No matching script. Please use EVAL.", Some(400), ErrorKind::NoScript),
            ("EXECABORT Transaction discarded because of previous errors.", Some(400), ErrorKind::Aborted),
            ("ERR max request size exceeded. Limit: 10 bytes, Actual: 11 bytes", Some(400), ErrorKind::LimitExceeded),
            ("ERR max daily request limit exceeded. Limit: 1, Usage: 1", Some(400), ErrorKind::QuotaExceeded),
            ("ERR max requests limit exceeded. Limit: 1, Usage: 1", Some(400), ErrorKind::QuotaExceeded),
            ("ERR max single record size exceeded", Some(400), ErrorKind::LimitExceeded),
            ("ERR value is not an integer or out of range", Some(400), ErrorKind::Refused),
            ("", Some(502), ErrorKind::Server),
            ("slow down", Some(429), ErrorKind::RateLimited),
        ] {
            let status = status.map(|code| StatusCode::from_u16(code).unwrap());
            assert_eq!(from_text(text, status).kind(), kind, "{text}");
        }
    }

    #[test]
    fn arguments_repeated_by_the_server_are_left_out() {
        let error = from_text("ERR unknown command 'X', with args beginning with: 'secret'", None);
        assert_eq!(error.to_string(), "ERR unknown command 'X'");
    }
}
