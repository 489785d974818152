use super::Head;
use crate::{
    Problem,
    client_ip::ClientIpSource,
    ratelimit::{Algorithm, identifier::digest},
};
use futures_core::future::BoxFuture;
use http::{HeaderName, header::AUTHORIZATION};
use std::future::Future;

/// Whose request this is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Key {
    /// Counted under this identifier.
    Limit(String),
    /// Counted under this identifier by a limit of its own, such as a tenant's.
    LimitBy(String, Algorithm),
    /// Not counted by this rule.
    Skip,
    /// Let pass by all rules, without being counted.
    Allow,
    /// Refused with 403.
    Deny,
}

/// Finds out whose request this is.
///
/// Closures from a request's head to a [`Key`] implement it:
///
/// ```
/// use axum_upstash::ratelimit::{FixedWindow, Head, Key, RateLimitLayer, Ratelimit};
/// use std::time::Duration;
///
/// let limiter = Ratelimit::memory(FixedWindow::new(100, Duration::from_secs(60)));
/// let layer = RateLimitLayer::new(limiter).with_key(|head: Head<'_>| match head.header("x-tenant") {
///     Some(tenant) if tenant == "internal" => Key::Allow,
///     Some("acme") => Key::LimitBy("acme".to_owned(), FixedWindow::new(5_000, Duration::from_secs(60)).into()),
///     Some(tenant) => Key::Limit(tenant.to_owned()),
///     None => Key::Deny,
/// });
/// ```
pub trait KeyExtractor: Send + Sync + 'static {
    /// The key of a request.
    ///
    /// # Errors
    /// Where there is none; the problem is the answer, and the inner service is not called.
    fn key(&self, head: Head<'_>) -> Result<Key, Problem>;
}

impl<F> KeyExtractor for F
where
    F: Fn(Head<'_>) -> Key + Send + Sync + 'static,
{
    fn key(&self, head: Head<'_>) -> Result<Key, Problem> {
        Ok(self(head))
    }
}

/// Finds out whose request this is, where that has to be waited for: a token that is looked up.
///
/// Closures from a request's head to a future implement it; what the future needs of the head it has to take along.
///
/// ```
/// use axum_upstash::ratelimit::{FixedWindow, Head, Key, RateLimitLayer, Ratelimit};
/// use std::time::Duration;
///
/// # async fn tenant_of(token: Option<String>) -> Option<String> { token }
/// let limiter = Ratelimit::memory(FixedWindow::new(100, Duration::from_secs(60)));
/// let layer = RateLimitLayer::new(limiter).with_async_key(|head: Head<'_>| {
///     let token = head.header("authorization").map(str::to_owned);
///     async move { Ok(tenant_of(token).await.map_or(Key::Deny, Key::Limit)) }
/// });
/// ```
pub trait AsyncKeyExtractor: Send + Sync + 'static {
    /// The key of a request.
    ///
    /// # Errors
    /// Where there is none; the problem is the answer, and the inner service is not called.
    fn key(&self, head: Head<'_>) -> BoxFuture<'static, Result<Key, Problem>>;
}

impl<F, Fut> AsyncKeyExtractor for F
where
    F: Fn(Head<'_>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Key, Problem>> + Send + 'static,
{
    fn key(&self, head: Head<'_>) -> BoxFuture<'static, Result<Key, Problem>> {
        Box::pin(self(head))
    }
}

/// By the client's address: one IPv4 address, or one IPv6 network.
impl KeyExtractor for ClientIpSource {
    fn key(&self, head: Head<'_>) -> Result<Key, Problem> {
        let ip = self.resolve(head.headers(), head.extensions())?;
        Ok(Key::Limit(self.network(ip)))
    }
}

/// By the value of a header, such as an API key. Requests without it share one count.
///
/// Of `Authorization` the scheme counts in any case and spaces around it do not (RFC 9110 11.4), so that one credential is
/// one client. The store sees a hash of the value: no key in Redis, no log and no error shows it.
impl KeyExtractor for HeaderName {
    fn key(&self, head: Head<'_>) -> Result<Key, Problem> {
        Ok(Key::Limit(match head.headers().get(self) {
            Some(value) if self == AUTHORIZATION => format!("{self}={}", digest(&credentials(value.as_bytes()))),
            Some(value) => format!("{self}={}", digest(value.as_bytes())),
            None => format!("{self}-absent"),
        }))
    }
}

/// Credentials as they are compared: the scheme in lower case, one space, the rest as it is.
fn credentials(value: &[u8]) -> Vec<u8> {
    let value = value.trim_ascii();
    let end = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    [&scheme.to_ascii_lowercase(), &b" "[..], rest.trim_ascii_start()].concat()
}
