use super::{Algorithm, Basis, Decision};
use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, header::RETRY_AFTER};
use std::{fmt::Write, time::Duration};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The fields of draft-ietf-httpapi-ratelimit-headers for one named policy.
#[derive(Debug, Clone)]
pub(super) struct RateLimitHeaders {
    name: Box<str>,
    policy: HeaderValue,
}

impl RateLimitHeaders {
    /// The policy as a structured-field string (RFC 9651 3.3.3); what such a string cannot hold is left out.
    pub(super) fn new(name: &str, algorithm: &Algorithm) -> Self {
        let name: String = name.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect();
        let mut policy = format!("\"{name}\";q={}", algorithm.limit());
        // `w` is a whole and positive number of seconds; a shorter window cannot be told.
        let window = algorithm.window();
        if window >= Duration::from_secs(1) {
            policy.push_str(&format!(";w={}", seconds(window)));
        }
        let policy = HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("\"default\""));
        Self { name: name.into(), policy }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Adds the fields, beside those of an inner limiter. Of an outage nothing is known, and nothing is said.
    pub(super) fn add(&self, headers: &mut HeaderMap, decision: &Decision) {
        // A refused client is told one time, by which the same request can pass.
        let wait = decision.retry_after.unwrap_or_else(|| decision.reset_after());
        if decision.basis != Basis::Outage {
            headers.append(RATE_LIMIT_POLICY, self.policy.clone());
        }
        if decision.is_counted() {
            let mut value = BytesMut::with_capacity(self.name.len() + 48);
            // Writing to a buffer that grows does not fail.
            let _ = write!(value, "\"{}\";r={};t={}", self.name, decision.remaining, seconds(wait));
            if let Ok(value) = HeaderValue::from_maybe_shared(value.freeze()) {
                headers.append(RATE_LIMIT, value);
            }
        }
        if decision.retry_after.is_some() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds(wait).max(1)));
        }
    }
}

/// Whole seconds, rounded up: a client that comes back then is not too early.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratelimit::{FixedWindow, Outcome, SlidingWindow, TokenBucket};

    fn fields(name: &str, algorithm: impl Into<Algorithm>, outcome: Outcome) -> Vec<(String, String)> {
        let algorithm = algorithm.into();
        let mut headers = HeaderMap::new();
        let decision = Decision::new(&algorithm, outcome, 0, Basis::Counted);
        RateLimitHeaders::new(name, &algorithm).add(&mut headers, &decision);
        headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
    }

    #[test]
    fn named_policy_and_what_is_left() {
        let window = SlidingWindow::new(100, Duration::from_secs(60));
        assert_eq!(
            fields("api", window, Outcome::new(true, 60, 12_200, None)),
            [
                ("ratelimit-policy".to_owned(), r#""api";q=100;w=60"#.to_owned()),
                ("ratelimit".to_owned(), r#""api";r=60;t=13"#.to_owned()),
            ]
        );
    }

    #[test]
    fn a_refusal_tells_one_time_rounded_up() {
        let window = SlidingWindow::new(100, Duration::from_secs(60));
        let fields = fields("api", window, Outcome::new(false, 0, 50_000, Some(12_200)));
        assert_eq!(fields[1].1, r#""api";r=0;t=13"#);
        assert_eq!(fields[2], ("retry-after".to_owned(), "13".to_owned()));
    }

    #[test]
    fn short_windows_have_no_w_and_buckets_the_time_to_fill() {
        let window = FixedWindow::new(5, Duration::from_millis(500));
        assert_eq!(fields("a\"b", window, Outcome::new(true, 4, 100, None))[0].1, r#""ab";q=5"#);
        let bucket = TokenBucket::new(5, Duration::from_secs(10), 12);
        assert_eq!(fields("b", bucket, Outcome::new(true, 4, 100, None))[0].1, r#""b";q=12;w=30"#);
    }

    #[test]
    fn an_outage_tells_nothing_but_when_to_come_back() {
        let algorithm = Algorithm::from(FixedWindow::new(5, Duration::from_secs(1)));
        let headers = RateLimitHeaders::new("a", &algorithm);
        let mut map = HeaderMap::new();
        headers.add(&mut map, &Decision::outage(&algorithm, true, 0));
        assert!(map.is_empty());
        headers.add(&mut map, &Decision::outage(&algorithm, false, 0));
        assert_eq!(map.len(), 1);
        assert_eq!(map[RETRY_AFTER], "1");
    }
}
