use super::Head;
use crate::{
    client_ip::{ClientIpError, ClientIpSource},
    ratelimit::Origin,
};
use http::{HeaderName, header::USER_AGENT};

/// What a layer finds out about where a request comes from, for deny lists and analytics.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct OriginSource {
    ip: Option<ClientIpSource>,
    user_agent: bool,
    country: Option<HeaderName>,
    city: Option<HeaderName>,
    region: Option<HeaderName>,
}

impl OriginSource {
    /// Finds out nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The client's address. A request without one is refused, so that nobody evades a list by leaving it out.
    pub fn with_ip(mut self, source: ClientIpSource) -> Self {
        self.ip = Some(source);
        self
    }

    /// `User-Agent`.
    pub fn with_user_agent(mut self) -> Self {
        self.user_agent = true;
        self
    }

    /// The country, from a header that the proxy in front sets: `cf-ipcountry`, `x-vercel-ip-country`.
    pub fn with_country(mut self, header: HeaderName) -> Self {
        self.country = Some(header);
        self
    }

    /// City and region, from headers that the proxy in front sets.
    pub fn with_place(mut self, city: HeaderName, region: HeaderName) -> Self {
        (self.city, self.region) = (Some(city), Some(region));
        self
    }

    pub(super) fn origin(&self, head: Head<'_>) -> Result<Origin, ClientIpError> {
        let text = |name: &Option<HeaderName>| Some(head.header(name.as_ref()?.as_str())?.to_owned());
        let mut origin = Origin::new();
        if let Some(source) = &self.ip {
            origin.ip = Some(source.resolve(head.headers(), head.extensions())?);
        }
        if self.user_agent {
            origin.user_agent = text(&Some(USER_AGENT));
        }
        origin.country = text(&self.country);
        origin.city = text(&self.city);
        origin.region = text(&self.region);
        Ok(origin)
    }
}
