use crate::{Error, ErrorKind};
use ipnet::Ipv6Net;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

/// The prefixes under which translators write IPv4 addresses as IPv6: those of the RFCs, and those of the operator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Translated {
    own: Arc<[Ipv6Net]>,
}

/// The upper 96 bits of `64:ff9b::/96` (RFC 6052 2.1), `::ffff:0:0:0/96` (RFC 7915) and `::/96` (RFC 4291 2.5.5.1).
const KNOWN: [u128; 3] = [0x0064_ff9b << 96, 0xffff << 48, 0];

impl Translated {
    /// Adds a prefix of one of the lengths that RFC 6052 2.2 has.
    pub(super) fn add(&mut self, prefix: Ipv6Net) -> Result<(), Error> {
        if ![32, 40, 48, 56, 64, 96].contains(&prefix.prefix_len()) {
            let message = "a NAT64 prefix has 32, 40, 48, 56, 64 or 96 bits (RFC 6052 2.2)";
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        self.own = self.own.iter().copied().chain([prefix]).collect();
        Ok(())
    }

    /// The IPv4 address that was translated, or the address as it is.
    pub(super) fn original(&self, ip: IpAddr) -> IpAddr {
        let IpAddr::V6(v6) = ip else { return ip };
        if let Some(prefix) = self.own.iter().find(|prefix| prefix.contains(&v6)) {
            return embedded(v6, prefix.prefix_len()).into();
        }
        // `::` and `::1` are no IPv4 addresses.
        let is_known = KNOWN.contains(&(u128::from(v6) >> 32 << 32)) && u128::from(v6) > 1;
        if is_known { embedded(v6, 96).into() } else { ip }
    }
}

/// The four bytes behind the prefix, without the ninth byte of the address, which is zero (RFC 6052 2.2).
fn embedded(ip: Ipv6Addr, prefix_len: u8) -> Ipv4Addr {
    let octets = ip.octets();
    let mut bytes = (usize::from(prefix_len / 8)..16).filter(|&at| at != 8).map(|at| octets[at]);
    Ipv4Addr::from([(); 4].map(|()| bytes.next().unwrap_or(0)))
}
