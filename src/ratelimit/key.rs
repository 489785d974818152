use super::identifier::digest;
use crate::{
    Problem,
    client_ip::{ClientIpSource, network},
};
use http::{HeaderName, request::Parts};

/// Whose request this is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Key {
    /// Counted under this identifier.
    Limit(String),
    /// Not counted at all.
    Skip,
}

/// Finds out whose request this is.
///
/// Closures from the request's head to a [`Key`] implement it:
///
/// ```
/// use axum_upstash::ratelimit::{Key, RateLimitLayer, Ratelimit, FixedWindow};
/// use std::time::Duration;
///
/// let limiter = Ratelimit::memory(FixedWindow::new(100, Duration::from_secs(60)));
/// let layer = RateLimitLayer::new(limiter).with_key(|parts: &http::request::Parts| {
///     match parts.headers.get("x-api-key").and_then(|key| key.to_str().ok()) {
///         Some(key) => Key::Limit(format!("key:{key}")),
///         None => Key::Limit("anonymous".to_owned()),
///     }
/// });
/// ```
pub trait KeyExtractor: Send + Sync + 'static {
    /// The key of a request.
    ///
    /// # Errors
    /// Where there is none; the problem is the answer, and the inner service is not called.
    fn key(&self, parts: &Parts) -> Result<Key, Problem>;
}

impl<F> KeyExtractor for F
where
    F: Fn(&Parts) -> Key + Send + Sync + 'static,
{
    fn key(&self, parts: &Parts) -> Result<Key, Problem> {
        Ok(self(parts))
    }
}

/// By the client's address: one IPv4 address, or one IPv6 /64.
impl KeyExtractor for ClientIpSource {
    fn key(&self, parts: &Parts) -> Result<Key, Problem> {
        let ip = self.resolve(&parts.headers, &parts.extensions)?;
        Ok(Key::Limit(network(ip)))
    }
}

/// By the value of a header, such as an API key. Requests without it share one count.
///
/// The store sees a hash of the value: no key in Redis, no log and no error shows it.
impl KeyExtractor for HeaderName {
    fn key(&self, parts: &Parts) -> Result<Key, Problem> {
        Ok(Key::Limit(match parts.headers.get(self) {
            Some(value) => format!("{self}={}", digest(value.as_bytes())),
            None => format!("{self}-absent"),
        }))
    }
}
