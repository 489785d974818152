use crate::ratelimit::{Algorithm, Decision, Reason};
use bytes::{BufMut, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, header::RETRY_AFTER};
use std::{
    ops::{BitOr, BitOrAssign},
    time::Duration,
};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const X_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Which fields tell clients of their limits. Styles can be combined: `HeaderStyles::CURRENT | HeaderStyles::LEGACY`.
///
/// `Retry-After` (RFC 9110 section 10.2.3) is on every refusal that knows when the request can pass, in any style. Drafts
/// 6 and 7 write different things under the names of the current one, and are left out beside it.
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use axum_upstash::{Upstash, ratelimit::{FixedWindow, HeaderStyles}};
/// use http::Request;
/// use std::time::Duration;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let layer = upstash.rate_limit_layer("api", FixedWindow::new(100, Duration::from_secs(60)));
/// let layer = layer.with_key(|_| "everyone").with_headers(HeaderStyles::CURRENT | HeaderStyles::LEGACY);
/// let app: Router = Router::new().route("/", get(|| async {})).layer(layer);
/// let response = app.oneshot(Request::get("/").body(Body::empty())?).await?;
/// assert_eq!(response.headers()["x-ratelimit-remaining"], "99");
/// assert!(response.headers().contains_key("ratelimit"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HeaderStyles(u8);

impl HeaderStyles {
    /// No fields.
    pub const NONE: Self = Self(0);
    /// `RateLimit: "api";r=60;t=13` and `RateLimit-Policy: "api";q=100;w=60`: draft-ietf-httpapi-ratelimit-headers from
    /// its eighth version on.
    pub const CURRENT: Self = Self(1);
    /// `RateLimit: limit=100, remaining=60, reset=13` and `RateLimit-Policy: 100;w=60`.
    pub const DRAFT_7: Self = Self(2);
    /// `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset` in seconds, and `RateLimit-Policy: 100;w=60`.
    pub const DRAFT_6: Self = Self(4);
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`, in Unix seconds.
    pub const LEGACY: Self = Self(8);

    /// Whether all styles of `other` are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Default for HeaderStyles {
    fn default() -> Self {
        Self::CURRENT
    }
}

impl BitOr for HeaderStyles {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for HeaderStyles {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// A named limit, as the fields tell of it.
#[derive(Debug, Clone)]
pub(in crate::ratelimit) struct Policy {
    name: Box<str>,
    limit: u64,
    /// In whole seconds; a shorter one cannot be told.
    window_s: Option<u64>,
    current: HeaderValue,
}

impl Policy {
    /// The name as a structured-field string (RFC 9651 3.3.3); what such a string cannot hold is left out.
    pub(super) fn new(name: &str, algorithm: &Algorithm) -> Self {
        let name: String = name.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect();
        let window = algorithm.window();
        Self::with_window(name, algorithm.limit(), (window >= Duration::from_secs(1)).then(|| seconds(window)))
    }

    pub(in crate::ratelimit) fn without_window(name: &str, limit: u64) -> Self {
        Self::with_window(name.to_owned(), limit, None)
    }

    fn with_window(name: String, limit: u64, window_s: Option<u64>) -> Self {
        let current = current(&name, limit, window_s);
        Self { name: name.into(), limit, window_s, current }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Adds the fields that can stand beside those of other limits. Of an outage nothing is known, and nothing is said. Of
    /// two limits with one name the strictest is told.
    pub(in crate::ratelimit) fn list(&self, styles: HeaderStyles, headers: &mut HeaderMap, decision: &Decision) {
        if !styles.contains(HeaderStyles::CURRENT) || !tells(decision) || self.is_listed(headers, decision) {
            return;
        }
        let policy = if decision.limit == self.limit {
            self.current.clone()
        } else {
            current(&self.name, decision.limit, self.window_s)
        };
        headers.append(RATE_LIMIT_POLICY, policy);
        if decision.is_counted() {
            let mut value = BytesMut::with_capacity(self.name.len() + 48);
            let mut digits = itoa::Buffer::new();
            value.put_slice(b"\"");
            value.put_slice(self.name.as_bytes());
            value.put_slice(b"\";r=");
            value.put_slice(digits.format(decision.remaining).as_bytes());
            value.put_slice(b";t=");
            value.put_slice(digits.format(seconds(wait(decision))).as_bytes());
            if let Ok(value) = HeaderValue::from_maybe_shared(value.freeze()) {
                headers.append(RATE_LIMIT, value);
            }
        }
    }

    /// Whether the fields tell already of a limit with this name that is as strict. One that is less strict is taken out.
    fn is_listed(&self, headers: &mut HeaderMap, decision: &Decision) -> bool {
        if !headers.contains_key(RATE_LIMIT_POLICY) {
            return false;
        }
        let told = member(headers, &RATE_LIMIT, &self.name);
        let is_named = told.is_some() || member(headers, &RATE_LIMIT_POLICY, &self.name).is_some();
        let is_stricter = told.is_none_or(|told| parameter(told, "r").is_some_and(|left| left <= decision.remaining));
        if is_named && (is_stricter || !decision.is_counted()) {
            return true;
        }
        if is_named {
            remove_member(headers, &RATE_LIMIT, &self.name);
            remove_member(headers, &RATE_LIMIT_POLICY, &self.name);
        }
        false
    }

    /// Sets the fields that there is one of: those of the limit that leaves least, also of those that layers further in
    /// or a service behind have told.
    pub(in crate::ratelimit) fn single(&self, styles: HeaderStyles, headers: &mut HeaderMap, decision: &Decision) {
        if decision.retry_after.is_some() && !decision.allowed {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds(wait(decision)).max(1)));
        }
        if !decision.is_counted() {
            return;
        }
        let (limit, remaining, reset) = (decision.limit, decision.remaining, seconds(wait(decision)));
        let window = || self.window_s.map(|window| format!(";w={window}")).unwrap_or_default();
        let text = |text: String| HeaderValue::try_from(text).ok();
        let current = styles.contains(HeaderStyles::CURRENT);
        let told = |field: &HeaderName, headers: &HeaderMap| {
            headers
                .get(field)
                .and_then(|told| told.to_str().ok()?.trim().parse().ok())
                .is_some_and(|left: u64| left <= remaining)
        };
        if styles.contains(HeaderStyles::DRAFT_7)
            && !current
            && !text_of(headers, &RATE_LIMIT)
                .any(|told| parameter(told, "remaining").is_some_and(|left| left <= remaining))
            && let Some(value) = text(format!("limit={limit}, remaining={remaining}, reset={reset}"))
            && let Some(policy) = text(format!("{limit}{}", window()))
        {
            headers.insert(RATE_LIMIT, value);
            headers.insert(RATE_LIMIT_POLICY, policy);
        }
        if styles.contains(HeaderStyles::DRAFT_6) && !told(&REMAINING, headers) {
            headers.insert(LIMIT, limit.into());
            headers.insert(REMAINING, remaining.into());
            headers.insert(RESET, reset.into());
            if let Some(policy) = text(format!("{limit}{}", window())).filter(|_| !current) {
                headers.insert(RATE_LIMIT_POLICY, policy);
            }
        }
        if styles.contains(HeaderStyles::LEGACY) && !told(&X_REMAINING, headers) {
            let at = decision.now_ms.saturating_add(u64::try_from(wait(decision).as_millis()).unwrap_or(u64::MAX));
            headers.insert(X_LIMIT, limit.into());
            headers.insert(X_REMAINING, remaining.into());
            headers.insert(X_RESET, at.div_ceil(1_000).into());
        }
    }
}

fn current(name: &str, limit: u64, window_s: Option<u64>) -> HeaderValue {
    let window = window_s.map(|window| format!(";w={window}")).unwrap_or_default();
    let value = HeaderValue::try_from(format!("\"{name}\";q={limit}{window}"));
    value.unwrap_or_else(|_| HeaderValue::from_static("\"default\""))
}

fn text_of<'a>(headers: &'a HeaderMap, field: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(field).iter().filter_map(|line| line.to_str().ok())
}

/// The members of a list field. A comma in a name is part of the name.
fn members<'a>(headers: &'a HeaderMap, field: &HeaderName) -> impl Iterator<Item = &'a str> {
    let split = |line: &'a str| {
        let mut is_quoted = false;
        line.split(move |c| {
            is_quoted ^= c == '"';
            c == ',' && !is_quoted
        })
    };
    text_of(headers, field).flat_map(split).map(str::trim).filter(|member| !member.is_empty())
}

fn is_named(member: &str, name: &str) -> bool {
    let rest =
        member.strip_prefix('"').and_then(|rest| rest.strip_prefix(name)).and_then(|rest| rest.strip_prefix('"'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(';'))
}

fn member<'a>(headers: &'a HeaderMap, field: &HeaderName, name: &str) -> Option<&'a str> {
    members(headers, field).find(|member| is_named(member, name))
}

fn remove_member(headers: &mut HeaderMap, field: &HeaderName, name: &str) {
    let others: Vec<HeaderValue> = members(headers, field)
        .filter(|member| !is_named(member, name))
        .filter_map(|member| HeaderValue::from_str(member).ok())
        .collect();
    headers.remove(field);
    for other in others {
        headers.append(field, other);
    }
}

/// A number among the parameters of a member, or the members of a line.
fn parameter(text: &str, name: &str) -> Option<u64> {
    let mut parts = text.split([';', ',']).map(str::trim);
    parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

fn tells(decision: &Decision) -> bool {
    decision.is_counted() || decision.reason == Reason::TooCostly
}

/// A refused client is told one time, by which the same request can pass.
fn wait(decision: &Decision) -> Duration {
    decision.retry_after.unwrap_or_else(|| decision.reset_after())
}

/// Whole seconds, rounded up: a client that comes back then is not too early.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratelimit::{FixedWindow, Rate, SlidingWindow, TokenBucket, store::Outcome};

    fn fields(
        name: &str,
        styles: HeaderStyles,
        algorithm: impl Into<Algorithm>,
        (allowed, remaining, reset, retry): (bool, u64, u64, Option<u64>),
    ) -> Vec<String> {
        let algorithm = algorithm.into();
        let mut headers = HeaderMap::new();
        let outcome =
            Outcome { retry_after_ms: retry, ..Outcome::unknown(allowed, algorithm.limit(), remaining, reset) };
        let decision = Decision::new(&outcome, 0, Reason::Counted);
        let policy = Policy::new(name, &algorithm);
        policy.list(styles, &mut headers, &decision);
        policy.single(styles, &mut headers, &decision);
        let mut lines: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        lines
    }

    /// Limit 100 in 60 s, 40 used, 12.2 s to go.
    #[test]
    fn vectors_of_every_style() {
        let window = SlidingWindow::new(100, Duration::from_secs(60));
        let told = |styles| fields("api", styles, window, (true, 60, 12_200, None));
        assert_eq!(
            told(HeaderStyles::CURRENT),
            [r#"ratelimit-policy: "api";q=100;w=60"#, r#"ratelimit: "api";r=60;t=13"#]
        );
        assert_eq!(
            told(HeaderStyles::DRAFT_7),
            ["ratelimit-policy: 100;w=60", "ratelimit: limit=100, remaining=60, reset=13"]
        );
        assert_eq!(
            told(HeaderStyles::DRAFT_6),
            ["ratelimit-limit: 100", "ratelimit-policy: 100;w=60", "ratelimit-remaining: 60", "ratelimit-reset: 13"]
        );
        assert_eq!(
            told(HeaderStyles::LEGACY),
            ["x-ratelimit-limit: 100", "x-ratelimit-remaining: 60", "x-ratelimit-reset: 13"]
        );
        assert_eq!(told(HeaderStyles::NONE), [""; 0]);
        assert_eq!(told(HeaderStyles::CURRENT | HeaderStyles::LEGACY | HeaderStyles::DRAFT_7).len(), 5);
    }

    #[test]
    fn a_refusal_tells_one_time_rounded_up() {
        let window = SlidingWindow::new(100, Duration::from_secs(60));
        let refused = (false, 0, 50_000, Some(12_200));
        assert_eq!(
            fields("api", HeaderStyles::CURRENT, window, refused)[1..],
            [r#"ratelimit: "api";r=0;t=13"#.to_owned(), "retry-after: 13".to_owned()]
        );
        assert_eq!(fields("api", HeaderStyles::NONE, window, refused), ["retry-after: 13"]);
    }

    #[test]
    fn short_windows_have_no_w_and_buckets_the_time_to_fill() {
        let first = |name, algorithm: Algorithm| {
            fields(name, HeaderStyles::CURRENT, algorithm, (true, 4, 100, None)).swap_remove(0)
        };
        let window = FixedWindow::new(5, Duration::from_millis(500));
        assert_eq!(first("a\"b", window.into()), r#"ratelimit-policy: "ab";q=5"#);
        let bucket = TokenBucket::new(12, Rate::new(5, Duration::from_secs(10)));
        assert_eq!(first("b", bucket.into()), r#"ratelimit-policy: "b";q=12;w=30"#);
    }

    #[test]
    fn an_outage_tells_nothing_but_when_to_come_back() {
        let algorithm = Algorithm::from(FixedWindow::new(5, Duration::from_secs(1)));
        let policy = Policy::new("a", &algorithm);
        let mut map = HeaderMap::new();
        let styles = HeaderStyles::CURRENT | HeaderStyles::DRAFT_6 | HeaderStyles::LEGACY;
        for allowed in [true, false] {
            policy.list(styles, &mut map, &Decision::outage(&algorithm, allowed, 0));
            policy.single(styles, &mut map, &Decision::outage(&algorithm, allowed, 0));
            assert_eq!(map.len(), usize::from(!allowed));
        }
        assert_eq!(map[RETRY_AFTER], "1");
    }
}
