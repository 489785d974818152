use super::{cache::Cache, conditional::Conditions, directives::Directives, key::Key, status::Forward};
use crate::PrivateResponse;
use http::{Method, Request, header};
use http_body::Body;
use std::sync::Arc;

/// A delivery of QStash, which no cache may answer.
const UPSTASH_SIGNATURE: &str = "upstash-signature";

/// A request as the cache sees it, before and after the handler.
#[derive(Debug)]
pub(super) struct CacheRequest {
    pub(super) cache: Arc<Cache>,
    pub(super) key: Key,
    pub(super) mode: Mode,
    pub(super) directives: Directives,
    pub(super) is_authorized: bool,
    pub(super) conditions: Conditions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Get,
    Head,
    /// Goes to the handler; a success makes what is stored out of date.
    Unsafe,
    Pass,
}

impl CacheRequest {
    /// Reads a request. `is_filled` tells that a layer further out stores the same resource.
    pub(super) fn new<B: Body>(cache: Arc<Cache>, key: Key, request: &Request<B>, is_filled: bool) -> (Self, Forward) {
        let (mode, why) = if is_filled { (Mode::Pass, Forward::Bypass) } else { mode_of(request) };
        let directives = match cache.settings.request_directives {
            true => Directives::of_request(request.headers()),
            false => Directives::default(),
        };
        let is_authorized = request.headers().contains_key(header::AUTHORIZATION);
        let conditions = Conditions::of(request.headers());
        (Self { cache, key, mode, directives, is_authorized, conditions }, why)
    }
}

fn mode_of<B: Body>(request: &Request<B>) -> (Mode, Forward) {
    let mode = match *request.method() {
        Method::GET => Mode::Get,
        Method::HEAD => Mode::Head,
        ref method if method.is_safe() => return (Mode::Pass, Forward::Method),
        // A method that is not known may change the resource.
        _ => return (Mode::Unsafe, Forward::Method),
    };
    // A part, a changed protocol, a condition for the handler (RFC 9111 4.3.2) and a body are for the handler. So is a
    // request that an outer layer marked as private.
    const FOR_THE_HANDLER: [header::HeaderName; 5] =
        [header::RANGE, header::UPGRADE, header::IF_MATCH, header::IF_UNMODIFIED_SINCE, header::TRANSFER_ENCODING];
    let headers = request.headers();
    if FOR_THE_HANDLER.iter().any(|name| headers.contains_key(name))
        || headers.get(header::CONTENT_LENGTH).is_some_and(|len| len != "0")
        // HTTP/2 needs no header for a body.
        || !request.body().is_end_stream()
        || headers.contains_key(UPSTASH_SIGNATURE)
        || PrivateResponse::is_marked(request.extensions())
    {
        return (Mode::Pass, Forward::Bypass);
    }
    (mode, Forward::UriMiss)
}
