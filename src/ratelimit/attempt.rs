use std::net::IpAddr;

/// A request as the limiter sees it: who, how much, and what else is known of it.
///
/// Anything that is a text is one of cost 1: `limiter.limit("user:7")`.
///
/// ```
/// use axum_upstash::ratelimit::{Attempt, FixedWindow, Ratelimit};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), axum_upstash::Error> {
/// let limiter = Ratelimit::memory(FixedWindow::new(10, Duration::from_secs(60)));
/// let upload = Attempt::new("user:7").with_cost(4);
/// assert_eq!(limiter.limit(upload).await?.remaining, 6);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
#[non_exhaustive]
pub struct Attempt<'a> {
    pub(super) identifier: &'a str,
    pub(super) cost: u32,
    pub(super) origin: Option<&'a Origin>,
}

impl<'a> Attempt<'a> {
    /// An attempt of cost 1. An identifier of more than 256 bytes, or one that begins like a key of the
    /// limiter's own (`denyList:`, `dynamic:`, `events:`, `concurrency:`, `gcra:`), counts under its hash.
    pub fn new(identifier: &'a str) -> Self {
        Self { identifier, cost: 1, origin: None }
    }

    /// It weighs as much as so many ordinary ones. Cost 0 passes always and counts nothing.
    pub fn with_cost(mut self, cost: u32) -> Self {
        self.cost = cost;
        self
    }

    /// Where it comes from: for deny lists and analytics.
    pub fn with_origin(mut self, origin: &'a Origin) -> Self {
        self.origin = Some(origin);
        self
    }
}

impl<'a, T: AsRef<str> + ?Sized> From<&'a T> for Attempt<'a> {
    fn from(identifier: &'a T) -> Self {
        Self::new(identifier.as_ref())
    }
}

/// Where a request comes from, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Origin {
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// The country, as the proxy in front names it: `DE`.
    pub country: Option<String>,
    /// The city, for analytics.
    pub city: Option<String>,
    /// The region, for analytics.
    pub region: Option<String>,
}

impl Origin {
    /// An origin of which nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// From this address.
    pub fn with_ip(mut self, ip: IpAddr) -> Self {
        self.ip = Some(ip.to_canonical());
        self
    }

    /// By this program.
    pub fn with_user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// From this country.
    pub fn with_country(mut self, country: impl Into<String>) -> Self {
        self.country = Some(country.into());
        self
    }

    /// From this city and region.
    pub fn with_place(mut self, city: impl Into<String>, region: impl Into<String>) -> Self {
        (self.city, self.region) = (Some(city.into()), Some(region.into()));
        self
    }
}
