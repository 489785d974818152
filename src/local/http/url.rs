use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// The URL of a server for clients on this machine, in which loopback replaces `0.0.0.0` and `[::]`.
pub(in crate::local) fn url_of(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}
