use super::ClientIpRejection;
use http::{HeaderMap, HeaderName};
use std::net::{IpAddr, SocketAddr};

pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

pub(super) type Entries<'a> = Box<dyn Iterator<Item = Result<IpAddr, ClientIpRejection>> + 'a>;

/// The entries over all lines, the last one first.
pub(super) fn forwarded_for(headers: &HeaderMap) -> Entries<'_> {
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    Box::new(lines.flat_map(|line| -> Entries<'_> {
        match line.to_str() {
            Ok(line) => {
                Box::new(line.rsplit(',').map(|entry| parse_address(entry).ok_or(ClientIpRejection::Malformed)))
            }
            Err(_) => Box::new(std::iter::once(Err(ClientIpRejection::Malformed))),
        }
    }))
}

/// An address, alone or with a port, in brackets or with a zone.
pub(super) fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some(socket.ip());
    }
    let text = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, "")) => address,
        // With a zone, which the standard library wants to be a number.
        Some((address, port)) => port.strip_prefix(':')?.parse::<u16>().ok().map(|_| address)?,
        None => text,
    };
    let text = text.split_once('%').map_or(text, |(address, _)| address);
    text.parse().ok()
}
