use std::net::IpAddr;

/// The known facts of a client, for deny lists and analytics.
///
/// ```
/// use axum_upstash::ratelimit::ClientInfo;
///
/// let ip = "::ffff:203.0.113.7".parse().unwrap();
/// let client = ClientInfo::new().with_ip(ip).with_user_agent("BadBot/1.0").with_country("DE");
/// assert_eq!(client.ip.unwrap().to_string(), "203.0.113.7");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct ClientInfo {
    /// The address.
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

impl ClientInfo {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the address. IPv4 written as IPv6 becomes IPv4.
    pub fn with_ip(mut self, ip: IpAddr) -> Self {
        self.ip = Some(ip.to_canonical());
        self
    }

    /// Sets the `User-Agent`.
    pub fn with_user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// Sets the country.
    pub fn with_country(mut self, country: impl Into<String>) -> Self {
        self.country = Some(country.into());
        self
    }

    /// Sets the city and the region.
    pub fn with_location(mut self, city: impl Into<String>, region: impl Into<String>) -> Self {
        (self.city, self.region) = (Some(city.into()), Some(region.into()));
        self
    }
}
