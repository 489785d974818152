use std::net::{IpAddr, Ipv6Addr};

/// The network that counts as one client: an IPv4 address, or the /64 of an IPv6 address, which is what one
/// subscriber gets and can move about in.
///
/// ```
/// use axum_upstash::client_ip::network;
///
/// assert_eq!(network("203.0.113.7".parse().unwrap()), "203.0.113.7");
/// assert_eq!(network("2001:db8:1:2:3:4:5:6".parse().unwrap()), "2001:db8:1:2::/64");
/// ```
#[must_use]
pub fn network(ip: IpAddr) -> String {
    network_of(ip, 64)
}

/// The same with another length of prefix for IPv6.
pub(super) fn network_of(ip: IpAddr, ipv6_prefix: u8) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let mut text = String::with_capacity(15);
            let mut digits = itoa::Buffer::new();
            for (index, octet) in ip.octets().into_iter().enumerate() {
                if index > 0 {
                    text.push('.');
                }
                text.push_str(digits.format(octet));
            }
            text
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(ipv6_prefix)).unwrap_or(u128::MAX);
            format!("{}/{ipv6_prefix}", Ipv6Addr::from(u128::from(ip) & mask))
        }
    }
}
