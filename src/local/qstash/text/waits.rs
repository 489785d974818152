//! The time until the next attempt: as a response asks for, or by default.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;

use super::duration;

/// Longer requests are ignored, and no retry waits longer.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The fields that ask for a time, in the order in which they are looked at.
const FIELDS: [&str; 4] =
    ["retry-after", "x-ratelimit-reset", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens"];

/// The wait that a response asks for: in whole seconds, as a date, or as a duration of Go. More than a day, or what cannot
/// be read, is ignored.
pub(crate) fn requested_wait(response: &HeaderMap, now_ms: u64) -> Option<Duration> {
    FIELDS.iter().find_map(|name| {
        let value = response.get(*name)?.to_str().ok()?.trim();
        let wait = duration::parse(value).ok().or_else(|| until(value, now_ms))?;
        (wait <= DAY).then_some(wait)
    })
}

/// The time until a date (RFC 9110, section 5.6.7), none if it has passed.
fn until(date: &str, now_ms: u64) -> Option<Duration> {
    let date: SystemTime = httpdate::parse_http_date(date).ok()?;
    let date = date.duration_since(UNIX_EPOCH).ok()?;
    Some(date.saturating_sub(Duration::from_millis(now_ms)))
}

/// The wait before the retry of this number, from 1: `e^(2.5 n)` whole seconds, a day at the most.
pub(crate) fn default_backoff(retry: u32) -> Duration {
    let seconds = (2.5 * f64::from(retry)).exp().floor();
    Duration::try_from_secs_f64(seconds).map_or(DAY, |wait| wait.min(DAY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    const NOW_MS: u64 = 784_111_777_000; // Sun, 06 Nov 1994 08:49:37 GMT

    fn wait(fields: &[(&'static str, &'static str)]) -> Option<u64> {
        let fields = fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        requested_wait(&fields, NOW_MS).map(|wait| u64::try_from(wait.as_millis()).unwrap())
    }

    #[test]
    fn a_response_asks_in_seconds_by_date_or_as_go_does() {
        for (value, expected) in [
            ("0", Some(0)),
            ("120", Some(120_000)),
            ("86400", Some(86_400_000)),
            ("86401", None),
            ("6m5s", Some(365_000)),
            ("500ms", Some(500)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60_000)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Tue, 08 Nov 1994 08:49:37 GMT", None),
            ("soon", None),
            ("", None),
            ("-5", None),
        ] {
            assert_eq!(wait(&[("retry-after", value)]), expected, "{value}");
        }
    }

    #[test]
    fn the_first_field_that_can_be_read_counts() {
        assert_eq!(wait(&[("x-ratelimit-reset-tokens", "4"), ("x-ratelimit-reset-requests", "3")]), Some(3_000));
        assert_eq!(wait(&[("x-ratelimit-reset", "2"), ("retry-after", "1")]), Some(1_000));
        assert_eq!(wait(&[("x-ratelimit-reset", "2"), ("retry-after", "soon")]), Some(2_000));
        assert_eq!(wait(&[("x-ratelimit-reset", "2"), ("retry-after", "100000")]), Some(2_000));
        assert_eq!(wait(&[("date", "1")]), None);
    }

    #[test]
    fn waits_grow_to_a_day() {
        let seconds = [1, 2, 3, 4, 5, 6, 1_000, u32::MAX].map(|retry| default_backoff(retry).as_secs());
        assert_eq!(seconds, [12, 148, 1_808, 22_026, 86_400, 86_400, 86_400, 86_400]);
    }
}
