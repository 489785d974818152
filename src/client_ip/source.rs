use super::{
    ClientIpRejection, forwarded,
    misconfiguration::Misconfiguration,
    network::{IntoNetwork, network_of},
    translated::Translated,
    x_forwarded_for::{X_FORWARDED_FOR, forwarded_for, parse_address},
};
use crate::{Error, ErrorKind};
use http::{Extensions, HeaderMap, HeaderName};
use ipnet::{IpNet, Ipv6Net};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// The part of a request from which the client's address is read.
///
/// A source that cannot be right is noticed, and logged once: a header that no request has, or a proxy in front of a
/// source that does not ask for one.
///
/// ```
/// use axum_upstash::client_ip::ClientIpSource;
/// use http::{Extensions, HeaderMap};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let source = ClientIpSource::x_forwarded_for_by(["10.0.0.0/8"])?; // the networks of your proxies
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", "198.51.100.1, 203.0.113.7, 10.0.0.2".parse()?);
/// # let mut extensions = Extensions::new();
/// # #[cfg(feature = "axum")]
/// # extensions.insert(axum::extract::ConnectInfo(std::net::SocketAddr::from(([10, 0, 0, 1], 4000))));
/// // The first address from the right that is no proxy; the client could have made up the others.
/// assert_eq!(source.resolve(&headers, &extensions)?.to_string(), "203.0.113.7");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ClientIpSource {
    source: Source,
    too_few: TooFew,
    ipv6_prefix: u8,
    translated: Translated,
    unix_socket: bool,
    misconfiguration: Arc<Misconfiguration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Peer,
    Chain { list: List, proxies: Proxies },
    Header(HeaderName),
    HeaderWithPort(HeaderName),
}

/// A field in which proxies list the peers that called them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    XForwardedFor,
    Forwarded,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Proxies {
    Hops(usize),
    Networks(Arc<[IpNet]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TooFew {
    Error,
    Peer,
}

const FORWARDED: HeaderName = http::header::FORWARDED;

impl ClientIpSource {
    fn new(source: Source) -> Self {
        Self {
            source,
            too_few: TooFew::Error,
            ipv6_prefix: 64,
            translated: Translated::default(),
            unix_socket: false,
            misconfiguration: Arc::default(),
        }
    }

    fn chain(list: List, proxies: Proxies) -> Self {
        Self::new(Source::Chain { list, proxies })
    }

    /// The other end of the connection. Use it if no proxy is in front of the server.
    ///
    /// The address is in the request if the router is served with
    /// `into_make_service_with_connect_info::<SocketAddr>()`, or if a [`SocketAddr`] was put into the request's
    /// extensions.
    pub fn peer() -> Self {
        Self::new(Source::Peer)
    }

    /// `X-Forwarded-For`, the entry that the outermost of `hops` proxies of yours appended: 1 is the last entry.
    /// Google's load balancer appends two, so there it is 2. Zero proxies means the peer.
    pub fn x_forwarded_for(hops: usize) -> Self {
        if hops == 0 { Self::peer() } else { Self::chain(List::XForwardedFor, Proxies::Hops(hops)) }
    }

    /// `X-Forwarded-For`, the last entry that is none of your proxies, which are in these networks. A peer that is not in
    /// them is the client itself.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if a text is no address and no network.
    pub fn x_forwarded_for_by<N: IntoNetwork>(proxies: impl IntoIterator<Item = N>) -> Result<Self, Error> {
        Ok(Self::chain(List::XForwardedFor, Proxies::Networks(networks(proxies)?)))
    }

    /// `Forwarded` (RFC 7239), the `for` of the element that the outermost of `hops` proxies of yours appended.
    pub fn forwarded(hops: usize) -> Self {
        if hops == 0 { Self::peer() } else { Self::chain(List::Forwarded, Proxies::Hops(hops)) }
    }

    /// `Forwarded` (RFC 7239), the last `for` that is none of your proxies, which are in these networks.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if a text is no address and no network.
    pub fn forwarded_by<N: IntoNetwork>(proxies: impl IntoIterator<Item = N>) -> Result<Self, Error> {
        Ok(Self::chain(List::Forwarded, Proxies::Networks(networks(proxies)?)))
    }

    /// The visitor's address on Cloudflare: `CF-Connecting-IP`, which it sets on every request. In a Worker no client can
    /// set it. Behind Cloudflare's proxy it is safe only if the server cannot be reached otherwise.
    ///
    /// ```
    /// use axum_upstash::client_ip::ClientIpSource;
    /// use http::{Extensions, HeaderMap};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut headers = HeaderMap::new();
    /// headers.insert("cf-connecting-ip", "203.0.113.7".parse()?);
    /// let ip = ClientIpSource::cloudflare().resolve(&headers, &Extensions::new())?;
    /// assert_eq!(ip.to_string(), "203.0.113.7");
    /// # Ok(())
    /// # }
    /// ```
    pub fn cloudflare() -> Self {
        Self::new(Source::Header(HeaderName::from_static("cf-connecting-ip")))
    }

    /// The caller's address on AWS Lambda: the last entry of `X-Forwarded-For`, which API Gateway, function URLs and load
    /// balancers append.
    ///
    /// With CloudFront in front of them the last entry is CloudFront's: use
    /// [`x_forwarded_for(2)`](Self::x_forwarded_for). That holds for edge-optimized REST APIs as well, which have
    /// CloudFront in front of them without a distribution of your own. A load balancer whose
    /// `routing.http.xff_header_processing.mode` is `preserve` appends nothing: it passes the client's value on, and any
    /// client can choose its address.
    pub fn aws_lambda() -> Self {
        Self::x_forwarded_for(1)
    }

    /// The visitor's address on Vercel: `X-Vercel-Forwarded-For`, which it overwrites on every request. With a proxy of
    /// yours in front of Vercel the address is the proxy's.
    pub fn vercel() -> Self {
        Self::new(Source::Header(HeaderName::from_static("x-vercel-forwarded-for")))
    }

    /// The visitor's address on Fly.io: `Fly-Client-IP`, which its proxy sets on every request. A client in your private
    /// network (6PN) reaches the server without that proxy and can set the header itself: it is safe only if you trust
    /// those clients.
    pub fn fly_io() -> Self {
        Self::new(Source::Header(HeaderName::from_static("fly-client-ip")))
    }

    /// A header with one address, which the proxy in front overwrites: `CF-Connecting-IP`, `Fly-Client-IP`,
    /// `X-Real-IP`. It is safe only if the server cannot be reached without that proxy.
    ///
    /// ```
    /// use axum_upstash::client_ip::ClientIpSource;
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let source = ClientIpSource::header("x-real-ip")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the text is no name of a header.
    pub fn header(name: impl TryInto<HeaderName>) -> Result<Self, Error> {
        let name = name
            .try_into()
            .map_err(|_| Error::new(ErrorKind::Configuration, "the header of the client address has no valid name"))?;
        Ok(Self::new(Source::Header(name)))
    }

    /// `CloudFront-Viewer-Address`: an address and a port, in which IPv6 has no brackets.
    pub fn cloudfront() -> Self {
        Self::new(Source::HeaderWithPort(HeaderName::from_static("cloudfront-viewer-address")))
    }

    /// Takes the peer if the list has fewer entries than there are proxies, instead of refusing the request. Health
    /// checks that come from within need this.
    pub fn with_peer_fallback(mut self) -> Self {
        self.too_few = TooFew::Peer;
        self
    }

    /// Takes a request without a peer address for one of a proxy on this machine, which came through a Unix socket. Then
    /// the networks of [`x_forwarded_for_by`](Self::x_forwarded_for_by) and [`forwarded_by`](Self::forwarded_by) contain
    /// the socket's other end.
    ///
    /// Only for servers that listen on a Unix socket and nowhere else: a TCP server that does not tell the peer address
    /// would believe every client.
    pub fn with_unix_socket(mut self) -> Self {
        self.unix_socket = true;
        self
    }

    /// Adds a prefix by which a translator of yours writes IPv4 addresses as IPv6 (RFC 6052). Those of the RFCs are known:
    /// `64:ff9b::/96` (RFC 6052), `::ffff:0:0:0/96` (RFC 7915) and `::/96` (RFC 4291). Without it, all IPv4 clients behind
    /// that translator are one client.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the length is not 32, 40, 48, 56, 64 or 96.
    pub fn try_with_nat64_prefix(mut self, prefix: Ipv6Net) -> Result<Self, Error> {
        self.translated.add(prefix)?;
        Ok(self)
    }

    /// Sets how many bits of an IPv6 address make one client in limits: 32 to 64 (64).
    ///
    /// A subscriber with a /56 has 256 such counts, and the holder of a /48, 6to4 (`2002::/16`) among them, 65,536. Choose
    /// 56 or 48 if that matters more than neighbours that are then counted together.
    pub fn with_ipv6_prefix(mut self, bits: u8) -> Self {
        self.ipv6_prefix = bits.clamp(32, 64);
        self
    }

    /// The network that counts as one client.
    #[must_use]
    pub fn network(&self, ip: IpAddr) -> String {
        network_of(ip, self.ipv6_prefix)
    }

    /// Reads the address; IPv4 written as IPv6 (`::ffff:1.2.3.4`, and [by translators](Self::try_with_nat64_prefix)) comes
    /// out as IPv4.
    ///
    /// # Errors
    /// If the source is absent, too short or not an address. Another source is never tried.
    pub fn resolve(&self, headers: &HeaderMap, extensions: &Extensions) -> Result<IpAddr, ClientIpRejection> {
        let found = match &self.source {
            Source::Peer => {
                let peer = peer(extensions).ok_or(ClientIpRejection::NoPeer);
                peer.inspect(|&peer| self.misconfiguration.peer(peer, headers))
            }
            Source::Chain { list, proxies } => self.walk(*list, proxies, headers, extensions),
            Source::Header(name) => {
                self.single(headers, name).and_then(|text| parse_address(text).ok_or(ClientIpRejection::Malformed))
            }
            Source::HeaderWithPort(name) => self.single(headers, name).and_then(|text| {
                let (address, port) = text.rsplit_once(':').ok_or(ClientIpRejection::Malformed)?;
                port.parse::<u16>().map_err(|_| ClientIpRejection::Malformed)?;
                parse_address(address).ok_or(ClientIpRejection::Malformed)
            }),
        };
        if found == Err(ClientIpRejection::NoPeer) {
            self.misconfiguration.no_peer();
        }
        found.map(|ip| self.translated.original(ip.to_canonical()))
    }

    fn walk(
        &self,
        list: List,
        proxies: &Proxies,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<IpAddr, ClientIpRejection> {
        let (name, entries) = match list {
            List::XForwardedFor => (X_FORWARDED_FOR, forwarded_for(headers)),
            List::Forwarded => (FORWARDED, forwarded::addresses(&headers.get_all(FORWARDED))),
        };
        match proxies {
            Proxies::Hops(hops) => {
                self.misconfiguration.header(headers.contains_key(name), self.too_few == TooFew::Peer);
                let mut seen = 0;
                for entry in entries {
                    seen += 1;
                    // An entry on the way that is no address ends the search: proxies of the application write none.
                    let ip = entry?;
                    if seen == *hops {
                        return Ok(ip);
                    }
                }
                match (self.too_few, seen) {
                    (TooFew::Peer, _) => peer(extensions).ok_or(ClientIpRejection::NoPeer),
                    (TooFew::Error, 0) => Err(ClientIpRejection::Absent),
                    (TooFew::Error, _) => Err(ClientIpRejection::TooFewHops),
                }
            }
            Proxies::Networks(networks) => {
                let trusted = |ip: IpAddr| networks.iter().any(|network| network.contains(&ip.to_canonical()));
                let mut entries = entries;
                let mut client = match peer(extensions) {
                    Some(peer) => peer,
                    None if self.unix_socket => entries.next().ok_or(ClientIpRejection::Absent)??,
                    None => return Err(ClientIpRejection::NoPeer),
                };
                if trusted(client) {
                    self.misconfiguration.header(headers.contains_key(name), true);
                } else {
                    self.misconfiguration.peer(client, headers);
                }
                while trusted(client) {
                    match entries.next() {
                        Some(entry) => client = entry?,
                        // All of them are proxies: the one that began.
                        None => break,
                    }
                }
                Ok(client)
            }
        }
    }

    /// A field that there is one of.
    fn single<'a>(&self, headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, ClientIpRejection> {
        let mut values = headers.get_all(name).iter();
        let (first, second) = (values.next(), values.next());
        self.misconfiguration.header(first.is_some(), false);
        match (first, second) {
            (None, _) => Err(ClientIpRejection::Absent),
            (Some(_), Some(_)) => Err(ClientIpRejection::Malformed),
            (Some(value), None) => value.to_str().map_err(|_| ClientIpRejection::Malformed),
        }
    }
}

impl Default for ClientIpSource {
    fn default() -> Self {
        Self::peer()
    }
}

impl PartialEq for ClientIpSource {
    fn eq(&self, other: &Self) -> bool {
        let settings = |source: &Self| (source.too_few, source.ipv6_prefix, source.unix_socket);
        self.source == other.source && settings(self) == settings(other) && self.translated == other.translated
    }
}

impl Eq for ClientIpSource {}

fn networks<N: IntoNetwork>(networks: impl IntoIterator<Item = N>) -> Result<Arc<[IpNet]>, Error> {
    networks.into_iter().map(IntoNetwork::into_network).collect()
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    #[cfg(all(feature = "axum", not(target_arch = "wasm32")))]
    if let Some(info) = extensions.get::<axum::extract::ConnectInfo<SocketAddr>>() {
        return Some(info.0.ip());
    }
    #[cfg(all(feature = "axum", not(target_arch = "wasm32")))]
    if let Some(info) = extensions.get::<axum::extract::connect_info::MockConnectInfo<SocketAddr>>() {
        return Some(info.0.ip());
    }
    extensions.get::<SocketAddr>().map(SocketAddr::ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(source: &ClientIpSource, name: &str, lines: &[&str], peer: [u8; 4]) -> Result<String, ClientIpRejection> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name.parse::<HeaderName>().unwrap(), line.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(SocketAddr::from((peer, 80)));
        source.resolve(&headers, &extensions).map(|ip| ip.to_string())
    }

    fn resolve(source: &ClientIpSource, lines: &[&str]) -> Result<String, ClientIpRejection> {
        ask(source, "x-forwarded-for", lines, [10, 0, 0, 1])
    }

    #[test]
    fn forwarded_for_counts_from_the_right() {
        let two = ["1.1.1.1, 2.2.2.2"].as_slice();
        for (lines, hops, wanted) in [
            (two, 1, Ok("2.2.2.2")),
            (two, 2, Ok("1.1.1.1")),
            (two, 3, Err(ClientIpRejection::TooFewHops)),
            (two, 0, Ok("10.0.0.1")),
            (&["6.6.6.6", "2.2.2.2"], 1, Ok("2.2.2.2")),
            (&["6.6.6.6", "2.2.2.2"], 2, Ok("6.6.6.6")),
            (&["1.1.1.1:443"], 1, Ok("1.1.1.1")),
            (&["[2001:db8::1]:443"], 1, Ok("2001:db8::1")),
            (&["[2001:db8::1]"], 1, Ok("2001:db8::1")),
            (&["fe80::1%eth0"], 1, Ok("fe80::1")),
            (&["[fe80::1%eth0]:80"], 1, Ok("fe80::1")),
            (&["[fe80::1%eth0]:x"], 1, Err(ClientIpRejection::Malformed)),
            (&["[fe80::1]80"], 1, Err(ClientIpRejection::Malformed)),
            (&["::ffff:1.2.3.4"], 1, Ok("1.2.3.4")),
            (&["1.1.1.1, unknown"], 1, Err(ClientIpRejection::Malformed)),
            (&["1.1.1.1, unknown"], 2, Err(ClientIpRejection::Malformed)),
            (&[""], 1, Err(ClientIpRejection::Malformed)),
            (&[], 1, Err(ClientIpRejection::Absent)),
        ] {
            let got = resolve(&ClientIpSource::x_forwarded_for(hops), lines);
            assert_eq!(got.as_deref().map_err(|error| *error), wanted, "{lines:?} with {hops} hops");
        }
        let lenient = ClientIpSource::x_forwarded_for(3).with_peer_fallback();
        assert_eq!(resolve(&lenient, two).unwrap(), "10.0.0.1");
        assert_eq!(resolve(&lenient, &["unknown"]), Err(ClientIpRejection::Malformed), "nonsense is no fallback");
    }

    #[test]
    fn networks_of_proxies_are_walked_through() {
        let source = ClientIpSource::x_forwarded_for_by(["10.0.0.0/8"]).unwrap();
        for (lines, peer, wanted) in [
            (&["6.6.6.6, 2.2.2.2, 10.0.0.9"][..], [10, 0, 0, 1], Ok("2.2.2.2")),
            (&["6.6.6.6, 2.2.2.2, ::ffff:10.0.0.9"], [10, 0, 0, 1], Ok("2.2.2.2")),
            (&["1.1.1.1"], [9, 9, 9, 9], Ok("9.9.9.9")),
            (&["10.0.0.2, 10.0.0.3"], [10, 0, 0, 1], Ok("10.0.0.2")),
            (&["1.1.1.1, unknown"], [10, 0, 0, 1], Err(ClientIpRejection::Malformed)),
            (&[], [10, 0, 0, 1], Ok("10.0.0.1")),
        ] {
            let got = ask(&source, "x-forwarded-for", lines, peer);
            assert_eq!(got.as_deref().map_err(|error| *error), wanted, "{lines:?} from {peer:?}");
        }
    }

    #[test]
    fn forwarded_is_read_as_its_rfc_says() {
        for (line, wanted) in [
            (r#"for=1.1.1.1;proto=https, for="[2001:db8::1]:99""#, Ok("2001:db8::1")),
            ("for=_hidden", Err(ClientIpRejection::Malformed)),
            ("for=unknown", Err(ClientIpRejection::Malformed)),
            ("proto=https", Err(ClientIpRejection::Malformed)),
            ("For=\"192.0.2.43:47011\";by=203.0.113.60", Ok("192.0.2.43")),
            (r#"for=6.6.6.6;host="a, for=7.7.7.7""#, Ok("6.6.6.6")),
            (r#"for=6.6.6.6;host="a\", for=7.7.7.7""#, Ok("6.6.6.6")),
            (r#"for="6.6.6.6"#, Err(ClientIpRejection::Malformed)),
            ("for=1.1.1.1;for=2.2.2.2", Err(ClientIpRejection::Malformed)),
        ] {
            let got = ask(&ClientIpSource::forwarded(1), "forwarded", &[line], [10, 0, 0, 1]);
            assert_eq!(got.as_deref().map_err(|error| *error), wanted, "{line}");
        }
        let by = ClientIpSource::forwarded_by(["10.0.0.0/8"]).unwrap();
        let lines = ["for=6.6.6.6", "for=2.2.2.2, for=10.0.0.7"];
        assert_eq!(ask(&by, "forwarded", &lines, [10, 0, 0, 1]).unwrap(), "2.2.2.2");
    }

    #[test]
    fn names_and_networks_that_are_none_are_errors() {
        use crate::ErrorKind::Configuration;
        assert_eq!(ClientIpSource::header("no name").unwrap_err().kind(), Configuration);
        assert_eq!(ClientIpSource::x_forwarded_for_by(["10.0.0.0/99"]).unwrap_err().kind(), Configuration);
        assert_eq!(ClientIpSource::forwarded_by(["proxy.example"]).unwrap_err().kind(), Configuration);
        let name = HeaderName::from_static("x-real-ip");
        assert_eq!(ClientIpSource::header(name).unwrap(), ClientIpSource::header("X-Real-IP").unwrap());
    }

    #[test]
    fn a_single_header_twice_is_refused() {
        let source = ClientIpSource::header("x-forwarded-for").unwrap();
        assert_eq!(resolve(&source, &["1.1.1.1"]).unwrap(), "1.1.1.1");
        assert_eq!(resolve(&source, &["1.1.1.1", "2.2.2.2"]), Err(ClientIpRejection::Malformed));
        assert_eq!(resolve(&source, &["1.1.1.1, 2.2.2.2"]), Err(ClientIpRejection::Malformed));
        assert_eq!(resolve(&source, &[]), Err(ClientIpRejection::Absent));
    }

    #[test]
    fn cloudfront_has_a_port_after_the_last_colon() {
        let ask = |line| ask(&ClientIpSource::cloudfront(), "cloudfront-viewer-address", &[line], [10, 0, 0, 1]);
        assert_eq!(ask("198.51.100.10:46532").unwrap(), "198.51.100.10");
        assert_eq!(ask("2001:db8::1:443").unwrap(), "2001:db8::1");
        assert_eq!(ask("198.51.100.10"), Err(ClientIpRejection::Malformed));
    }

    #[test]
    fn each_platform_has_its_own_header() {
        let names = ["x-forwarded-for", "cf-connecting-ip", "x-vercel-forwarded-for", "fly-client-ip", "x-real-ip"];
        for (source, name) in [
            (ClientIpSource::aws_lambda(), "x-forwarded-for"),
            (ClientIpSource::cloudflare(), "cf-connecting-ip"),
            (ClientIpSource::vercel(), "x-vercel-forwarded-for"),
            (ClientIpSource::fly_io(), "fly-client-ip"),
        ] {
            let ask = |with: &dyn Fn(&str) -> Option<&'static str>| {
                let lines = names.iter().filter_map(|name| {
                    Some((HeaderName::from_static(name), http::HeaderValue::from_static(with(name)?)))
                });
                let mut extensions = Extensions::new();
                extensions.insert(SocketAddr::from(([10, 0, 0, 1], 80)));
                source.resolve(&lines.collect(), &extensions).map(|ip| ip.to_string())
            };
            let all = |line: &str| Some(if line == name { "1.1.1.1" } else { "6.6.6.6" });
            assert_eq!(ask(&all).unwrap(), "1.1.1.1", "{name}");
            let others = |line: &str| (line != name).then_some("6.6.6.6");
            assert_eq!(ask(&others), Err(ClientIpRejection::Absent), "no other is read for {name}");
            // API Gateway appends to a list that the client may have begun; the others have one address.
            let list = |line: &str| (line == name).then_some("6.6.6.6, 1.1.1.1");
            let wanted = if name == "x-forwarded-for" { Ok("1.1.1.1") } else { Err(ClientIpRejection::Malformed) };
            assert_eq!(ask(&list).as_deref().map_err(|error| *error), wanted, "{name}");
        }
    }

    #[test]
    fn networks_count_as_one_client() {
        let ip = "2001:db8:1:2ff:3::4".parse().unwrap();
        assert_eq!(ClientIpSource::peer().network(ip), "2001:db8:1:2ff::/64");
        assert_eq!(ClientIpSource::peer().with_ipv6_prefix(56).network(ip), "2001:db8:1:200::/56");
    }

    #[test]
    fn ipv4_clients_behind_a_translator_are_told_apart() {
        let ask = |source: &ClientIpSource, ip: &str| resolve(source, &[ip]).unwrap();
        let source = ClientIpSource::x_forwarded_for(1);
        for (written, wanted) in [
            ("64:ff9b::203.0.113.7", "203.0.113.7"),
            ("::ffff:0:203.0.113.7", "203.0.113.7"),
            ("::203.0.113.7", "203.0.113.7"),
            ("::1", "::1"),
            ("::", "::"),
            ("64:ff9b:1::203.0.113.7", "64:ff9b:1::cb00:7107"),
        ] {
            assert_eq!(ask(&source, written), wanted, "{written}");
        }
        // The examples of RFC 6052 2.4.
        for (prefix, written) in [
            ("2001:db8::/32", "2001:db8:c000:221::"),
            ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
            ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
            ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
            ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
            ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
        ] {
            let own = source.clone().try_with_nat64_prefix(prefix.parse().unwrap()).unwrap();
            assert_eq!(ask(&own, written), "192.0.2.33", "{prefix}");
            assert_ne!(ask(&source, written), "192.0.2.33", "{prefix}");
        }
        assert!(source.try_with_nat64_prefix("2001:db8::/60".parse().unwrap()).is_err());
    }

    #[test]
    fn what_translators_write_names_no_proxy() {
        let source = ClientIpSource::x_forwarded_for_by(["10.0.0.0/8"]).unwrap();
        let lines = ["6.6.6.6, 64:ff9b::10.0.0.9"];
        assert_eq!(ask(&source, "x-forwarded-for", &lines, [10, 0, 0, 1]).unwrap(), "10.0.0.9");
    }

    #[cfg(feature = "axum")]
    #[test]
    fn a_mock_of_the_peer_is_the_peer() {
        let mut extensions = Extensions::new();
        let peer = SocketAddr::from(([203, 0, 113, 7], 80));
        extensions.insert(axum::extract::connect_info::MockConnectInfo(peer));
        let ip = ClientIpSource::peer().resolve(&HeaderMap::new(), &extensions).unwrap();
        assert_eq!(ip, peer.ip());
    }

    #[test]
    fn behind_a_unix_socket_the_proxy_is_trusted_where_one_says_so() {
        let networks = ClientIpSource::x_forwarded_for_by(["10.0.0.0/8"]).unwrap();
        let ask = |source: &ClientIpSource, line: Option<&'static str>| {
            let lines = line.map(|line| (X_FORWARDED_FOR, http::HeaderValue::from_static(line)));
            let headers: HeaderMap = lines.into_iter().collect();
            source.resolve(&headers, &Extensions::new()).map(|ip| ip.to_string())
        };
        assert_eq!(ask(&networks, Some("1.1.1.1")), Err(ClientIpRejection::NoPeer));
        let socket = networks.with_unix_socket();
        assert_eq!(ask(&socket, Some("6.6.6.6, 1.1.1.1")).unwrap(), "1.1.1.1");
        assert_eq!(ask(&socket, Some("6.6.6.6, 1.1.1.1, 10.0.0.2")).unwrap(), "1.1.1.1");
        assert_eq!(ask(&socket, Some("nonsense")), Err(ClientIpRejection::Malformed));
        assert_eq!(ask(&socket, None), Err(ClientIpRejection::Absent));
    }

    #[test]
    fn no_peer_is_an_error() {
        let source = ClientIpSource::peer();
        assert_eq!(source.resolve(&HeaderMap::new(), &Extensions::new()), Err(ClientIpRejection::NoPeer));
        assert!(source.misconfiguration.has_told());
    }

    #[test]
    fn every_source_that_cannot_be_right_is_noticed() {
        let proxies = || ["10.0.0.0/8"];
        let real_ip = || ClientIpSource::header("x-real-ip").unwrap();
        let told = |source: &ClientIpSource, header: &[&str], peer: [u8; 4], times: usize| {
            (0..times).for_each(|_| drop(ask(source, "x-forwarded-for", header, peer)));
            source.misconfiguration.has_told()
        };
        let (trusted, private, public) = ([10, 0, 0, 1], [192, 168, 0, 1], [203, 0, 113, 7]);
        // A header that no proxy sets, and one whose absence is no error.
        for (source, times) in [
            (ClientIpSource::x_forwarded_for(1), 20),
            (ClientIpSource::x_forwarded_for(1).with_peer_fallback(), 1_000),
            (ClientIpSource::x_forwarded_for_by(proxies()).unwrap(), 1_000),
            (ClientIpSource::forwarded(1), 20),
            (ClientIpSource::forwarded_by(proxies()).unwrap(), 1_000),
            (real_ip(), 20),
            (ClientIpSource::cloudfront(), 20),
        ] {
            assert!(!told(&source, &[], trusted, times - 1) && told(&source, &[], trusted, 1), "{source:?}");
        }
        // A proxy that is in none of the networks, and a peer source behind no proxy.
        for source in [ClientIpSource::x_forwarded_for_by(proxies()).unwrap(), ClientIpSource::peer()] {
            assert!(!told(&source, &[], private, 40) && told(&source, &["1.1.1.1"], private, 1), "{source:?}");
        }
        // Configurations that are right.
        for (source, header, peer) in [
            (ClientIpSource::peer(), &["1.1.1.1"][..], public),
            (ClientIpSource::x_forwarded_for(1), &["1.1.1.1"], trusted),
            (ClientIpSource::x_forwarded_for_by(proxies()).unwrap(), &["1.1.1.1"], trusted),
            (ClientIpSource::x_forwarded_for_by(proxies()).unwrap(), &[], public),
        ] {
            assert!(!told(&source, header, peer, 40), "{source:?}");
        }
    }
}
