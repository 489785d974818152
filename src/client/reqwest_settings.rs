//! The settings of reqwest, and its errors in this crate's terms.

use super::{TransportError, TransportErrorKind};

pub(super) fn client_builder() -> reqwest::ClientBuilder {
    use std::time::Duration;
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .tcp_nodelay(true)
        .connect_timeout(Duration::from_secs(5))
        .tcp_keepalive(Duration::from_secs(15))
        .tcp_keepalive_interval(Duration::from_secs(5))
        .tcp_keepalive_retries(3)
        .http2_keep_alive_interval(Duration::from_secs(5))
        .http2_keep_alive_timeout(Duration::from_secs(3))
        // A request after a pause must not be the first to find out that the connection is dead.
        .http2_keep_alive_while_idle(true)
        // The probes above find out whether an idle connection is alive, so it may be kept for long.
        .pool_idle_timeout(Duration::from_secs(300));
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let builder = builder.tcp_user_timeout(Duration::from_secs(10));
    builder
}

pub(super) fn convert(error: reqwest::Error) -> TransportError {
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
    // Queries and credentials in a URL are secrets; the host is told by the settings.
    TransportError::new(kind, error.without_url())
}

/// Whether nothing of the request was sent: no connection was made, or it was closed before the request was written.
fn is_connect(error: &reqwest::Error) -> bool {
    error.is_connect() || was_unwritten(error)
}

/// Whether the connection was closed before anything was written to it.
fn was_unwritten(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return error.is_canceled();
        }
        cause = error.source();
    }
    false
}
