use super::QueryKey;
use crate::{hex::hex, original_uri::original_uri};
use http::{Request, Uri, header};
use sha2::{Digest, Sha256};
use std::{borrow::Cow, sync::Arc};

/// The name under which a resource is stored, for GET and HEAD alike.
///
/// It is a hash, so that no key shows parts of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    text: Arc<str>,
}

impl Key {
    pub(super) fn of<B>(prefix: &str, query: &QueryKey, request: &Request<B>) -> Self {
        let uri = original_uri(request.extensions(), request.uri());
        let (target, seen) = (target(uri, query), target(request.uri(), query));
        let mut hash = Sha256::new();
        // No part can hold a line feed, so no two lists of parts read the same.
        hash.update(b"GET\n");
        for host in hosts(request, uri) {
            hash.update(host.to_ascii_lowercase());
            hash.update(b"\n");
        }
        hash.update(b"\n");
        hash.update(target.as_bytes());
        // A URI that a middleware rewrote names another resource, although the client asked for the same.
        if target != seen && !is_nested(request, uri) {
            hash.update(b"\n");
            hash.update(seen.as_bytes());
        }
        Self { text: format!("{prefix}:{}", hex(&hash.finalize())).into() }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }
}

/// Whether the request's URI is what the nested routers left of the original, and nothing else was done to it.
#[cfg(feature = "axum")]
fn is_nested<B>(request: &Request<B>, original: &Uri) -> bool {
    let Some(nest) = request.extensions().get::<axum::extract::NestedPath>() else { return false };
    let segments = nest.as_str().trim_end_matches('/').matches('/').count();
    let path = original.path();
    // A path has one slash at the front of each segment; beyond the last, nothing is left.
    let left = path.match_indices('/').nth(segments).map_or("/", |(at, _)| &path[at..]);
    left == request.uri().path() && original.query() == request.uri().query()
}

#[cfg(not(feature = "axum"))]
fn is_nested<B>(_: &Request<B>, _: &Uri) -> bool {
    false
}

fn target<'a>(uri: &'a Uri, query: &QueryKey) -> Cow<'a, str> {
    query.target(uri.path_and_query().map_or("/", |target| target.as_str()))
}

/// The authority of the URI and the `Host` header if they differ. A handler may read either, so a client that sends two
/// names must not fill the place of one of them.
fn hosts<'a, B>(request: &'a Request<B>, uri: &'a Uri) -> Vec<&'a [u8]> {
    let mut hosts: Vec<&[u8]> = uri.authority().map(|authority| authority.as_str().as_bytes()).into_iter().collect();
    for host in request.headers().get_all(header::HOST) {
        if !hosts.iter().any(|other| other.eq_ignore_ascii_case(host.as_bytes())) {
            hosts.push(host.as_bytes());
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(uri: &str, host: Option<&str>) -> Key {
        let mut request = Request::get(uri);
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        Key::of("p", &QueryKey::all(), &request.body(()).unwrap())
    }

    #[test]
    fn it_names_host_path_and_query() {
        let base = key("/a?b=1", Some("example.com"));
        assert_eq!(base, key("/a?b=1", Some("EXAMPLE.com")));
        assert_eq!(base, key("http://example.com/a?b=1", None));
        assert_eq!(base, key("http://example.com/a?b=1", Some("example.com")));
        for other in [
            key("/a?b=2", Some("example.com")),
            key("/a", Some("example.com")),
            key("/a?b=1", Some("example.org")),
            key("/a?b=1", None),
            key("http://example.com/a?b=1", Some("evil.example")),
            key("/A?b=1", Some("example.com")),
        ] {
            assert_ne!(base, other);
        }
        assert_ne!(key("/a?", None), key("/a", None));
    }

    #[test]
    fn it_shows_nothing_of_the_url() {
        let key = key("/secret?token=abc", Some("example.com"));
        assert_eq!(key.as_str().len(), "p:".len() + 64);
        assert!(!key.as_str().contains("secret"));
    }

    #[cfg(feature = "axum")]
    #[test]
    fn a_nested_router_does_not_make_two_resources_one() {
        use futures_util::FutureExt;
        use http_body_util::BodyExt;

        let nested = |original: &'static str, seen: &str| {
            let mut request = Request::get(seen).body(()).unwrap();
            request.extensions_mut().insert(axum::extract::OriginalUri(Uri::from_static(original)));
            Key::of("p", &QueryKey::all(), &request)
        };
        assert_ne!(nested("/a/x", "/x"), nested("/b/x", "/x"));
        assert_ne!(nested("/x", "/a"), nested("/x", "/b"));
        let in_nest = |nest: &'static str, original: &'static str, seen: &'static str| {
            let app = axum::Router::new().fallback(move |mut request: Request<axum::body::Body>| async move {
                *request.uri_mut() = Uri::from_static(seen);
                Key::of("p", &QueryKey::all(), &request).as_str().to_owned()
            });
            let app = axum::Router::new().nest(nest, app);
            let response =
                tower::ServiceExt::oneshot(app, Request::get(original).body(axum::body::Body::empty()).unwrap());
            let body = response.now_or_never().unwrap().unwrap().into_body().collect().now_or_never().unwrap();
            String::from_utf8(body.unwrap().to_bytes().into()).unwrap()
        };
        let plain = |uri: &str| key(uri, None).as_str().to_owned();
        for (nest, original, seen) in
            [("/a", "/a/x", "/x"), ("/a/{b}", "/a/c/x?q", "/x?q"), ("/a", "/a", "/"), ("/a/", "/a/x", "/x")]
        {
            assert_eq!(in_nest(nest, original, seen), plain(original), "{nest}");
        }
        for (nest, original, seen) in [("/a", "/a/b/x", "/x"), ("/a", "/a/x", "/y"), ("/a", "/a/x?q", "/x")] {
            assert_ne!(in_nest(nest, original, seen), plain(original), "{nest}");
        }
        assert_eq!(nested("/x", "/x"), Key::of("p", &QueryKey::all(), &Request::get("/x").body(()).unwrap()));
    }
}
