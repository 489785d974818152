//! What the layer writes on a response.

use super::SessionError;
use crate::{Personal, Problem};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, COOKIE, RETRY_AFTER, SET_COOKIE, VARY},
};

/// Marks a response of a request that used its session: for the response cache, and for every cache on the way.
pub(super) fn personalise<B>(response: &mut Response<B>, cookie: Option<HeaderValue>, personal: &Personal) {
    personal.mark();
    response.extensions_mut().insert(personal.clone());
    let headers = response.headers_mut();
    if !lists(headers, &VARY, &["cookie", "*"]) {
        headers.append(VARY, HeaderValue::from_name(COOKIE));
    }
    if !lists(headers, &CACHE_CONTROL, &["private", "no-store"]) {
        headers.append(CACHE_CONTROL, HeaderValue::from_static("private"));
    }
    if let Some(cookie) = cookie {
        headers.append(SET_COOKIE, cookie);
    }
}

/// A session error as a response.
pub(super) fn refusal(error: &SessionError) -> Response<Bytes> {
    let mut response = Problem::from(error).into_bytes_response();
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Whether the field, a list over all its lines, has one of the members.
fn lists(headers: &HeaderMap, field: &http::HeaderName, members: &[&str]) -> bool {
    headers
        .get_all(field)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|item| members.iter().any(|member| item.trim().eq_ignore_ascii_case(member)))
}
