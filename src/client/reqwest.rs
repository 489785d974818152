use super::{
    Transport, TransportBody, TransportError,
    reqwest_settings::{client_builder, convert},
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http_body_util::BodyExt;

/// The built-in [`Transport`]: a [`reqwest::Client`].
///
/// The client that it makes itself ([`from_defaults`](Self::from_defaults)) replaces dead connections:
/// - a connection has 5 s to be made;
/// - TCP probes an idle connection after 15 s, and gives one up on which nothing was acknowledged for 10 s;
/// - HTTP/2 pings a silent connection after 5 s, and gives it up after 3 s more;
/// - a request that is given up, because its deadline passed while no answer came to any other, makes every connection
///   suspect: the next request makes a new one.
///
/// It takes the proxy that `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name. Requests to this machine
/// (`localhost`, `127.0.0.0/8`, `::1`) never go through a proxy, which would see their token.
///
/// For other settings, begin with [`client_builder`](Self::client_builder):
///
/// ```
/// use axum_upstash::client::ReqwestTransport;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), reqwest::Error> {
/// let client = ReqwestTransport::client_builder().connect_timeout(Duration::from_secs(1)).build()?;
/// let transport = ReqwestTransport::new(client);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ReqwestTransport {
    client: Client,
}

#[derive(Debug, Clone)]
enum Client {
    Given(reqwest::Client),
    Own(std::sync::Arc<super::own_client::OwnClient>),
}

impl ReqwestTransport {
    /// Sends through a client of yours, with its proxy, TLS and pool settings.
    ///
    /// Build it without redirects and without reqwest's own retries, as [`client_builder`](Self::client_builder) does:
    /// the clients of this crate decide themselves what may be sent again.
    #[must_use]
    pub fn new(client: reqwest::Client) -> Self {
        Self { client: Client::Given(client) }
    }

    /// A client of its own, as described [above](Self).
    ///
    /// # Errors
    /// If the TLS back end or the system's resolver cannot be set up.
    pub fn from_defaults() -> Result<Self, TransportError> {
        let own = super::own_client::OwnClient::new()?;
        Ok(Self { client: Client::Own(std::sync::Arc::new(own)) })
    }

    /// The settings of the built-in client, for a client of yours that differs in a few: no redirects, no retries, and
    /// timeouts and probes that find dead connections.
    pub fn client_builder() -> reqwest::ClientBuilder {
        client_builder()
    }
}

impl Transport for ReqwestTransport {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>> {
        let client = self.client.clone();
        Box::pin(async move {
            let response = match client {
                Client::Given(client) => {
                    let request = reqwest::Request::try_from(request).map_err(convert)?;
                    client.execute(request).await.map_err(convert)?
                }
                Client::Own(own) => own.send(request).await?,
            };
            Ok(http::Response::from(response).map(|body| body.map_err(convert).boxed_unsync()))
        })
    }
}
