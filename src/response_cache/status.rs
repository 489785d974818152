use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt::Write;

/// The cache's treatment of a request, in the extensions of the response.
///
/// `Cache-Status` (RFC 9211) tells the client the same, with more detail.
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use axum_upstash::{Upstash, response_cache::CacheOutcome};
/// use http::Request;
/// use std::time::Duration;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let cache = upstash.response_cache_layer(Duration::from_secs(60));
/// let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(cache);
/// let request = || Request::get("/").body(Body::empty());
/// let first = app.clone().oneshot(request()?).await?;
/// assert_eq!(first.extensions().get(), Some(&CacheOutcome::Miss));
/// let second = app.oneshot(request()?).await?;
/// assert_eq!(second.extensions().get(), Some(&CacheOutcome::Hit));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CacheOutcome {
    /// A stored response answered.
    Hit,
    /// The handler answered.
    Miss,
    /// The handler's answer to another request, for which this one waited, answered.
    Collapsed,
    /// The request was none for a cache: of another method, for a range, an upgrade.
    Bypass,
    /// The client wanted a stored response or none (`only-if-cached`), and there was none.
    Refused,
}

pub(super) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Why a request went on to the handler (RFC 9211 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forward {
    Bypass,
    Method,
    UriMiss,
    VaryMiss,
    Stale,
    Request,
}

impl Forward {
    fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Request => "request",
        }
    }
}

/// A member of `Cache-Status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Hit { ttl: u64 },
    Forwarded { why: Forward, is_stored: bool },
    Collapsed { why: Forward },
    OnlyIfCached,
}

impl Status {
    pub(super) fn outcome(self) -> CacheOutcome {
        match self {
            Self::Hit { .. } => CacheOutcome::Hit,
            Self::Forwarded { why: Forward::Bypass | Forward::Method, .. } => CacheOutcome::Bypass,
            Self::Forwarded { .. } => CacheOutcome::Miss,
            Self::Collapsed { .. } => CacheOutcome::Collapsed,
            Self::OnlyIfCached => CacheOutcome::Refused,
        }
    }

    fn member(self, name: &str) -> String {
        let mut text = name.to_owned();
        let _ = match self {
            Self::Hit { ttl } => write!(text, "; hit; ttl={ttl}"),
            Self::Forwarded { why, is_stored } => {
                write!(text, "; fwd={}{}", why.as_str(), if is_stored { "; stored" } else { "" })
            }
            Self::Collapsed { why } => write!(text, "; fwd={}; collapsed", why.as_str()),
            Self::OnlyIfCached => write!(text, "; detail=only-if-cached"),
        };
        text
    }

    /// Adds the member behind those of caches nearer to the handler.
    pub(super) fn append(self, headers: &mut HeaderMap, name: &str) {
        if let Ok(value) = HeaderValue::try_from(self.member(name)) {
            headers.append(CACHE_STATUS, value);
        }
    }
}

/// A name as a token of structured fields, or as a string if it is no token (RFC 9651 3.3.3 and 3.3.4).
pub(super) fn structured_name(name: &str) -> String {
    let is_tchar = |char: char| char.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(char);
    let is_token =
        name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '*') && name.chars().all(is_tchar);
    if is_token {
        return name.to_owned();
    }
    let mut text = String::from("\"");
    for char in name.chars() {
        match char {
            '"' | '\\' => text.extend(['\\', char]),
            ' '..='~' => text.push(char),
            _ => text.push('?'),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members() {
        for (status, text) in [
            (Status::Forwarded { why: Forward::UriMiss, is_stored: true }, "Upstash; fwd=uri-miss; stored"),
            (Status::Hit { ttl: 42 }, "Upstash; hit; ttl=42"),
            (Status::Collapsed { why: Forward::UriMiss }, "Upstash; fwd=uri-miss; collapsed"),
            (Status::Forwarded { why: Forward::Bypass, is_stored: false }, "Upstash; fwd=bypass"),
            (Status::Forwarded { why: Forward::Method, is_stored: false }, "Upstash; fwd=method"),
        ] {
            assert_eq!(status.member("Upstash"), text);
        }
    }

    #[test]
    fn it_comes_after_the_caches_before() {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_STATUS, HeaderValue::from_static("inner; hit"));
        Status::Hit { ttl: 1 }.append(&mut headers, "outer");
        assert_eq!(headers.get_all(CACHE_STATUS).iter().collect::<Vec<_>>(), ["inner; hit", "outer; hit; ttl=1"]);
    }

    #[test]
    fn a_name_is_a_token_or_a_string() {
        for (name, text) in [
            ("axum-upstash", "axum-upstash"),
            ("my cache", "\"my cache\""),
            ("1", "\"1\""),
            ("", "\"\""),
            ("ä\"", "\"?\\\"\""),
        ] {
            assert_eq!(structured_name(name), text);
        }
    }
}
