use super::RequestHead;
use crate::{
    Problem,
    client_ip::ClientIpSource,
    ratelimit::{Algorithm, identifier::digest},
};
use futures_core::future::BoxFuture;
use http::{HeaderName, header::AUTHORIZATION};
use std::{fmt, future::Future, sync::Arc};

/// The client that a request counts for.
///
/// Everything that can be displayed is a key: `Key::from("acme")`, `Key::from(tenant_id)`.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::{FixedWindow, Key, SlidingWindow}};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let layer = upstash.rate_limit_layer("api", SlidingWindow::new(100, Duration::from_secs(60)));
/// let layer = layer.with_key(|head| match head.header("x-tenant") {
///     Some("internal") => Key::Allow,
///     Some("acme") => Key::LimitBy("acme".into(), FixedWindow::new(5_000, Duration::from_secs(60)).into()),
///     Some(tenant) => Key::from(tenant),
///     None => Key::Deny,
/// });
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
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

impl<T: fmt::Display> From<T> for Key {
    fn from(identifier: T) -> Self {
        Self::Limit(identifier.to_string())
    }
}

/// A source of keys that is more than a closure: a [`ClientIpSource`], the name of a header, or a type of your own.
///
/// ```
/// use axum_upstash::{Problem, ratelimit::{Key, KeyExtractor, RequestHead}};
/// use http::StatusCode;
///
/// struct Tenant;
///
/// impl KeyExtractor for Tenant {
///     fn key(&self, head: RequestHead<'_>) -> Result<Key, Problem> {
///         let tenant = head.header("x-tenant");
///         tenant.map(Key::from).ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "X-Tenant is missing"))
///     }
/// }
///
/// let request = http::Request::get("/").header("x-tenant", "acme").body(()).unwrap();
/// assert_eq!(Tenant.key(RequestHead::new(&request)).unwrap(), Key::from("acme"));
/// ```
pub trait KeyExtractor: Send + Sync + 'static {
    /// The key of a request.
    ///
    /// # Errors
    /// If the request has none. The problem is the response, and the inner service is not called.
    fn key(&self, head: RequestHead<'_>) -> Result<Key, Problem>;
}

type AsyncKey = dyn Fn(RequestHead<'_>) -> BoxFuture<'static, Result<Key, Problem>> + Send + Sync;

/// The source of a rule's keys.
#[derive(Clone)]
pub(super) enum KeySource {
    Now(Arc<dyn KeyExtractor>),
    Later(Arc<AsyncKey>),
}

impl KeySource {
    pub(super) fn extractor(extractor: impl KeyExtractor) -> Self {
        Self::Now(Arc::new(extractor))
    }

    pub(super) fn closure<K: Into<Key>>(key: impl Fn(RequestHead<'_>) -> K + Send + Sync + 'static) -> Self {
        Self::Now(Arc::new(Closure(key)))
    }

    pub(super) fn future<F>(key: impl Fn(RequestHead<'_>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Key, Problem>> + Send + 'static,
    {
        Self::Later(Arc::new(move |head: RequestHead<'_>| Box::pin(key(head))))
    }

    pub(super) fn find(&self, head: RequestHead<'_>) -> FoundKey {
        match self {
            Self::Now(key) => FoundKey::Now(key.key(head)),
            Self::Later(key) => FoundKey::Later(key(head)),
        }
    }
}

struct Closure<F>(F);

impl<F, K> KeyExtractor for Closure<F>
where
    F: Fn(RequestHead<'_>) -> K + Send + Sync + 'static,
    K: Into<Key>,
{
    fn key(&self, head: RequestHead<'_>) -> Result<Key, Problem> {
        Ok((self.0)(head).into())
    }
}

/// A key, or the future that finds it.
pub(super) enum FoundKey {
    Now(Result<Key, Problem>),
    Later(BoxFuture<'static, Result<Key, Problem>>),
}

impl FoundKey {
    pub(super) async fn resolve(self) -> Result<Key, Problem> {
        match self {
            Self::Now(key) => key,
            Self::Later(key) => key.await,
        }
    }
}

/// Counts by the client's address: one IPv4 address, or one IPv6 network.
impl KeyExtractor for ClientIpSource {
    fn key(&self, head: RequestHead<'_>) -> Result<Key, Problem> {
        let ip = self.resolve(head.headers(), head.extensions())?;
        Ok(Key::Limit(self.network(ip)))
    }
}

/// Counts by the value of a header, such as an API key. Requests without it share one count.
///
/// Of `Authorization` the scheme counts in any case and spaces around it do not (RFC 9110 11.4), so that one credential is
/// one client. The store sees a hash of the value: no key in Redis, no log and no error shows it.
impl KeyExtractor for HeaderName {
    fn key(&self, head: RequestHead<'_>) -> Result<Key, Problem> {
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
