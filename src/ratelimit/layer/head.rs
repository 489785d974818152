use super::refusal::GRPC_STATUS;
use crate::original_uri::original_uri;
use http::{
    Extensions, HeaderMap, Method, Request, Response, StatusCode, Uri,
    header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN},
};

/// The head of a request, for keys, costs and rules.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::{FixedWindow, RequestHead}};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// // With a type of its own, a function can be named and tested.
/// fn cost(head: RequestHead<'_>) -> u32 {
///     if head.path() == "/export" { 20 } else { 1 }
/// }
///
/// let layer = upstash.rate_limit_layer("api", FixedWindow::new(100, Duration::from_secs(60))).with_cost(cost);
/// let request = http::Request::get("/export").body(())?;
/// assert_eq!(cost(RequestHead::new(&request)), 20);
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
}

impl<'a> RequestHead<'a> {
    /// The head of `request`.
    #[must_use]
    pub fn new<B>(request: &'a Request<B>) -> Self {
        let (method, uri) = (request.method(), request.uri());
        Self { method, uri, headers: request.headers(), extensions: request.extensions() }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// The target. In a nested axum router it has no prefix; [`path`](Self::path) has it.
    #[must_use]
    pub fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// The path as the client sent it, with the prefixes of nested axum routers.
    #[must_use]
    pub fn path(&self) -> &'a str {
        original_uri(self.extensions, self.uri).path()
    }

    /// The fields.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The extensions of outer layers and of the server.
    #[must_use]
    pub fn extensions(&self) -> &'a Extensions {
        self.extensions
    }

    /// A field as text: `None` if it is absent or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The route template that axum matched, with the prefixes of nested routers: `/users/{id}`. Without axum, and in a
    /// layer around the router, it is the path.
    #[must_use]
    pub fn matched_path(&self) -> &'a str {
        self.matched().unwrap_or_else(|| self.uri.path())
    }

    /// Whether this is a CORS preflight, by which a browser asks if a page of another origin may send a request
    /// ([Fetch](https://fetch.spec.whatwg.org/#cors-preflight-request)).
    #[must_use]
    pub fn is_cors_preflight(&self) -> bool {
        self.method == Method::OPTIONS
            && self.headers.contains_key(ORIGIN)
            && self.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// Whether a router has matched a route.
    pub(super) fn is_matched(&self) -> bool {
        self.matched().is_some()
    }

    fn matched(&self) -> Option<&'a str> {
        #[cfg(feature = "axum")]
        return self.extensions.get::<axum::extract::MatchedPath>().map(axum::extract::MatchedPath::as_str);
        #[cfg(not(feature = "axum"))]
        None
    }
}

/// The head of a response, by which a layer refunds a request or charges more.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::FixedWindow};
/// use http::StatusCode;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let layer = upstash.rate_limit_layer("login", FixedWindow::new(5, Duration::from_secs(300)));
/// // Only failed logins count.
/// let layer = layer.with_refund_if(|head| head.status() != StatusCode::UNAUTHORIZED);
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ResponseHead<'a> {
    status: StatusCode,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
}

impl<'a> ResponseHead<'a> {
    pub(super) fn new<B>(response: &'a Response<B>) -> Self {
        Self { status: response.status(), headers: response.headers(), extensions: response.extensions() }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether the request failed: a status from 400 on, or the `grpc-status` of an error in the head, which gRPC sends
    /// with 200. An error in the trailers of a stream is not known yet.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        let grpc = || self.headers.get(GRPC_STATUS).is_some_and(|status| status != "0");
        self.status.as_u16() >= 400 || grpc()
    }

    /// The fields.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The extensions of inner services.
    #[must_use]
    pub fn extensions(&self) -> &'a Extensions {
        self.extensions
    }
}
