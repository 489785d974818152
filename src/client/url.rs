use crate::{Error, ErrorKind};
use url::Url;

/// The address of a product, checked once, without a slash at its end.
#[derive(Clone)]
pub(crate) struct BaseUrl(String);

impl BaseUrl {
    /// Parses `value`; errors call it `name`, and do not repeat it.
    pub(crate) fn parse(name: &str, value: &str) -> Result<Self, Error> {
        let problem = |what: &str| Err(Error::new(ErrorKind::Configuration, format!("{name} {what}")));
        if value.is_empty() {
            return problem("is empty");
        }
        if value.contains(|c: char| c.is_whitespace() || c == '"' || c == '\'') {
            return problem("contains white space or quotes");
        }
        let Ok(url) = Url::parse(value) else {
            return problem("is not a URL; it should look like https://name.upstash.io");
        };
        match url.scheme() {
            "http" | "https" => {}
            "redis" | "rediss" => {
                return problem("must begin with https://: it is the REST address, and redis:// is for Redis over TCP");
            }
            _ => return problem("must begin with https:// (or http:// for a local server)"),
        }
        if !url.has_host() || url.query().is_some() || url.fragment().is_some() {
            return problem("must be a plain address, without query or fragment");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return problem("must not contain a user name or password; the token is a setting of its own");
        }
        if url.scheme() == "http" && !is_local(&url) {
            tracing::warn!("{name} is http:// to another machine: the token travels unencrypted");
        }
        // As the parser understood it, so that what is checked is what is sent.
        let text = url.as_str().strip_suffix('/').unwrap_or(url.as_str());
        if text.parse::<http::Uri>().is_err() {
            return problem("is not an address that HTTP can use");
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_loopback(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| is_loopback(&url))
    }
}

/// Whether `url` leads to the machine that resolves it.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(url::Host::Ipv4(ip)) => ip.is_loopback() || ip.is_unspecified(),
        Some(url::Host::Ipv6(ip)) => {
            let mapped = ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback() || ip.is_unspecified());
            ip.is_loopback() || ip.is_unspecified() || mapped
        }
        None => false,
    }
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost") || !name.contains('.'),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_path_and_drops_one_slash() {
        for (given, kept) in [
            ("https://a.upstash.io", "https://a.upstash.io"),
            ("https://a.upstash.io/", "https://a.upstash.io"),
            ("http://127.0.0.1:8079/redis/", "http://127.0.0.1:8079/redis"),
            ("https:a.upstash.io", "https://a.upstash.io"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(BaseUrl::parse("X", given).unwrap().as_str(), kept);
        }
    }

    #[test]
    fn loopback_has_many_spellings() {
        for (url, expected) in [
            ("http://localhost:3000/", true),
            ("http://LOCALHOST./", true),
            ("http://app.localhost/", true),
            ("http://127.0.0.1/", true),
            ("http://127.1.2.3/", true),
            ("http://0x7f.1/", true),
            ("http://2130706433/", true),
            ("http://0.0.0.0/", true),
            ("http://[::1]/", true),
            ("http://[::ffff:127.0.0.1]/", true),
            ("http://10.0.0.1/", false),
            ("http://localhost.example.com/", false),
            ("http://[2001:db8::1]/", false),
            ("https://qstash.upstash.io", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
        assert!(BaseUrl::parse("X", "http://127.0.0.1:8080/qstash").unwrap().is_loopback());
    }

    #[test]
    fn refuses_what_is_no_address_and_names_the_setting_not_the_value() {
        for bad in ["", "a.upstash.io", " https://a", "\"https://a\"", "redis://a", "https://u:p@a", "https://a?b=c"] {
            let error = BaseUrl::parse("SOME_URL", bad).err().unwrap_or_else(|| panic!("{bad:?} was accepted"));
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.to_string().starts_with("SOME_URL "), "{error}");
            assert!(bad.len() < 8 || !error.to_string().contains(bad), "{error}");
        }
    }
}
