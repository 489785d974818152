use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::{
    api::ApiRequest,
    message::Options,
    text::{Cron, Expression, duration, requested_wait},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Reads an expression, and works out waits: each from nothing to a day.
pub(crate) fn expression(text: &str) {
    let Ok(expression) = Expression::parse(text) else { return };
    for retried in [0, 1, 5, u32::MAX] {
        assert!(expression.delay(retried) <= DAY);
    }
}

/// Reads a cron expression, and goes through its next times from the time that the number says: each later than the
/// one before.
pub(crate) fn cron(text: &str, from_ms: u64) {
    let Ok(cron) = Cron::parse(text) else { return };
    let mut at_ms = from_ms;
    for _ in 0..3 {
        let Some(next_ms) = cron.next_after(at_ms) else { return };
        assert!(next_ms > at_ms);
        at_ms = next_ms;
    }
}

/// Reads a duration. One that is written again in nanoseconds is the same.
pub(crate) fn duration(text: &str) {
    if let Ok(read) = duration::parse(text) {
        assert_eq!(duration::parse(&format!("{}ns", read.as_nanos())), Ok(read));
    }
}

/// Reads lines of `name: value` as the fields of a request, and of a response. It gives the fields.
pub(crate) fn fields(lines: &[u8]) -> HeaderMap {
    let fields = header_map(lines);
    let _ = Options::read(&fields);
    let _ = Options::deduplication(&fields);
    assert!(requested_wait(&fields, 1_800_000_000_000).is_none_or(|wait| wait <= DAY));
    if let Some(uri) = fields.get("target").and_then(|target| Uri::try_from(target.as_bytes()).ok()) {
        let _ = ApiRequest::new(Method::POST, &uri, fields.clone(), Bytes::new(), None);
    }
    fields
}

fn header_map(lines: &[u8]) -> HeaderMap {
    let fields = lines.split(|byte| *byte == b'\n').take(100).filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
    });
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(name, value);
    }
    map
}
