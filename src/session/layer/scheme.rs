//! Cookies that do not fit the way on which a request came.

use crate::never_seen::NeverSeen;
use http::{
    HeaderMap, Uri,
    header::{FORWARDED, HOST},
    uri::Scheme,
};
use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering},
};

/// Sessions that clients begin and do not come back to, before the log says so.
const LOST: u32 = 5;

/// Says once that a cookie without `Secure`, which is for the developer's own machine, goes to another one.
pub(super) fn warn_of_insecure(headers: &HeaderMap, uri: &Uri) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if TOLD.load(Ordering::Relaxed) || is_loopback(headers, uri) || TOLD.swap(true, Ordering::Relaxed) {
        return;
    }
    tracing::warn!(
        "the session cookie is not Secure, and the request was for another host than this machine: anyone on the \
         network can read it. SessionCookie::local_development() is for development"
    );
}

/// A client got a `Secure` cookie over plain HTTP, or came back with one. Says once that none ever came back.
pub(super) fn watch_secure(returned: &NeverSeen, is_back: bool) {
    if returned.is_never_seen(is_back, LOST) {
        tracing::warn!(
            "{LOST} sessions were begun over plain HTTP, and no client came back with its cookie: browsers do not send \
             a Secure cookie over http://, except to localhost. For development without TLS set \
             SessionCookie::local_development(); behind a proxy that ends TLS, have it set X-Forwarded-Proto"
        );
    }
}

/// Whether the client seems to have spoken plain HTTP, so that its browser sends no `Secure` cookie: neither the URI nor a
/// field of a proxy says HTTPS, and the host is another one than this machine.
pub(super) fn is_plain_http(headers: &HeaderMap, uri: &Uri) -> bool {
    let says_https = |value: &http::HeaderValue| {
        let value = value.as_bytes().to_ascii_lowercase();
        value.windows(b"https".len()).any(|part| part == b"https")
    };
    uri.scheme() != Some(&Scheme::HTTPS)
        && !is_loopback(headers, uri)
        && !headers.get_all("x-forwarded-proto").iter().any(says_https)
        && !headers.get_all(FORWARDED).iter().any(says_https)
}

fn is_loopback(headers: &HeaderMap, uri: &Uri) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).or_else(|| uri.host()).unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = || host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost");
    host.is_empty() || name() || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_many_names() {
        for (host, wanted) in [
            ("localhost:3000", true),
            ("app.localhost", true),
            ("127.0.0.2:1", true),
            ("[::1]:3000", true),
            ("", true),
            ("example.com", false),
            ("192.168.0.7:3000", false),
            ("localhost.example.com", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            assert_eq!(is_loopback(&headers, &Uri::from_static("/")), wanted, "{host}");
        }
    }

    #[test]
    fn https_may_end_at_a_proxy() {
        for (name, value, uri, plain) in [
            ("x-a", "b", "/", true),
            ("x-a", "b", "http://localhost/", false),
            ("x-a", "b", "http://a.test/", true),
            ("x-a", "b", "https://a.test/", false),
            ("x-forwarded-proto", "http", "/", true),
            ("x-forwarded-proto", "HTTPS, http", "/", false),
            ("forwarded", "for=1.2.3.4;proto=https", "/", false),
            ("forwarded", "for=1.2.3.4", "/", true),
        ] {
            let mut headers = HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())]);
            if !uri.contains("localhost") {
                headers.insert(HOST, "lan.test".parse().unwrap());
            }
            assert_eq!(is_plain_http(&headers, &Uri::from_static(uri)), plain, "{name}: {value} {uri}");
        }
    }
}
