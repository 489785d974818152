//! The destination in the target of a request, which is appended to the path as it is.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::Url;

/// A destination, and the options that its query had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// An http(s) URL, or the name of a URL group.
    pub(crate) destination: String,
    /// Whether it is a URL.
    pub(crate) is_url: bool,
    /// `upstash-*` and `qstash_token`, which are no part of the destination, with their decoded values.
    pub(crate) options: Vec<(String, String)>,
}

/// Why a URL is no destination, in the words of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidDestination {
    Scheme,
    NoHost,
    NotAUrl,
}

impl fmt::Display for InvalidDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "endpoint has invalid scheme, add http:// or https://",
            Self::NoHost => "endpoint has no host",
            Self::NotAUrl => "endpoint is not a valid URL",
        })
    }
}

impl std::error::Error for InvalidDestination {}

impl Target {
    /// Reads what follows `/v2/publish/` and the like, up to the end of the request's target.
    pub(crate) fn read(rest: &str) -> Self {
        let repaired = repaired(rest);
        let is_url = has_scheme(&repaired);
        let (path, query) = match repaired.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&*repaired, None),
        };
        let (mut kept, mut options) = (Vec::new(), Vec::new());
        for part in query.into_iter().flat_map(|query| query.split('&')) {
            match option(part) {
                Some(option) => options.push(option),
                None => kept.push(part),
            }
        }
        // A question mark with nothing behind it belongs to the destination, if nothing was taken out.
        let destination = match query {
            Some(_) if !kept.is_empty() || options.is_empty() => format!("{path}?{}", kept.join("&")),
            _ => path.to_owned(),
        };
        let destination = if is_url { destination } else { decoded(path) };
        Self { destination, is_url, options }
    }
}

/// Checks that a URL can be called.
pub(crate) fn check_destination(url: &str) -> Result<(), InvalidDestination> {
    if !has_scheme(url) {
        return Err(InvalidDestination::Scheme);
    }
    if url.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
        return Err(InvalidDestination::NotAUrl);
    }
    let after = &url[url.find("://").map_or(0, |at| at + 3)..];
    if after.is_empty() || after.starts_with(['/', '?', '#', '\\']) {
        return Err(InvalidDestination::NoHost);
    }
    match Url::parse(url) {
        Ok(url) if url.has_host() => Ok(()),
        Ok(_) => Err(InvalidDestination::NoHost),
        Err(_) => Err(InvalidDestination::NotAUrl),
    }
}

/// The value of an option of the service in a query.
pub(crate) fn option(part: &str) -> Option<(String, String)> {
    let (name, value) = part.split_once('=').unwrap_or((part, ""));
    let name = decoded(name).to_ascii_lowercase();
    (name == "qstash_token" || name.starts_with("upstash-")).then(|| (name, decoded(&value.replace('+', " "))))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn has_scheme(url: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| url.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)))
}

/// The destination as it was meant: proxies make one slash of two, and clients encode the whole URL.
fn repaired(rest: &str) -> String {
    for scheme in ["https:/", "http:/"] {
        if let Some(begin) = rest.get(..scheme.len())
            && begin.eq_ignore_ascii_case(scheme)
            && !rest[scheme.len()..].starts_with('/')
        {
            return format!("{begin}/{}", &rest[scheme.len()..]);
        }
    }
    if !rest.contains("://") {
        let once = decoded(rest);
        if has_scheme(&once) {
            return once;
        }
    }
    rest.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_url_keeps_its_query_but_for_options() {
        for (rest, destination, options) in [
            ("https://example.com", "https://example.com", vec![]),
            ("https://example.com/a//b?x=1&y=%20", "https://example.com/a//b?x=1&y=%20", vec![]),
            ("https://example.com/?", "https://example.com/?", vec![]),
            ("https://example.com/?upstash-retries=3", "https://example.com/", vec![("upstash-retries", "3")]),
            (
                "https://example.com/?a=1&Upstash-Delay=100s&b=2&qstash_token=t%3D",
                "https://example.com/?a=1&b=2",
                vec![("upstash-delay", "100s"), ("qstash_token", "t=")],
            ),
            ("https:/example.com/a", "https://example.com/a", vec![]),
            ("http:/127.0.0.1:3000/a?b", "http://127.0.0.1:3000/a?b", vec![]),
            ("https%3A%2F%2Fexample.com%2Fa%3Fb%3D1", "https://example.com/a?b=1", vec![]),
            ("HTTPS://Example.com/a%2Fb", "HTTPS://Example.com/a%2Fb", vec![]),
            ("https://a.example/?to=https://b.example", "https://a.example/?to=https://b.example", vec![]),
        ] {
            let options = options.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
            assert_eq!(Target::read(rest), Target { destination: destination.into(), is_url: true, options }, "{rest}");
        }
    }

    #[test]
    fn what_has_no_scheme_is_a_name() {
        for (rest, name) in
            [("my-group", "my-group"), ("my%20group?upstash-retries=1", "my group"), ("api/llm", "api/llm"), ("", "")]
        {
            let target = Target::read(rest);
            assert_eq!((target.destination.as_str(), target.is_url), (name, false), "{rest}");
        }
        assert_eq!(Target::read("g?upstash-retries=1").options, [("upstash-retries".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn a_url_that_cannot_be_called_is_refused() {
        for (url, expected) in [
            ("https://example.com/x?y#z", Ok(())),
            ("http://localhost:3000", Ok(())),
            ("http://[::1]/", Ok(())),
            ("example.com", Err(InvalidDestination::Scheme)),
            ("ftp://example.com", Err(InvalidDestination::Scheme)),
            ("", Err(InvalidDestination::Scheme)),
            ("https://", Err(InvalidDestination::NoHost)),
            ("https:///path", Err(InvalidDestination::NoHost)),
            ("https://?x", Err(InvalidDestination::NoHost)),
            ("https://a b/", Err(InvalidDestination::NotAUrl)),
            ("https://a\r\nb/", Err(InvalidDestination::NotAUrl)),
            ("https://a:99999/", Err(InvalidDestination::NotAUrl)),
            ("https://[::1/", Err(InvalidDestination::NotAUrl)),
        ] {
            assert_eq!(check_destination(url), expected, "{url}");
        }
    }

    proptest! {
        #[test]
        fn a_url_without_options_stays_as_it_is(path in "[a-z/.;,@%0-9]{0,20}", query in proptest::option::of("[a-z=&%0-9]{0,20}")) {
            let url = format!("https://example.com/{path}{}", query.map(|query| format!("?{query}")).unwrap_or_default());
            prop_assert_eq!(Target::read(&url).destination, url);
        }

        #[test]
        fn any_text_is_read(rest in "\\PC{0,60}") {
            let target = Target::read(&rest);
            if target.is_url {
                let _ = check_destination(&target.destination);
            }
        }
    }
}
