use super::source::X_FORWARDED_FOR;
use http::{HeaderMap, header::FORWARDED};
use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

/// Looks out for a source that cannot be right, and says so once.
#[derive(Debug, Default)]
pub(super) struct Watch {
    header_seen: AtomicBool,
    header_missed: AtomicU32,
    told: AtomicBool,
}

/// So many requests without the header, and none with it.
const MISSED: u32 = 20;

impl Watch {
    /// A request with the header that is trusted, or without it.
    pub(super) fn header(&self, is_there: bool) {
        if self.header_seen.load(Ordering::Relaxed) {
            return;
        }
        if is_there {
            self.header_seen.store(true, Ordering::Relaxed);
        } else if self.header_missed.fetch_add(1, Ordering::Relaxed) + 1 == MISSED && self.tell() {
            tracing::error!(
                "the client's address is read from a header that none of the first {MISSED} requests had: \
                 does the proxy in front set it?"
            );
        }
    }

    /// A request whose peer is taken for the client.
    pub(super) fn peer(&self, peer: IpAddr, headers: &HeaderMap) {
        let forwarded = || headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(FORWARDED);
        if is_local(peer) && !self.told.load(Ordering::Relaxed) && forwarded() && self.tell() {
            tracing::error!(
                "the peer is taken for the client, but there seems to be a proxy in front: all its clients count as one. \
                 Name the header that it sets: ClientIpSource::x_forwarded_for(1)"
            );
        }
    }

    /// Whether it was not told yet.
    fn tell(&self) -> bool {
        !self.told.swap(true, Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn has_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }
}

/// Where proxies are: this machine, a private network.
fn is_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_nobody_sets_is_noticed() {
        let watch = Watch::default();
        (1..MISSED).for_each(|_| watch.header(false));
        assert!(!watch.has_told());
        watch.header(false);
        assert!(watch.has_told());

        let watch = Watch::default();
        watch.header(true);
        (0..MISSED * 2).for_each(|_| watch.header(false));
        assert!(!watch.has_told(), "requests that come by another way are no mistake");
    }

    #[test]
    fn a_proxy_that_nobody_asks_for_is_noticed() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "1.1.1.1".parse().unwrap());
        let watch = Watch::default();
        watch.peer("203.0.113.7".parse().unwrap(), &headers);
        watch.peer("10.0.0.1".parse().unwrap(), &HeaderMap::new());
        assert!(!watch.has_told(), "anybody can send a header");
        watch.peer("10.0.0.1".parse().unwrap(), &headers);
        assert!(watch.has_told());
    }
}
