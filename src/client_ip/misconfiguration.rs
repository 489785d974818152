use super::ClientIpRejection;
use crate::never_seen::{LENIENT, NeverSeen, STRICT};
use http::HeaderMap;
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicBool, Ordering},
};

/// Looks out for a source that cannot be right, and says so once.
#[derive(Debug, Default)]
pub(super) struct Misconfiguration {
    header: NeverSeen,
    told: AtomicBool,
    told_of_header: AtomicBool,
}

/// Fields in which proxies name their own peer.
const SET_BY_PROXIES: [&str; 9] = [
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
    "fly-client-ip",
    "fastly-client-ip",
    "x-envoy-external-address",
    "cloudfront-viewer-address",
];

impl Misconfiguration {
    /// A request with the header that is trusted, or without it, which may be `allowed`.
    pub(super) fn header(&self, is_there: bool, allowed: bool) {
        let most = if allowed { LENIENT } else { STRICT };
        if self.header.is_never_seen(is_there, most) {
            self.told_of_header.store(true, Ordering::Relaxed);
            tracing::error!(
                "the client's address is read from a header that none of the first {most} requests had: \
                 does the proxy in front set it?"
            );
        }
    }

    /// A request whose peer is taken for the client.
    pub(super) fn peer(&self, peer: IpAddr, headers: &HeaderMap) {
        let forwarded = || SET_BY_PROXIES.iter().any(|name| headers.contains_key(*name));
        if is_local(peer) && !self.told.load(Ordering::Relaxed) && forwarded() && self.tell() {
            tracing::error!(
                "the peer is taken for the client, but there seems to be a proxy in front: all its clients count as one. \
                 Name the header that it sets: ClientIpSource::x_forwarded_for(1), or its network"
            );
        }
    }

    /// Records a request whose peer is unknown.
    pub(super) fn no_peer(&self) {
        if self.tell() {
            tracing::error!("{}", ClientIpRejection::NoPeer);
        }
    }

    /// Whether it was not told yet.
    fn tell(&self) -> bool {
        !self.told.swap(true, Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn has_told(&self) -> bool {
        self.told.load(Ordering::Relaxed) || self.told_of_header.load(Ordering::Relaxed)
    }
}

/// Whether an address is on this machine or in a private network, as proxies are.
fn is_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local() || is_shared(ip),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// 100.64.0.0/10 (RFC 6598), which providers use for their load balancers.
fn is_shared(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && second & 0b1100_0000 == 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_nobody_sets_is_noticed() {
        let misconfiguration = Misconfiguration::default();
        (1..STRICT).for_each(|_| misconfiguration.header(false, false));
        assert!(!misconfiguration.has_told());
        misconfiguration.header(false, false);
        assert!(misconfiguration.has_told());

        let misconfiguration = Misconfiguration::default();
        misconfiguration.header(true, false);
        (0..STRICT * 2).for_each(|_| misconfiguration.header(false, false));
        assert!(!misconfiguration.has_told(), "requests that come by another way are no mistake");
    }

    #[test]
    fn a_proxy_that_nobody_asks_for_is_noticed() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "1.1.1.1".parse().unwrap());
        let misconfiguration = Misconfiguration::default();
        misconfiguration.peer("203.0.113.7".parse().unwrap(), &headers);
        misconfiguration.peer("10.0.0.1".parse().unwrap(), &HeaderMap::new());
        assert!(!misconfiguration.has_told(), "anybody can send a header");
        misconfiguration.peer("100.64.0.1".parse().unwrap(), &headers);
        assert!(misconfiguration.has_told());
    }
}
