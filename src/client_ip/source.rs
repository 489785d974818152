use crate::Problem;
use axum_core::response::{IntoResponse, Response};
use http::{Extensions, HeaderMap, HeaderName, StatusCode};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// Where the address of the client is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct ClientIpSource(Source);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Source {
    #[default]
    Peer,
    ForwardedFor {
        hops: usize,
    },
    Header(HeaderName),
}

impl ClientIpSource {
    /// The other end of the connection: right where no proxy is in front.
    ///
    /// It is in the request where the router is served with `into_make_service_with_connect_info::<SocketAddr>()`, or
    /// where a [`SocketAddr`] was put into the request's extensions.
    pub const fn peer() -> Self {
        Self(Source::Peer)
    }

    /// `X-Forwarded-For`, the entry that the outermost of `hops` proxies of yours appended: 1 is the last entry.
    /// Google's load balancer appends two, so there it is 2. Zero proxies means the peer.
    pub const fn x_forwarded_for(hops: usize) -> Self {
        if hops == 0 { Self::peer() } else { Self(Source::ForwardedFor { hops }) }
    }

    /// A header with one address, which the proxy in front overwrites: `CF-Connecting-IP`, `Fly-Client-IP`,
    /// `X-Real-IP`. Safe only where nobody reaches the server without that proxy.
    pub const fn header(name: HeaderName) -> Self {
        Self(Source::Header(name))
    }

    /// Reads the address; IPv4 written as IPv6 (`::ffff:1.2.3.4`) comes out as IPv4.
    ///
    /// # Errors
    /// Where the source is absent, too short or not an address. Another source is never tried.
    pub fn resolve(&self, headers: &HeaderMap, extensions: &Extensions) -> Result<IpAddr, ClientIpError> {
        match &self.0 {
            Source::Peer => peer(extensions).ok_or(ClientIpError::NoPeer),
            Source::ForwardedFor { hops } => forwarded_for(headers, *hops),
            Source::Header(name) => {
                let mut values = headers.get_all(name).iter();
                match (values.next(), values.next()) {
                    (None, _) => Err(ClientIpError::Absent),
                    (Some(_), Some(_)) => Err(ClientIpError::Malformed),
                    (Some(value), None) => value.to_str().ok().and_then(parse_address).ok_or(ClientIpError::Malformed),
                }
            }
        }
        .map(|ip| ip.to_canonical())
    }
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    #[cfg(all(feature = "axum", not(target_arch = "wasm32")))]
    if let Some(info) = extensions.get::<axum::extract::ConnectInfo<SocketAddr>>() {
        return Some(info.0.ip());
    }
    extensions.get::<SocketAddr>().map(SocketAddr::ip)
}

/// The entry `hops` from the right over all lines. An entry on the way that is no address ends the search: the proxies
/// of the application do not write such.
fn forwarded_for(headers: &HeaderMap, hops: usize) -> Result<IpAddr, ClientIpError> {
    const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
    let mut left = hops;
    for line in headers.get_all(FORWARDED_FOR).iter().rev() {
        let line = line.to_str().map_err(|_| ClientIpError::Malformed)?;
        for entry in line.rsplit(',') {
            let ip = parse_address(entry).ok_or(ClientIpError::Malformed)?;
            left -= 1;
            if left == 0 {
                return Ok(ip);
            }
        }
    }
    Err(if left == hops { ClientIpError::Absent } else { ClientIpError::TooFewHops })
}

/// An address, alone or with a port, in brackets or with a zone.
fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some(socket.ip());
    }
    let text = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let text = text.split_once('%').map_or(text, |(address, _)| address);
    text.parse().ok()
}

/// Why there is no client address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientIpError {
    /// The server does not say who is on the other end; see [`ClientIpSource::peer`].
    NoPeer,
    /// The header is absent: the request did not come through the proxy.
    Absent,
    /// There are fewer entries than proxies.
    TooFewHops,
    /// What stands there is not an address, or it stands there twice.
    Malformed,
}

impl fmt::Display for ClientIpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPeer => {
                "the peer address is unknown: serve the router with \
                 into_make_service_with_connect_info::<SocketAddr>(), or name a header your proxy sets"
            }
            Self::Absent => "the header that carries the client address is absent",
            Self::TooFewHops => "the forwarding header has fewer entries than there are proxies",
            Self::Malformed => "the header that carries the client address holds something else",
        })
    }
}

impl std::error::Error for ClientIpError {}

impl From<ClientIpError> for Problem {
    fn from(error: ClientIpError) -> Self {
        match error {
            // A mistake in how the server is set up: the reason is for its log, not for the client.
            ClientIpError::NoPeer => {
                tracing::error!("{error}");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The client address is unknown")
            }
            _ => Self::new(StatusCode::BAD_REQUEST, "The client address is unknown").with_detail(error.to_string()),
        }
    }
}

impl IntoResponse for ClientIpError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(source: &ClientIpSource, lines: &[&str]) -> Result<String, ClientIpError> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(SocketAddr::from(([10, 0, 0, 1], 80)));
        source.resolve(&headers, &extensions).map(|ip| ip.to_string())
    }

    #[test]
    fn forwarded_for_counts_from_the_right() {
        let two = ["1.1.1.1, 2.2.2.2"].as_slice();
        for (lines, hops, wanted) in [
            (two, 1, Ok("2.2.2.2")),
            (two, 2, Ok("1.1.1.1")),
            (two, 3, Err(ClientIpError::TooFewHops)),
            (two, 0, Ok("10.0.0.1")),
            (&["6.6.6.6", "2.2.2.2"], 1, Ok("2.2.2.2")),
            (&["6.6.6.6", "2.2.2.2"], 2, Ok("6.6.6.6")),
            (&["1.1.1.1:443"], 1, Ok("1.1.1.1")),
            (&["[2001:db8::1]:443"], 1, Ok("2001:db8::1")),
            (&["[2001:db8::1]"], 1, Ok("2001:db8::1")),
            (&["fe80::1%eth0"], 1, Ok("fe80::1")),
            (&["::ffff:1.2.3.4"], 1, Ok("1.2.3.4")),
            (&["1.1.1.1, unknown"], 1, Err(ClientIpError::Malformed)),
            (&["1.1.1.1, unknown"], 2, Err(ClientIpError::Malformed)),
            (&[""], 1, Err(ClientIpError::Malformed)),
            (&[], 1, Err(ClientIpError::Absent)),
        ] {
            let got = resolve(&ClientIpSource::x_forwarded_for(hops), lines);
            assert_eq!(got.as_deref().map_err(|error| *error), wanted, "{lines:?} with {hops} hops");
        }
    }

    #[test]
    fn a_single_header_twice_is_refused() {
        let source = ClientIpSource::header(HeaderName::from_static("x-forwarded-for"));
        assert_eq!(resolve(&source, &["1.1.1.1"]).unwrap(), "1.1.1.1");
        assert_eq!(resolve(&source, &["1.1.1.1", "2.2.2.2"]), Err(ClientIpError::Malformed));
        assert_eq!(resolve(&source, &["1.1.1.1, 2.2.2.2"]), Err(ClientIpError::Malformed));
        assert_eq!(resolve(&source, &[]), Err(ClientIpError::Absent));
    }

    #[test]
    fn no_peer_is_an_error() {
        let got = ClientIpSource::peer().resolve(&HeaderMap::new(), &Extensions::new());
        assert_eq!(got, Err(ClientIpError::NoPeer));
    }
}
