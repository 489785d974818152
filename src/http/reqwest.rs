use super::{Transport, TransportBody, TransportError, TransportErrorKind};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http_body_util::BodyExt;

/// The built-in [`Transport`]: a [`reqwest::Client`].
#[derive(Debug, Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
}

impl ReqwestTransport {
    /// Sends through a client of yours, with its proxy, TLS and pool settings.
    ///
    /// Build it without redirects and without reqwest's own retries: the clients of this crate decide themselves what
    /// may be sent again.
    #[must_use]
    pub fn new(client: reqwest::Client) -> Self {
        Self { client }
    }

    /// A client of our own: no redirects, no hidden retries.
    ///
    /// # Errors
    /// Where the TLS back end or the system's resolver cannot be set up.
    pub fn from_defaults() -> Result<Self, TransportError> {
        let builder = reqwest::Client::builder();
        #[cfg(not(target_arch = "wasm32"))]
        let builder =
            builder.redirect(reqwest::redirect::Policy::none()).retry(reqwest::retry::never()).tcp_nodelay(true);
        let client = builder.build().map_err(|error| TransportError::new(TransportErrorKind::Request, error))?;
        Ok(Self { client })
    }
}

impl Transport for ReqwestTransport {
    #[cfg(not(target_arch = "wasm32"))]
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>> {
        let client = self.client.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request).map_err(convert)?;
            let response = client.execute(request).await.map_err(convert)?;
            Ok(http::Response::from(response).map(|body| body.map_err(convert).boxed_unsync()))
        })
    }

    // A browser's or worker's fetch: its future holds JavaScript values, and its body is read whole.
    #[cfg(target_arch = "wasm32")]
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>> {
        let client = self.client.clone();
        Box::pin(send_wrapper::SendWrapper::new(async move {
            let request = reqwest::Request::try_from(request).map_err(convert)?;
            let response = client.execute(request).await.map_err(convert)?;
            let mut head = http::Response::new(());
            *head.status_mut() = response.status();
            *head.headers_mut() = response.headers().clone();
            let body = response.bytes().await.map_err(convert)?;
            let body = http_body_util::Full::new(body).map_err(|never| match never {}).boxed_unsync();
            Ok(head.map(|()| body))
        }))
    }
}

fn convert(error: reqwest::Error) -> TransportError {
    // A connect timeout is both; what counts is that nothing was sent.
    let kind = if is_connect(&error) {
        TransportErrorKind::Connect
    } else if error.is_timeout() {
        TransportErrorKind::Timeout
    } else if error.is_builder() {
        TransportErrorKind::Request
    } else {
        TransportErrorKind::Interrupted
    };
    // Queries and credentials in a URL are secrets; the host is told by whoever configured it.
    TransportError::new(kind, error.without_url())
}

#[cfg(not(target_arch = "wasm32"))]
fn is_connect(error: &reqwest::Error) -> bool {
    error.is_connect()
}

#[cfg(target_arch = "wasm32")]
fn is_connect(_: &reqwest::Error) -> bool {
    false // fetch does not tell
}
