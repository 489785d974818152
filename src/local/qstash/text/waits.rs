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
        // Not `to_str`, which knows ASCII alone: Go writes a millionth of a second as `µs`.
        let value = std::str::from_utf8(response.get(*name)?.as_bytes()).ok()?.trim();
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
    use proptest::prelude::*;

    const NOW_MS: u64 = 784_111_777_000; // Sun, 06 Nov 1994 08:49:37 GMT

    fn wait(fields: &[(&'static str, &'static str)]) -> Option<u64> {
        let fields = fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap()))
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
            ("5000\u{b5}s", Some(5)),
            ("5000\u{3bc}s", Some(5)),
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
        let waits = [1, 2, 3, 4, 5, 6, 1_000, u32::MAX].map(default_backoff);
        assert_eq!(waits, [12, 148, 1_808, 22_026, 86_400, 86_400, 86_400, 86_400].map(Duration::from_secs));
    }

    /// A field of a response, and the milliseconds that it asks for.
    fn field() -> impl Strategy<Value = (String, Option<u64>)> {
        let seconds = 0..200_000_u64;
        prop_oneof![
            seconds.clone().prop_map(|seconds| (seconds.to_string(), Some(seconds * 1_000))),
            (0..48_u64, 0..60_u64, 0..60_000_u64).prop_map(|(hours, minutes, ms)| (
                format!("{hours}h{minutes}m{}.{:03}s", ms / 1_000, ms % 1_000),
                Some((hours * 60 + minutes) * 60_000 + ms)
            )),
            seconds.prop_map(|after| {
                let date = UNIX_EPOCH + Duration::from_millis(NOW_MS) + Duration::from_secs(after);
                (httpdate::fmt_http_date(date), Some(after * 1_000))
            }),
            (1..200_000_u64).prop_map(|before| {
                let date = UNIX_EPOCH + Duration::from_millis(NOW_MS) - Duration::from_secs(before);
                (httpdate::fmt_http_date(date), Some(0))
            }),
            "(-[0-9]{1,4}|[0-9]{1,3}y|soon)?".prop_map(|text| (text, None)),
        ]
    }

    proptest! {
        #[test]
        fn the_first_wait_of_at_most_a_day_counts(
            given in prop::array::uniform4(prop::option::of(field())),
            order in Just([0, 1, 2, 3]).prop_shuffle(),
        ) {
            let names = ["Retry-After", "X-RateLimit-Reset", "X-RateLimit-Reset-Requests", "X-RateLimit-Reset-Tokens"];
            let mut response = HeaderMap::new();
            for at in order {
                let at: usize = at;
                if let Some((value, _)) = &given[at] {
                    response.insert(names[at].parse::<HeaderName>().unwrap(), value.parse().unwrap());
                }
            }
            let mut expected = None;
            for (_, wait) in given.iter().flatten() {
                match wait {
                    Some(ms) if expected.is_none() && *ms <= 86_400_000 => expected = Some(Duration::from_millis(*ms)),
                    _ => {}
                }
            }
            prop_assert_eq!(requested_wait(&response, NOW_MS), expected);
        }

        #[test]
        fn any_response_asks_for_a_day_at_most(
            value in prop::collection::vec(any::<u8>(), 0..40),
            now_ms in any::<u64>(),
        ) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let response = HeaderMap::from_iter([(HeaderName::from_static("retry-after"), value)]);
                prop_assert!(requested_wait(&response, now_ms).is_none_or(|wait| wait <= DAY));
            }
        }
    }
}
