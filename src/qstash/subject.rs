//! The URL that a message was published to, beside the one that it arrived at.

use std::borrow::Cow;

/// Whether both name the same resource: without regard to the case of scheme and host and to the scheme's own port, and
/// with `/` as the path of a bare origin (RFC 9110 4.2.3). Path and query count as they are.
pub(super) fn is_same(received: &str, expected: &str) -> bool {
    received == expected || (normalised(received) == normalised(expected))
}

/// Why the two may differ, to be read in a log.
pub(super) fn likely_cause(received: &str, expected: &str) -> &'static str {
    let (received, expected) = (Parts::of(received), Parts::of(expected));
    let (Some(received), Some(expected)) = (received, expected) else {
        return "one of the two is not a URL";
    };
    if received.scheme != expected.scheme {
        return "the scheme differs: the public URL has to be the one that clients see in front of the proxy";
    }
    if received.authority != expected.authority {
        return match received.host() == expected.host() {
            true => "the port differs",
            false => "the host differs: the public URL has to be the one that messages are published to",
        };
    }
    if received.path() == expected.path() {
        return "the query differs";
    }
    if received.path().trim_end_matches('/') == expected.path().trim_end_matches('/') {
        return "one path ends with a slash, and the other does not";
    }
    "the path differs: does a proxy, or a layer outside of the router, rewrite it?"
}

/// The URL without the parts that may hold secrets: user, password, query.
pub(super) fn shown(url: &str) -> String {
    match Parts::of(url) {
        Some(parts) => {
            let host = parts.authority.rsplit('@').next().unwrap_or_default();
            format!("{}://{host}{}", parts.scheme, parts.path())
        }
        None => "not a URL".to_owned(),
    }
}

fn normalised(url: &str) -> Cow<'_, str> {
    match Parts::of(url) {
        Some(Parts { scheme, authority, rest }) => {
            let slash = if rest.starts_with('/') { "" } else { "/" };
            format!("{scheme}://{authority}{slash}{rest}").into()
        }
        None => url.into(),
    }
}

struct Parts<'a> {
    scheme: String,
    authority: String,
    /// Path and query as they are.
    rest: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let port = match scheme.as_str() {
            "https" => ":443",
            "http" => ":80",
            _ => return None,
        };
        let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let authority = authority.to_ascii_lowercase();
        let authority = authority.strip_suffix(port).map(str::to_owned).unwrap_or(authority);
        Some(Self { scheme, authority, rest })
    }

    fn host(&self) -> &str {
        match self.authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => &self.authority,
        }
    }

    fn path(&self) -> &str {
        self.rest.split(['?', '#']).next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_resource_has_several_spellings() {
        for (received, expected, same) in [
            ("https://a.example/x", "https://a.example/x", true),
            ("HTTPS://A.Example:443/x", "https://a.example/x", true),
            ("http://a.example:80/x?B", "http://A.example/x?B", true),
            ("https://a.example", "https://a.example/", true),
            ("https://a.example?x", "https://a.example/?x", true),
            ("http://[::1]:80", "http://[::1]/", true),
            ("https://a.example/X", "https://a.example/x", false),
            ("https://a.example/x/", "https://a.example/x", false),
            ("https://a.example:80/", "https://a.example/", false),
            ("http://a.example/", "https://a.example/", false),
            ("https://a.example.evil/", "https://a.example/", false),
            ("not a URL", "not a URL", true),
            ("NOT a URL", "not a URL", false),
        ] {
            assert_eq!(is_same(received, expected), same, "{received} {expected}");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        for (url, text) in [
            ("https://user:secret@a.example:8443/x/y?token=secret", "https://a.example:8443/x/y"),
            ("https://a.example", "https://a.example"),
            ("https://a.example#secret", "https://a.example"),
            ("secret", "not a URL"),
        ] {
            assert_eq!(shown(url), text);
        }
    }

    #[test]
    fn the_cause_is_named() {
        for (received, cause) in [
            ("http://a.example/x?y", "scheme"),
            ("https://a.example:8443/x?y", "port"),
            ("https://b.example/x?y", "host"),
            ("https://a.example/x/?y", "slash"),
            ("https://a.example/x?z", "query"),
            ("https://a.example/api/x?y", "path differs"),
            ("a", "not a URL"),
        ] {
            let found = likely_cause(received, "https://a.example/x?y");
            assert!(found.contains(cause), "{received}: {found}");
        }
    }
}
