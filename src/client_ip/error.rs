use crate::Problem;
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use std::fmt;

/// Why there is no client address.
///
/// ```
/// use axum_upstash::client_ip::ClientIpSource;
/// use http::{Extensions, HeaderMap};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let source = ClientIpSource::x_forwarded_for(1);
/// let rejection = source.resolve(&HeaderMap::new(), &Extensions::new()).unwrap_err();
/// println!("{rejection}"); // names the field that is missing
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientIpRejection {
    /// The server does not say who is on the other end; see [`ClientIpSource::peer`](super::ClientIpSource::peer).
    NoPeer,
    /// The header is absent: the request did not come through the proxy.
    Absent,
    /// There are fewer entries than proxies.
    TooFewHops,
    /// What stands there is not an address, or it stands there twice.
    Malformed,
}

impl fmt::Display for ClientIpRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPeer => {
                "the peer address is unknown: serve the router with \
                 into_make_service_with_connect_info::<SocketAddr>(), name a header your proxy sets, or behind a Unix \
                 socket call ClientIpSource::with_unix_socket()"
            }
            Self::Absent => "the header that carries the client address is absent",
            Self::TooFewHops => "the forwarding header has fewer entries than there are proxies",
            Self::Malformed => "the header that carries the client address holds something else",
        })
    }
}

impl std::error::Error for ClientIpRejection {}

impl From<ClientIpRejection> for Problem {
    fn from(error: ClientIpRejection) -> Self {
        match error {
            // A mistake in how the server is set up: the reason stands in its log, and is nothing for the client.
            ClientIpRejection::NoPeer => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The client address is unknown"),
            _ => Self::new(StatusCode::BAD_REQUEST, "The client address is unknown").with_detail(error.to_string()),
        }
    }
}

impl IntoResponse for ClientIpRejection {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
