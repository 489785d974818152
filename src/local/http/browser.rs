use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, Uri,
    header::{HOST, ORIGIN, UPGRADE},
    uri::Authority,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request to a server for this machine only may come from a web page of someone else.
///
/// Any page can send a browser to a loopback address, and a name of its own can be made to point there, so the token
/// alone does not keep it out: the token may be a well-known one.
pub(in crate::local) fn foreign_page(headers: &HeaderMap, uri: &Uri) -> Option<&'static str> {
    let names_this_machine = values(headers, HOST).all(is_loopback) && uri.authority().is_none_or(is_loopback_host);
    let is_origin = |origin: &[u8], own: &Authority| is_this_machine(origin) && is_origin(origin, own);
    other_site(headers, uri, is_origin).or((!names_this_machine).then_some(
        "ERR refused: Host is not a loopback name, and this server listens on a loopback address: \
         use localhost or 127.0.0.1, or let it listen on another address",
    ))
}

/// The same of a server whose token is public knowledge, on any address.
fn page_of_another_site(headers: &HeaderMap, uri: &Uri) -> Option<&'static str> {
    other_site(headers, uri, is_origin)
}

/// Why a request is refused before it is read: it asks for another protocol, or may come from a web page of someone else.
/// On a loopback address the names of this machine count as well.
pub(in crate::local) fn refused(headers: &HeaderMap, uri: &Uri, is_loopback: bool) -> Option<&'static str> {
    if !stays_http(headers) {
        return Some("this server does not change the protocol as Upgrade asks");
    }
    if is_loopback { foreign_page(headers, uri) } else { page_of_another_site(headers, uri) }
}

fn other_site(headers: &HeaderMap, uri: &Uri, is_origin: impl Fn(&[u8], &Authority) -> bool) -> Option<&'static str> {
    let crosses_sites = |site: &[u8]| {
        [&b"cross-site"[..], b"same-site"].iter().any(|foreign| site.trim_ascii().eq_ignore_ascii_case(foreign))
    };
    if values(headers, SEC_FETCH_SITE).any(crosses_sites) {
        return Some("ERR refused: Sec-Fetch-Site says that a web page of another site sent the request");
    }
    let is_own = |origin: &[u8]| own_origin(headers, uri).is_some_and(|own| is_origin(origin, &own));
    if !values(headers, ORIGIN).all(is_own) {
        return Some("ERR refused: Origin is not this server, so that a web page of another one sent the request");
    }
    None
}

/// Whether the request asks for no other protocol than HTTP.
///
/// A web page can make a browser begin a WebSocket at any address, without asking first.
pub(in crate::local) fn stays_http(headers: &HeaderMap) -> bool {
    values(headers, UPGRADE).all(|protocols| protocols.trim_ascii().eq_ignore_ascii_case(b"h2c"))
}

fn values(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    headers.get_all(name).into_iter().map(http::HeaderValue::as_bytes)
}

/// The name under which this server was asked, which is its origin in a browser.
fn own_origin(headers: &HeaderMap, uri: &Uri) -> Option<Authority> {
    let host = || values(headers, HOST).next().and_then(|host| Authority::try_from(host).ok());
    uri.authority().cloned().or_else(host)
}

fn is_this_machine(origin: &[u8]) -> bool {
    origin.strip_prefix(b"http://").is_some_and(is_loopback)
}

fn is_origin(origin: &[u8], own: &Authority) -> bool {
    const PORT: u16 = 80;
    let Some(origin) = origin.strip_prefix(b"http://") else { return false };
    Authority::try_from(origin).is_ok_and(|origin| {
        origin.host().eq_ignore_ascii_case(own.host())
            && origin.port_u16().unwrap_or(PORT) == own.port_u16().unwrap_or(PORT)
    })
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
