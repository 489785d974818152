use super::ClientInfo;
use std::{borrow::Cow, fmt};

/// A request to a limiter: the client, the cost, and the other facts that are known of the client.
///
/// Everything that can be displayed is an attempt of cost 1: `limiter.limit("user:7")`, `limiter.limit(user_id)`,
/// `limiter.limit(ip)`. [`Attempt::new`] borrows its text and allocates nothing.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::{Attempt, FixedWindow}};
/// use std::{net::Ipv4Addr, time::Duration};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), axum_upstash::Error> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let limiter = upstash.ratelimit(FixedWindow::new(10, Duration::from_secs(60)));
/// assert_eq!(limiter.limit(Attempt::new("user:7").with_cost(4)).await?.remaining, 6);
///
/// // Numbers, addresses and ids as they are.
/// assert_eq!(limiter.limit(7_u64).await?.remaining, 9);
/// assert_eq!(limiter.limit(Ipv4Addr::LOCALHOST).await?.remaining, 9);
/// assert_eq!(limiter.limit(String::from("user:7")).await?.remaining, 5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
#[non_exhaustive]
pub struct Attempt<'a> {
    pub(super) identifier: Cow<'a, str>,
    pub(super) cost: u32,
    pub(super) client_info: Option<&'a ClientInfo>,
}

impl<'a> Attempt<'a> {
    /// An attempt of cost 1.
    ///
    /// An identifier of more than 256 bytes counts under its hash. So does one that begins like a key of the limiter's
    /// own (`denyList:`, `dynamic:`, `events:`, `concurrency:`, `gcra:`).
    pub fn new(identifier: impl Into<Cow<'a, str>>) -> Self {
        Self { identifier: identifier.into(), cost: 1, client_info: None }
    }

    /// Sets the cost (1). An attempt of cost 0 always passes and counts nothing.
    pub fn with_cost(mut self, cost: u32) -> Self {
        self.cost = cost;
        self
    }

    /// Sets what is known of the client, for deny lists and analytics.
    pub fn with_client_info(mut self, client_info: &'a ClientInfo) -> Self {
        self.client_info = Some(client_info);
        self
    }
}

impl<T: fmt::Display> From<T> for Attempt<'_> {
    fn from(identifier: T) -> Self {
        Self::new(identifier.to_string())
    }
}
