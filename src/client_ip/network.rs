use crate::{Error, ErrorKind};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// A network or an address: an [`IpNet`], an [`IpAddr`], or a text such as `10.0.0.0/8` and `2001:db8::1`.
///
/// ```
/// use axum_upstash::client_ip::ClientIpSource;
/// use std::net::IpAddr;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Text, addresses and networks.
/// ClientIpSource::x_forwarded_for_by(["10.0.0.0/8", "192.0.2.1"])?;
/// ClientIpSource::x_forwarded_for_by([IpAddr::from([192, 0, 2, 1])])?;
/// assert!(ClientIpSource::x_forwarded_for_by(["10.0.0.0/33"]).is_err());
/// # Ok(())
/// # }
/// ```
pub trait IntoNetwork {
    /// The network. An address is a network of its own.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if a text is no address and no network.
    fn into_network(self) -> Result<IpNet, Error>;
}

impl IntoNetwork for IpNet {
    fn into_network(self) -> Result<IpNet, Error> {
        Ok(self)
    }
}

impl IntoNetwork for IpAddr {
    fn into_network(self) -> Result<IpNet, Error> {
        Ok(self.into())
    }
}

impl IntoNetwork for Ipv4Addr {
    fn into_network(self) -> Result<IpNet, Error> {
        Ok(IpAddr::from(self).into())
    }
}

impl IntoNetwork for Ipv6Addr {
    fn into_network(self) -> Result<IpNet, Error> {
        Ok(IpAddr::from(self).into())
    }
}

impl IntoNetwork for &str {
    fn into_network(self) -> Result<IpNet, Error> {
        let network = self.parse().ok().or_else(|| self.parse::<IpAddr>().ok().map(IpNet::from));
        network.ok_or_else(|| Error::new(ErrorKind::Configuration, "a network is not written as 10.0.0.0/8"))
    }
}

impl IntoNetwork for String {
    fn into_network(self) -> Result<IpNet, Error> {
        self.as_str().into_network()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_addresses_are_networks() {
        let text = |network: &str| network.into_network().map(|network| network.to_string());
        assert_eq!(text("10.0.0.0/8").unwrap(), "10.0.0.0/8");
        assert_eq!(text("10.1.2.3").unwrap(), "10.1.2.3/32");
        assert_eq!(text("2001:db8::1").unwrap(), "2001:db8::1/128");
        for wrong in ["10.0.0.0/33", "example.com", ""] {
            assert_eq!(text(wrong).unwrap_err().kind(), ErrorKind::Configuration, "{wrong}");
        }
        assert_eq!(Ipv4Addr::LOCALHOST.into_network().unwrap().to_string(), "127.0.0.1/32");
    }
}
