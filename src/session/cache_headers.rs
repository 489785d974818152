//! What the layer writes on a response.

use super::SessionError;
use crate::{PrivateResponse, Problem};
use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{RETRY_AFTER, SET_COOKIE},
};

/// Marks a response of a request that used its session: for the response cache, and for every cache on the way.
pub(super) fn mark_private<B>(response: &mut Response<B>, cookie: Option<HeaderValue>, private: &PrivateResponse) {
    private.mark();
    response.extensions_mut().insert(private.clone());
    let headers = response.headers_mut();
    PrivateResponse::write_cookie(headers);
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
