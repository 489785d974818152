use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, COOKIE, VARY},
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// A mark that a response is meant for one client alone, and must not be stored for others.
///
/// It travels in the extensions of the request and of the response. Every extractor of this crate that hands over
/// something of the client marks the request: [`Session`](crate::session::Session) when it is used,
/// [`QStash`](crate::qstash::QStash), [`VerifiedMessage`](crate::qstash::VerifiedMessage),
/// [`ClientIp`](crate::client_ip::ClientIp) and [`Decision`](crate::ratelimit::Decision) when they are extracted.
/// [`ResponseCacheLayer`](crate::response_cache::ResponseCacheLayer) stores no response that bears the mark, whichever
/// layer is outside, and adds `Cache-Control: private` for the caches on the way. A middleware of yours can mark a
/// request as well:
///
/// ```
/// use axum_upstash::PrivateResponse;
///
/// let mut extensions = http::Extensions::new();
/// PrivateResponse::of(&mut extensions).mark();
/// assert!(PrivateResponse::is_marked(&extensions));
/// ```
#[derive(Debug, Clone, Default)]
pub struct PrivateResponse(Arc<AtomicBool>);

impl PrivateResponse {
    /// The mark of these extensions, inserted if there was none.
    pub fn of(extensions: &mut Extensions) -> Self {
        extensions.get_or_insert_default::<Self>().clone()
    }

    /// Says that the response is for one client alone.
    pub fn mark(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether this mark was set.
    #[must_use]
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Says that the response depends on what only this client's request has: extractors call it, each of them.
    pub(crate) fn extracted(extensions: &mut Extensions) {
        Self::of(extensions).mark();
    }

    /// Keeps a response out of the shared caches on the way (RFC 9111 5.2.2.7).
    #[cfg(any(feature = "response-cache", feature = "session"))]
    pub(crate) fn write_private(headers: &mut HeaderMap) {
        if !lists(headers, &CACHE_CONTROL, &["private", "no-store"]) {
            headers.append(CACHE_CONTROL, HeaderValue::from_static("private"));
        }
    }

    /// The same for a response that depends on a cookie (RFC 9110 12.5.5).
    #[cfg(feature = "session")]
    pub(crate) fn write_cookie(headers: &mut HeaderMap) {
        if !lists(headers, &VARY, &["cookie", "*"]) {
            headers.append(VARY, HeaderValue::from_name(COOKIE));
        }
        Self::write_private(headers);
    }

    /// Whether the extensions bear a mark that was set.
    #[must_use]
    pub fn is_marked(extensions: &Extensions) -> bool {
        extensions.get::<Self>().is_some_and(Self::get)
    }
}

/// Whether the field, a list over all its lines, has one of the members.
#[cfg(any(feature = "response-cache", feature = "session"))]
fn lists(headers: &HeaderMap, field: &HeaderName, members: &[&str]) -> bool {
    headers
        .get_all(field)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|item| members.iter().any(|member| item.trim().eq_ignore_ascii_case(member)))
}
