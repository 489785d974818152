//! The places that destinations are reached at: as their URLs say, elsewhere, or in this process.

use std::{fmt, net::IpAddr};

use url::{Host, Origin, Url};

use super::DestinationService;

/// The rules.
#[derive(Debug, Clone, Default)]
pub(crate) struct Targets {
    rewrites: Vec<(Origin, Target)>,
    allow_network: bool,
}

/// The place that a request goes to.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// To this URL.
    Url(Url),
    /// To a service in this process.
    Service(DestinationService),
}

/// A rewrite that cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidRewrite;

impl fmt::Display for InvalidRewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a rewrite is two http(s) URLs without a path, the first of which is replaced by the second")
    }
}

impl std::error::Error for InvalidRewrite {}

impl Targets {
    /// Lets requests go to hosts other than this one.
    pub(crate) fn allow_network(&mut self) {
        self.allow_network = true;
    }

    /// Reaches the destinations of one origin at another one.
    pub(crate) fn rewrite(&mut self, from: &str, to: &str) -> Result<(), InvalidRewrite> {
        let target = Target::Url(bare(to)?);
        self.rewrites.push((bare(from)?.origin(), target));
        Ok(())
    }

    /// Reaches the destinations of an origin in this process.
    pub(crate) fn serve(&mut self, origin: &str, service: DestinationService) -> Result<(), InvalidRewrite> {
        self.rewrites.push((bare(origin)?.origin(), Target::Service(service)));
        Ok(())
    }

    /// The place that a request to this URL goes to. The latest rule counts.
    pub(super) fn of(&self, url: &Url) -> Result<Target, &'static str> {
        let origin = url.origin();
        match self.rewrites.iter().rev().find(|(from, _)| *from == origin) {
            Some((_, Target::Service(service))) => Ok(Target::Service(service.clone())),
            Some((_, Target::Url(to))) => {
                let mut url = url.clone();
                let is_set = url.set_scheme(to.scheme()).is_ok()
                    && url.set_host(to.host_str()).is_ok()
                    && url.set_port(to.port()).is_ok();
                if is_set { Ok(Target::Url(url)) } else { Err("the rewrite of the destination cannot be applied") }
            }
            // No resolver is asked for a name that means this machine (RFC 6761, section 6.3).
            None if is_below_localhost(url) => {
                let mut url = url.clone();
                let is_set = url.set_host(Some("localhost")).is_ok();
                if is_set { Ok(Target::Url(url)) } else { Err("the destination has no host") }
            }
            None if self.allow_network || is_loopback(url) => Ok(Target::Url(url.clone())),
            None => {
                Err("the destination is not on this machine, and neither the network nor a rewrite is allowed for it")
            }
        }
    }
}

/// A URL that is an origin alone.
fn bare(url: &str) -> Result<Url, InvalidRewrite> {
    let url = Url::parse(url).map_err(|_| InvalidRewrite)?;
    let is_http = matches!(url.scheme(), "http" | "https");
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if is_http && is_bare && url.has_host() { Ok(url) } else { Err(InvalidRewrite) }
}

fn is_below_localhost(url: &Url) -> bool {
    matches!(url.host(), Some(Host::Domain(name)) if name.ends_with(".localhost"))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical().is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(targets: &Targets, url: &str) -> Option<String> {
        match targets.of(&Url::parse(url).unwrap()) {
            Ok(Target::Url(url)) => Some(url.into()),
            Ok(Target::Service(_)) => Some("service".into()),
            Err(_) => None,
        }
    }

    #[test]
    fn another_machine_is_reached_if_that_is_allowed() {
        let mut targets = Targets::default();
        for (url, is_allowed) in [
            ("http://127.0.0.1:3000/hook?a=b", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]:3000/", true),
            ("http://[::ffff:127.0.0.1]/", true),
            ("http://localhost:3000/", true),
            ("http://app.localhost/", true),
            ("http://2130706433/", true), // 127.0.0.1 as a number
            ("http://10.0.0.1/", false),
            ("http://0.0.0.0/", false),
            ("http://[::]/", false),
            ("https://example.com/", false),
            ("http://localhost.example.com/", false),
            ("http://127.0.0.1.example.com/", false),
        ] {
            assert_eq!(reached(&targets, url).is_some(), is_allowed, "{url}");
        }
        assert_eq!(reached(&targets, "http://app.localhost:3000/a").as_deref(), Some("http://localhost:3000/a"));
        targets.allow_network();
        assert_eq!(reached(&targets, "https://example.com/a?b").as_deref(), Some("https://example.com/a?b"));
    }

    #[test]
    fn a_rewrite_changes_the_origin_alone() {
        let mut targets = Targets::default();
        targets.rewrite("https://a.example", "http://127.0.0.1:9").unwrap();
        for (url, expected) in [
            ("https://a.example/x/y?z=1", Some("http://127.0.0.1:9/x/y?z=1")),
            ("https://a.example:443/", Some("http://127.0.0.1:9/")),
            ("https://A.example/", Some("http://127.0.0.1:9/")),
            ("http://a.example/", None),
            ("https://a.example:8443/", None),
            ("https://b.a.example/", None),
        ] {
            assert_eq!(reached(&targets, url).as_deref(), expected, "{url}");
        }
        targets.rewrite("http://127.0.0.1:9", "https://b.example").unwrap();
        assert_eq!(reached(&targets, "http://127.0.0.1:9/p").as_deref(), Some("https://b.example/p"));
        for (from, to) in [
            ("a.example", "http://127.0.0.1"),
            ("ftp://a.example", "http://127.0.0.1"),
            ("https://a.example/path", "http://127.0.0.1"),
            ("https://a.example", "http://127.0.0.1?x"),
            ("https://u@a.example", "http://127.0.0.1"),
        ] {
            assert_eq!(targets.rewrite(from, to), Err(InvalidRewrite), "{from} {to}");
        }
    }
}
