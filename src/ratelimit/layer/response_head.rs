use super::refusal::GRPC_STATUS;
use http::{Extensions, HeaderMap, Response, StatusCode};

/// The head of a response, by which a layer decides whether its request is to count.
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

    /// Whether it says that the request failed: a status from 400 on, or the `grpc-status` of an error in the head, which
    /// gRPC sends with 200. What a stream says in its trailers is not known yet.
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

    /// What inner services left.
    #[must_use]
    pub fn extensions(&self) -> &'a Extensions {
        self.extensions
    }
}
