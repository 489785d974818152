use crate::{
    Error,
    client::is_loopback,
    qstash::{Published, UrlGroupName, error::invalid, published::FromAnswer},
};
use http::Uri;
use percent_encoding::percent_decode_str;
use url::Url;

/// The destination of a [`Message`](crate::qstash::Message), which decides the type that publishing returns.
///
/// ```
/// use axum_upstash::{Error, qstash::{Destination, Message, QStashClient}};
///
/// async fn send<D: Destination>(qstash: &QStashClient, message: Message<D>) -> Result<D::Published, Error> {
///     qstash.publish(message.label("billing")).await
/// }
/// # let _ = send::<axum_upstash::qstash::ToUrl>;
/// ```
pub trait Destination: sealed::Sealed {
    /// What [`publish`](crate::qstash::QStashClient::publish) returns.
    type Published: FromAnswer + Send;
}

/// The message goes to one URL.
///
/// ```
/// use axum_upstash::qstash::{Message, ToUrl};
///
/// let message: Message<ToUrl> = Message::to_url("https://app.example.com/hook");
/// ```
#[derive(Debug, Clone, Copy)]
pub enum ToUrl {}

/// The message goes to each endpoint of a URL group.
///
/// ```
/// use axum_upstash::qstash::{Message, ToUrlGroup};
///
/// let message: Message<ToUrlGroup> = Message::to_url_group("receipts");
/// ```
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

/// A destination as it is appended to the path of a call.
#[derive(Clone)]
pub(in crate::qstash) struct Target {
    pub(in crate::qstash) text: String,
    /// Whether it is a URL of this machine.
    pub(super) is_loopback: bool,
}

impl Target {
    /// A URL, which is appended as it is: its query becomes the request's.
    pub(super) fn url(url: &str) -> Result<Self, Error> {
        let is_loopback = check_url("the destination", url)?;
        // An HTTP client resolves `..` and escapes what no URL may contain. The signature would then name another
        // destination, and with enough `..` the request would reach another end point.
        let path = format!("/v2/publish/{url}");
        let whole = format!("https://qstash.upstash.io{path}");
        let arrives = Url::parse(&whole).is_ok_and(|parsed| parsed.as_str() == whole) && path.parse::<Uri>().is_ok();
        if url.contains('#') {
            return Err(invalid("the destination has a fragment, which is never sent"));
        }
        if has_option(url) {
            return Err(invalid(
                "the destination has a parameter upstash-* or qstash_token, which the service would take for an option",
            ));
        }
        if !arrives {
            return Err(invalid("the destination has dot segments, or characters that must be percent-encoded"));
        }
        Ok(Self { text: url.to_owned(), is_loopback })
    }

    /// A URL group.
    pub(super) fn url_group(name: &str) -> Result<Self, Error> {
        UrlGroupName::new(name).map(|name| Self { text: name.into(), is_loopback: false })
    }
}

/// Whether the query has a parameter that the service takes out of it: an address that a stranger gave could make a schedule.
fn has_option(url: &str) -> bool {
    let queries = url.split('?').skip(1).flat_map(|query| query.split('&'));
    queries.map(|part| part.split_once('=').map_or(part, |(name, _)| name)).any(|name| {
        let name = percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
        name == "qstash_token" || name.starts_with("upstash-")
    })
}

/// Whether `url`, which QStash can call, is of this machine. Errors call it `what`, and do not repeat it.
pub(in crate::qstash) fn check_url(what: &str, url: &str) -> Result<bool, Error> {
    let problem = |text: &str| Err(invalid(format!("{what} {text}")));
    let Some((scheme, rest)) = url.split_once("://") else {
        return problem("must begin with https:// or http://");
    };
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return problem("must begin with https:// or http://");
    }
    // A browser's parser reads `https:///path` as a host.
    let parsed = Url::parse(url).ok().filter(|parsed| parsed.has_host() && !rest.starts_with(['/', '\\']));
    let Some(parsed) = parsed else { return problem("is not a URL with a host") };
    if url.contains(|c: char| !c.is_ascii_graphic()) {
        return problem("has white space, or characters that must be percent-encoded");
    }
    Ok(is_loopback(&parsed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_destination_is_appended_as_it_is() {
        for (url, is_loopback) in [
            ("https://example.com", false),
            ("https://example.com/", false),
            ("https://example.com/a//b?x=1&y=%20&z=https://other.example", false),
            ("HTTPS://Example.com:443/a%2Fb", false),
            ("http://127.0.0.1:3000/hook", true),
            ("http://[::1]:3000/hook?a=b=c", true),
            ("http://LocalHost:3000", true),
            ("https://user:pass@example.com/a;b,c/@d?e=f/g?h", false),
        ] {
            let target = Target::url(url).unwrap();
            assert_eq!((target.text.as_str(), target.is_loopback), (url, is_loopback));
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
            "https://example.com/?secret=1&upstash-cron=*",
            "https://example.com/?Upstash-Retries=secret",
            "https://example.com/?a=secret&%75pstash%2Dcallback=https://b",
            "https://example.com/?a=secret?upstash-delay=1h",
            "https://example.com/?qstash_token=secret",
            "https://example.com/?upstash-",
        ] {
            let error = Target::url(url).err().unwrap_or_else(|| panic!("{url:?} was accepted"));
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn names_of_url_groups() {
        assert_eq!(Target::url_group("my-group_1.x").unwrap().text, "my-group_1.x");
        for name in ["", ".", "..", "a/b", "a?b", "https://example.com", "\u{fc}", "a b"] {
            assert!(Target::url_group(name).is_err(), "{name}");
        }
    }
}
