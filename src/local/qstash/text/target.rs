//! The destination in the target of a request, which is appended to the path as it is.

use std::{borrow::Cow, fmt};

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
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let Some(url) = url(path) else {
            let options = query.into_iter().flat_map(|query| query.split('&')).filter_map(option).collect();
            return Self { destination: decoded(path), is_url: false, options };
        };
        // A URL that was encoded as a whole brings a query of its own, and the one of the request goes on with it.
        let (path, own_query) = match url.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&*url, None),
        };
        let queries = [own_query, query.filter(|query| own_query.is_none() || !query.is_empty())];
        let (mut kept, mut options) = (Vec::new(), Vec::new());
        for part in queries.into_iter().flatten().flat_map(|query| query.split('&')) {
            match option(part) {
                Some(option) => options.push(option),
                None => kept.push(part),
            }
        }
        // A question mark with nothing behind it belongs to the destination, if nothing was taken out.
        let has_query = !kept.is_empty() || (options.is_empty() && queries.iter().any(Option::is_some));
        let destination = if has_query { format!("{path}?{}", kept.join("&")) } else { path.to_owned() };
        Self { destination, is_url: true, options }
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
    after_scheme(url).is_some_and(|(_, rest)| rest.starts_with('/'))
}

/// The URL as it was meant: proxies make one slash of two, and clients encode the whole URL.
fn url(text: &str) -> Option<Cow<'_, str>> {
    let text = if after_scheme(text).is_some() {
        Cow::Borrowed(text)
    } else {
        // Only text is a URL: other bytes are not replaced without a word.
        percent_decode_str(text).decode_utf8().ok()?
    };
    let (scheme, rest) = after_scheme(&text)?;
    if rest.starts_with('/') { Some(text) } else { Some(format!("{scheme}/{rest}").into()) }
}

/// `http:/` or `https:/`, and the rest.
fn after_scheme(text: &str) -> Option<(&str, &str)> {
    ["http:/", "https:/"].iter().find_map(|scheme| {
        let (begin, rest) = text.split_at_checked(scheme.len())?;
        begin.eq_ignore_ascii_case(scheme).then_some((begin, rest))
    })
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
            ("https%3a%2f%2fexample.com%2f%3Fa%3D%2525", "https://example.com/?a=%25", vec![]),
            ("https%3A/example.com", "https://example.com", vec![]),
            (
                "https%3A%2F%2Fexample.com%2F?upstash-retries=3&u=https://a.example",
                "https://example.com/?u=https://a.example",
                vec![("upstash-retries", "3")],
            ),
            (
                "https%3A%2F%2Fexample.com%2F%3Fa%3D1?upstash-retries=3&b=2",
                "https://example.com/?a=1&b=2",
                vec![("upstash-retries", "3")],
            ),
            (
                "https://example.com/?upstash-cron=*/5+*+*+*+*",
                "https://example.com/",
                vec![("upstash-cron", "*/5 * * * *")],
            ),
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

    /// Every byte but letters and digits as `%XX`, as `encodeURIComponent` has it at the most.
    fn encoded(text: &str) -> String {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    }

    proptest! {
        #[test]
        fn options_are_taken_out_and_the_rest_stays_as_it_is(
            path in "[a-z/.;,@:%0-9]{0,20}",
            parts in prop::collection::vec(("[uU]pstash-[a-z]{1,6}|qstash_token|[a-z%0-9/:?]{0,8}", "[a-z0-9=]{0,6}"), 0..5),
        ) {
            let is_option = |name: &str| name == "qstash_token" || name.to_ascii_lowercase().starts_with("upstash-");
            let text = |(name, value): &(String, String)| format!("{name}={value}");
            let url = |parts: Vec<String>| {
                let mark = if parts.is_empty() { "" } else { "?" };
                format!("https://example.com/{path}{mark}{}", parts.join("&"))
            };
            let target = Target::read(&url(parts.iter().map(text).collect()));
            let (options, kept): (Vec<_>, Vec<_>) = parts.iter().cloned().partition(|(name, _)| is_option(name));
            prop_assert_eq!(target.destination, url(kept.iter().map(text).collect()));
            let options: Vec<_> = options.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
            prop_assert_eq!(target.options, options);
        }

        #[test]
        fn a_url_means_the_same_encoded_or_with_one_slash_less(rest in "[a-z]\\PC{0,40}") {
            let url = format!("https://{rest}");
            let target = Target::read(&url);
            prop_assert_eq!(&Target::read(&encoded(&url)), &target);
            prop_assert_eq!(&Target::read(&format!("https:/{rest}")), &target);
        }

        #[test]
        fn any_text_is_read_and_what_can_be_called_has_a_host(rest in "\\PC{0,60}|https?:/{0,3}[a-z0-9.:@/?#%\\[\\]\t -]{0,20}") {
            let target = Target::read(&rest);
            if check_destination(&target.destination).is_ok() {
                prop_assert!(Url::parse(&target.destination).unwrap().host_str().is_some_and(|host| !host.is_empty()));
                prop_assert!(!target.destination.contains(|c: char| c.is_ascii_control() || c == ' '));
            }
        }
    }
}
