//! What may be stored, for how long it is fresh, and how old it is: RFC 9111 sections 3 and 4.2, without any state.

use super::{
    directives::{Directives, parse_seconds},
    vary,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::time::{Duration, SystemTime};

/// Headers of one connection (RFC 9111 3.1), beside those that `Connection` names.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The additions of the layer's settings and of the request to a response's own terms.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Terms {
    /// The lifetime of responses that name none.
    pub(super) ttl: Option<Duration>,
    /// Whether `Set-Cookie` does not keep a response out.
    pub(super) set_cookie: bool,
    /// Whether the request had `Authorization`.
    pub(super) authorized: bool,
}

/// The lifetime in milliseconds that a response to GET may be stored with; `None` if it may not be stored.
pub(super) fn storable(status: StatusCode, headers: &HeaderMap, terms: Terms, now_ms: u64) -> Option<u64> {
    if status.is_informational() || status == StatusCode::PARTIAL_CONTENT || status == StatusCode::NOT_MODIFIED {
        return None;
    }
    let directives = Directives::of_response(headers);
    let is_understood = is_heuristically_cacheable(status);
    // `must-understand` takes the place of `no-store` for a cache that knows the status (RFC 9111 5.2.2.3).
    let is_barred = if directives.must_understand { !is_understood } else { directives.no_store };
    if is_barred || directives.private || directives.no_cache {
        return None;
    }
    if terms.authorized && !allows_authorized(&directives) {
        return None;
    }
    if headers.contains_key(header::SET_COOKIE) && !terms.set_cookie {
        return None;
    }
    if vary::names(headers).is_none() || is_event_stream(headers) {
        return None;
    }
    let lifetime = match explicit_lifetime(headers, &directives, now_ms) {
        Some(lifetime) => lifetime,
        None if is_understood => millis(terms.ttl?),
        None => return None,
    };
    (lifetime > 0).then_some(lifetime)
}

/// Whether a response may answer a request with `Authorization` (RFC 9111 3.5).
pub(super) fn allows_authorized(directives: &Directives) -> bool {
    directives.public || directives.s_maxage.is_some() || directives.must_revalidate
}

/// RFC 9111 4.2.1, for a shared cache. `Some(0)` is a lifetime too: never fresh.
fn explicit_lifetime(headers: &HeaderMap, directives: &Directives, now_ms: u64) -> Option<u64> {
    if let Some(seconds) = directives.s_maxage.or(directives.max_age) {
        return Some(seconds * 1000);
    }
    let mut expires = headers.get_all(header::EXPIRES).iter().peekable();
    expires.peek()?;
    // An invalid date, `0` above all, means the past (RFC 9111 5.3).
    let expires = expires.map(|line| http_date(line.as_bytes()).unwrap_or(0)).min().unwrap_or(0);
    let date = date(headers).unwrap_or(now_ms / 1000);
    Some(expires.saturating_sub(date).saturating_mul(1000))
}

/// RFC 9111 4.2.3: `corrected_initial_age`, in milliseconds.
///
/// A response with neither `Date` nor `Age` was made by the handler in this process, when it answered: its age is 0, as
/// if it had dated the response itself.
pub(super) fn initial_age(headers: &HeaderMap, request_ms: u64, response_ms: u64) -> u64 {
    let date = date(headers);
    let age = age_value(headers);
    if date.is_none() && age.is_none() {
        return 0;
    }
    // `Date` counts whole seconds; a finer difference would make everything up to a second too old.
    let apparent = date.map_or(0, |date| (response_ms / 1000).saturating_sub(date)) * 1000;
    let corrected = age.unwrap_or(0) * 1000 + response_ms.saturating_sub(request_ms);
    apparent.max(corrected)
}

/// The first member of the first line; an invalid number is no `Age` (RFC 9111 5.1).
fn age_value(headers: &HeaderMap) -> Option<u64> {
    let line = headers.get(header::AGE)?.as_bytes();
    parse_seconds(line.split(|&byte| byte == b',').next()?.trim_ascii())
}

fn date(headers: &HeaderMap) -> Option<u64> {
    http_date(headers.get(header::DATE)?.as_bytes())
}

/// Seconds since the Unix epoch.
pub(super) fn http_date(value: &[u8]) -> Option<u64> {
    let time = httpdate::parse_http_date(std::str::from_utf8(value).ok()?.trim()).ok()?;
    Some(time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// RFC 9110 15.1.
fn is_heuristically_cacheable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    const EVENT_STREAM: &[u8] = b"text/event-stream";
    headers.get_all(header::CONTENT_TYPE).iter().any(|value| {
        value.as_bytes().get(..EVENT_STREAM.len()).is_some_and(|start| start.eq_ignore_ascii_case(EVENT_STREAM))
    })
}

/// The headers worth storing: those of the connection, and those that speak to the one client that asked, are left out.
pub(super) fn stored_headers(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<&[u8]> = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii))
        .collect();
    let is_kept = |name: &HeaderName| {
        let text = name.as_str();
        !HOP_BY_HOP.contains(&text)
            && !named.iter().any(|named| named.eq_ignore_ascii_case(text.as_bytes()))
            && !text.starts_with("ratelimit")
            && !text.starts_with("x-ratelimit")
            && name != header::RETRY_AFTER
            && name != header::AGE
    };
    headers.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| (name.clone(), copied(value))).collect()
}

/// A value with memory of its own: it may be a part of the buffer that a whole response was read into.
fn copied(value: &HeaderValue) -> HeaderValue {
    let mut copy = HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone());
    copy.set_sensitive(value.is_sensitive());
    copy
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    const NOW: u64 = 784_111_777_000; // Sun, 06 Nov 1994 08:49:37 GMT
    const MINUTE: Terms = Terms { ttl: Some(Duration::from_secs(60)), set_cookie: false, authorized: false };

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn lifetime(pairs: &[(&'static str, &'static str)]) -> Option<u64> {
        storable(StatusCode::OK, &headers(pairs), Terms::default(), NOW).map(|ms| ms / 1000)
    }

    #[test]
    fn stored_headers_keep_no_larger_buffer_alive() {
        let buffer = bytes::Bytes::from(vec![b'a'; 1000]);
        let mut value = HeaderValue::from_maybe_shared(buffer.slice(..10)).unwrap();
        value.set_sensitive(true);
        let stored = stored_headers(&HeaderMap::from_iter([(header::ETAG, value)]));
        assert_eq!(stored[header::ETAG], "aaaaaaaaaa");
        assert!(stored[header::ETAG].is_sensitive() && buffer.is_unique());
    }

    #[test]
    fn lifetimes() {
        for (pairs, seconds) in [
            (&[][..], None),
            (&[("cache-control", "max-age=60")], Some(60)),
            (&[("cache-control", "max-age=60, s-maxage=10")], Some(10)),
            (&[("cache-control", "max-age=0, s-maxage=10")], Some(10)),
            (&[("cache-control", "max-age=60"), ("expires", "Sun, 06 Nov 1994 08:00:00 GMT")], Some(60)),
            (&[("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], Some(60)),
            (&[("expires", "Sunday, 06-Nov-94 08:50:37 GMT")], Some(60)),
            (&[("expires", "Sun Nov  6 08:50:37 1994")], Some(60)),
            (&[("expires", "Sun, 06 Nov 1994 08:50:37 GMT"), ("date", "Sun, 06 Nov 1994 08:50:07 GMT")], Some(30)),
            (&[("expires", "Sun, 06 Nov 1994 08:50:37 GMT"), ("expires", "0")], None),
            (&[("expires", "0")], None),
            (&[("expires", "Sun, 06 Nov 1994 08:50:37 UTC")], None),
            (&[("cache-control", "max-age=-1")], None),
            (&[("cache-control", "max-age=0"), ("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], None),
            (&[("last-modified", "Sun, 06 Nov 1994 08:00:00 GMT")], None),
        ] {
            assert_eq!(lifetime(pairs), seconds, "{pairs:?}");
        }
    }

    #[test]
    fn the_layers_own_lifetime_is_for_responses_that_name_none() {
        let stored = |status: u16, pairs: &[(&'static str, &'static str)]| {
            storable(StatusCode::from_u16(status).unwrap(), &headers(pairs), MINUTE, NOW)
        };
        for status in [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501] {
            assert_eq!(stored(status, &[]), Some(60_000), "{status}");
        }
        for status in [101, 206, 302, 303, 304, 307, 400, 403, 429, 500, 503] {
            assert_eq!(stored(status, &[]), None, "{status}");
        }
        assert_eq!(stored(200, &[("expires", "0")]), None);
        assert_eq!(stored(200, &[("cache-control", "max-age=5")]), Some(5000));
        assert_eq!(stored(503, &[("cache-control", "max-age=5")]), Some(5000));
        assert_eq!(stored(206, &[("cache-control", "max-age=5")]), None);
    }

    #[test]
    fn what_is_never_stored() {
        for (name, value) in [
            ("cache-control", "no-store, max-age=60"),
            ("cache-control", "private, max-age=60"),
            ("cache-control", "private=\"x\", max-age=60"),
            ("cache-control", "no-cache, max-age=60"),
            ("set-cookie", "a=b"),
            ("vary", "accept, *"),
            ("content-type", "Text/Event-Stream; charset=utf-8"),
        ] {
            assert_eq!(storable(StatusCode::OK, &headers(&[(name, value)]), MINUTE, NOW), None, "{name}: {value}");
        }
        let cookie = headers(&[("set-cookie", "a=b")]);
        assert!(storable(StatusCode::OK, &cookie, Terms { set_cookie: true, ..MINUTE }, NOW).is_some());
    }

    #[test]
    fn must_understand_replaces_no_store_for_a_known_status() {
        let headers = headers(&[("cache-control", "max-age=60, no-store, must-understand")]);
        assert_eq!(storable(StatusCode::OK, &headers, Terms::default(), NOW), Some(60_000));
        assert_eq!(storable(StatusCode::from_u16(599).unwrap(), &headers, Terms::default(), NOW), None);
    }

    #[test]
    fn authorization_needs_a_word_of_permission() {
        let authorized = Terms { authorized: true, ..MINUTE };
        for (value, is_stored) in
            [("max-age=60", false), ("public", true), ("s-maxage=9", true), ("max-age=60, must-revalidate", true)]
        {
            let headers = headers(&[("cache-control", value)]);
            assert_eq!(storable(StatusCode::OK, &headers, authorized, NOW).is_some(), is_stored, "{value}");
        }
    }

    #[test]
    fn age_is_the_larger_of_what_is_said_and_what_is_seen() {
        let upstream = headers(&[("date", "Thu, 01 Jan 1970 00:01:40 GMT"), ("age", "30")]);
        assert_eq!(initial_age(&upstream, 105_000, 107_000), 32_000);
        assert_eq!(initial_age(&headers(&[("date", "Thu, 01 Jan 1970 00:01:40 GMT")]), 105_000, 107_999), 7000);
        assert_eq!(initial_age(&headers(&[]), 105_000, 107_000), 0);
        for (value, age) in [("0, 7200", 0), ("7200, 0", 7200), ("abc", 0), ("7200.0", 0), ("-1", 0), ("", 0)] {
            assert_eq!(initial_age(&headers(&[("age", value)]), 0, 0), age * 1000, "{value}");
        }
    }

    #[test]
    fn headers_of_the_connection_and_of_one_client_are_not_stored() {
        let all = headers(&[
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("keep-alive", "1"),
            ("transfer-encoding", "chunked"),
            ("ratelimit", "\"a\";r=1"),
            ("ratelimit-policy", "\"a\";q=1"),
            ("x-ratelimit-remaining", "1"),
            ("retry-after", "1"),
            ("age", "3"),
            ("x-app", "1"),
            ("x-app", "2"),
            ("etag", "\"a\""),
        ]);
        let kept = stored_headers(&all);
        assert_eq!(kept.len(), 3);
        assert_eq!(kept.get_all("x-app").iter().count(), 2);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(
            cache_control in "[ -~]{0,40}", expires in "[ -~]{0,40}", date in "[ -~]{0,40}", age in "[ -~]{0,24}",
            request in any::<u64>(), response in any::<u64>(),
        ) {
            let mut headers = HeaderMap::new();
            for (name, value) in [("cache-control", cache_control), ("expires", expires), ("date", date), ("age", age)] {
                headers.insert(name, value.parse().unwrap());
            }
            storable(StatusCode::OK, &headers, Terms::default(), response);
            initial_age(&headers, request, response);
        }
    }
}
