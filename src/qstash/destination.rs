use super::Published;
use crate::{Error, ErrorKind};
use http::Uri;
use serde::de::DeserializeOwned;
use url::Url;

/// The destination of a [`Message`](super::Message), which decides the type that publishing returns.
pub trait Destination: sealed::Sealed {
    /// What [`publish`](super::QStashClient::publish) returns.
    type Published: DeserializeOwned + Send;
}

/// The message goes to one URL.
#[derive(Debug, Clone, Copy)]
pub enum ToUrl {}

/// The message goes to each endpoint of a URL group.
#[derive(Debug, Clone, Copy)]
pub enum ToUrlGroup {}

impl Destination for ToUrl {
    type Published = Published;
}

impl Destination for ToUrlGroup {
    type Published = Vec<Published>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::ToUrl {}
    impl Sealed for super::ToUrlGroup {}
}

/// The path that publishes to `url`, which is appended as it is: its query becomes the request's.
pub(super) fn path_to_url(url: &str) -> Result<String, Error> {
    check_url("the destination", url)?;
    let path = format!("/v2/publish/{url}");
    // An HTTP client resolves `..` and escapes what no URL may contain. The signature would then name another
    // destination, and with enough `..` the request would reach another end point.
    let whole = format!("https://qstash.upstash.io{path}");
    let arrives = Url::parse(&whole).is_ok_and(|parsed| parsed.as_str() == whole) && path.parse::<Uri>().is_ok();
    if url.contains('#') {
        return Err(invalid("the destination has a fragment, which is never sent"));
    }
    if !arrives {
        return Err(invalid("the destination has dot segments, or characters that must be percent-encoded"));
    }
    Ok(path)
}

/// The path that publishes to the URL group `name`.
pub(super) fn path_to_url_group(name: &str) -> Result<String, Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if name.is_empty() || !name.bytes().all(allowed) || name.bytes().all(|byte| byte == b'.') {
        return Err(invalid(
            "the name of a URL group has letters, digits, hyphens, underscores and periods, at least one",
        ));
    }
    Ok(format!("/v2/publish/{name}"))
}

/// Whether `url` is one that QStash can call; errors call it `what`, and do not repeat it.
pub(super) fn check_url(what: &str, url: &str) -> Result<(), Error> {
    let problem = |text: &str| Err(invalid(format!("{what} {text}")));
    let Some((scheme, rest)) = url.split_once("://") else {
        return problem("must begin with https:// or http://");
    };
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return problem("must begin with https:// or http://");
    }
    // A browser's parser reads `https:///path` as a host.
    if rest.starts_with(['/', '\\']) || !Url::parse(url).is_ok_and(|parsed| parsed.has_host()) {
        return problem("is not a URL with a host");
    }
    if url.contains(|c: char| !c.is_ascii_graphic()) {
        return problem("has white space, or characters that must be percent-encoded");
    }
    Ok(())
}

pub(super) fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_appended_as_it_is() {
        for url in [
            "https://example.com",
            "https://example.com/",
            "https://example.com/a//b?x=1&y=%20&z=https://other.example",
            "HTTPS://Example.com:443/a%2Fb",
            "http://127.0.0.1:3000/hook",
            "http://[::1]:3000/hook?a=b=c",
            "https://user:pass@example.com/a;b,c/@d?e=f/g?h",
        ] {
            assert_eq!(path_to_url(url).unwrap(), format!("/v2/publish/{url}"));
        }
    }

    #[test]
    fn what_would_arrive_otherwise_is_refused_and_not_repeated() {
        for url in [
            "",
            "example.com/secret",
            "ftp://example.com/secret",
            "https://",
            "https:///secret",
            "https:/example.com/secret",
            "https://example.com/secret#part",
            "https://example.com/secret/../x",
            "https://example.com/../../../messages",
            "https://example.com/%2e%2e/%2E%2e/secret",
            "https://example.com/a\\..\\secret",
            "https://example.com/a b",
            " https://example.com/secret",
            "https://example.com/secret\n",
            "https://example.com/\u{fc}",
            "https://example.com/<secret>",
            "https://example.com/\"secret\"",
        ] {
            let error = path_to_url(url).err().unwrap_or_else(|| panic!("{url:?} was accepted"));
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn names_of_url_groups() {
        assert_eq!(path_to_url_group("my-group_1.x").unwrap(), "/v2/publish/my-group_1.x");
        for name in ["", ".", "..", "a/b", "a?b", "https://example.com", "\u{fc}", "a b"] {
            assert!(path_to_url_group(name).is_err(), "{name}");
        }
    }
}
