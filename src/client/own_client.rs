//! The HTTP client that the crate makes itself.

use super::{
    TransportError,
    cleartext::Cleartext,
    connections::Connections,
    reqwest_settings::{client_builder, convert},
};
use crate::rt::Stopwatch;
use bytes::Bytes;
use std::sync::Arc;

/// Clients for hosts behind a proxy, if one is set, and for this machine.
#[derive(Debug)]
pub(super) struct OwnClient {
    outside: Side,
    loopback: Side,
}

#[derive(Debug)]
struct Side {
    usual: Arc<Connections>,
    cleartext: Cleartext,
}

impl OwnClient {
    pub(super) fn new() -> Result<Self, TransportError> {
        let outside = Side::new(client_builder, || client_builder().http2_prior_knowledge());
        // Made at once, because it is the one that can fail.
        outside.usual.client()?;
        let loopback =
            Side::new(|| client_builder().no_proxy(), || client_builder().no_proxy().http2_prior_knowledge());
        Ok(Self { outside, loopback })
    }

    pub(super) async fn send(&self, request: http::Request<Bytes>) -> Result<reqwest::Response, TransportError> {
        let request = reqwest::Request::try_from(request).map_err(convert)?;
        let side = if is_loopback(request.url()) { &self.loopback } else { &self.outside };
        if request.url().scheme() != "http" {
            return side.usual.send(request).await;
        }
        let host = request.url().authority().to_owned();
        if let Some(connections) = side.cleartext.known(&host) {
            let outcome = connections.send(request).await;
            if outcome.is_err() {
                side.cleartext.forget(&host);
            }
            return outcome;
        }
        let (url, sent) = (request.url().clone(), Stopwatch::start());
        let outcome = side.usual.send(request).await;
        if let Ok(response) = &outcome {
            side.cleartext.consider(host, url, response.headers(), sent.elapsed());
        }
        outcome
    }
}

impl Side {
    fn new(usual: fn() -> reqwest::ClientBuilder, cleartext: fn() -> reqwest::ClientBuilder) -> Self {
        let cleartext = Cleartext::new(Connections::new(cleartext));
        Self { usual: Arc::new(Connections::new(usual)), cleartext }
    }
}

fn is_loopback(url: &reqwest::Url) -> bool {
    match url.host_str() {
        Some(host) => {
            let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
            address.map_or_else(|_| host == "localhost" || host.ends_with(".localhost"), |ip| ip.is_loopback())
        }
        None => false,
    }
}
