use super::RequestHead;
use crate::{
    client_ip::{ClientIpRejection, ClientIpSource},
    ratelimit::ClientInfo,
};
use http::{HeaderName, header::USER_AGENT};

/// The sources of [`ClientInfo`], for deny lists and analytics.
///
/// ```
/// use axum_upstash::{Upstash, client_ip::ClientIpSource, ratelimit::{ClientInfoSource, FixedWindow}};
/// use http::HeaderName;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let source = ClientInfoSource::new()
///     .with_ip(ClientIpSource::x_forwarded_for(1))
///     .with_user_agent()
///     .with_country(HeaderName::from_static("cf-ipcountry"));
/// let layer = upstash.rate_limit_layer("api", FixedWindow::new(100, Duration::from_secs(60))).with_client_info(source);
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct ClientInfoSource {
    ip: Option<ClientIpSource>,
    user_agent: bool,
    country: Option<HeaderName>,
    city: Option<HeaderName>,
    region: Option<HeaderName>,
}

impl ClientInfoSource {
    /// Finds out nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the client's address. A request without one is refused, so that no client evades a list by leaving it out.
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
    pub fn with_location(mut self, city: HeaderName, region: HeaderName) -> Self {
        (self.city, self.region) = (Some(city), Some(region));
        self
    }

    pub(super) fn client_info(&self, head: RequestHead<'_>) -> Result<ClientInfo, ClientIpRejection> {
        let text = |name: &Option<HeaderName>| Some(head.header(name.as_ref()?.as_str())?.to_owned());
        let mut client_info = ClientInfo::new();
        if let Some(source) = &self.ip {
            client_info.ip = Some(source.resolve(head.headers(), head.extensions())?);
        }
        if self.user_agent {
            client_info.user_agent = text(&Some(USER_AGENT));
        }
        client_info.country = text(&self.country);
        client_info.city = text(&self.city);
        client_info.region = text(&self.region);
        Ok(client_info)
    }
}
