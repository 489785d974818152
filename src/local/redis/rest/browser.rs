use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, Uri,
    header::{HOST, ORIGIN},
    uri::Authority,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request to a server for this machine only may come from a web page of someone else.
///
/// Any page can send a browser to a loopback address, and a name of its own can be made to point there, so the token
/// alone does not keep it out: the token may be a well-known one.
pub(super) fn foreign_page(headers: &HeaderMap, uri: &Uri) -> Option<&'static str> {
    let crosses_sites = |site: &[u8]| {
        [&b"cross-site"[..], b"same-site"].iter().any(|foreign| site.trim_ascii().eq_ignore_ascii_case(foreign))
    };
    if values(headers, SEC_FETCH_SITE).any(crosses_sites) {
        return Some("ERR refused: Sec-Fetch-Site says that a web page of another site sent the request");
    }
    if !values(headers, ORIGIN).all(is_loopback_origin) {
        return Some("ERR refused: Origin is not a web page of this machine, http://localhost for one");
    }
    let names_this_machine = values(headers, HOST).all(is_loopback) && uri.authority().is_none_or(is_loopback_host);
    if !names_this_machine {
        return Some(
            "ERR refused: Host is not a loopback name, and this server listens on a loopback address: \
             use localhost or 127.0.0.1, or let it listen on another address",
        );
    }
    None
}

fn values(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    headers.get_all(name).into_iter().map(http::HeaderValue::as_bytes)
}

fn is_loopback_origin(origin: &[u8]) -> bool {
    origin.strip_prefix(b"http://").is_some_and(is_loopback)
}

/// Whether `host` or `host:port` is this machine.
fn is_loopback(authority: &[u8]) -> bool {
    let Ok(authority) = Authority::try_from(authority) else {
        return false;
    };
    !authority.as_str().contains('@') && is_loopback_host(&authority)
}

fn is_loopback_host(authority: &Authority) -> bool {
    let host = authority.host();
    let port = authority.as_str().rsplit_once(host).map_or("", |(_, port)| port);
    let has_port = port.is_empty() || authority.port_u16().is_some();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_address = || address.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    has_port && (host.eq_ignore_ascii_case("localhost") || is_address())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn knows_the_names_of_this_machine() {
        for (name, expected) in [
            ("localhost", true),
            ("LocalHost:8079", true),
            ("127.0.0.1:8079", true),
            ("127.1.2.3", true),
            ("[::1]", true),
            ("[::1]:8079", true),
            ("", false),
            (":8079", false),
            ("localhost:x", false),
            ("localhost:99999", false),
            ("localhost.", false),
            ("localhost.evil.example", false),
            ("user@localhost", false),
            ("localhost@evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("0.0.0.0", false),
            ("[::2]", false),
            ("[::1", false),
            ("192.168.0.1:8079", false),
        ] {
            assert_eq!(is_loopback(name.as_bytes()), expected, "{name}");
        }
    }
}
