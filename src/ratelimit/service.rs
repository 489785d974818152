use super::{Decision, Key, RateLimitLayer, ResponseFuture};
use crate::ResponseBody;
use bytes::Bytes;
use http::{Request, Response};
use std::{
    mem,
    task::{Context, Poll},
};
use tower_service::Service;

/// The service of [`RateLimitLayer`].
#[derive(Debug, Clone)]
pub struct RateLimitService<S> {
    inner: S,
    layer: RateLimitLayer,
}

impl<S> RateLimitService<S> {
    /// Puts a limit in front of `inner`.
    #[must_use]
    pub fn new(inner: S, layer: RateLimitLayer) -> Self {
        Self { inner, layer }
    }

    inner_service!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RateLimitService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        // The clone that was polled ready is the one to call; a fresh one takes its place.
        let fresh = self.inner.clone();
        let inner = mem::replace(&mut self.inner, fresh);
        let (parts, body) = request.into_parts();
        let key = self.layer.config.key.key(&parts);
        let request = Request::from_parts(parts, body);
        match key {
            Err(problem) => ResponseFuture::refused(problem.into_bytes_response()),
            Ok(Key::Skip) => ResponseFuture::skipped(inner, request),
            Ok(Key::Limit(identifier)) => match self.layer.config.limiter.limit_now(&identifier, 1) {
                Ok(decision) => ResponseFuture::decided(inner, request, &self.layer, decision),
                Err(key) => ResponseFuture::deciding(inner, request, self.layer.clone(), key),
            },
        }
    }
}

impl RateLimitLayer {
    /// Writes the decision on a response.
    pub(super) fn sign<B>(&self, response: &mut Response<B>, decision: Decision) {
        response.extensions_mut().insert(decision);
        if self.config.send_headers {
            self.config.headers.add(response.headers_mut(), &decision);
        }
    }

    /// The answer to a refused request.
    pub(super) fn refusal(&self, decision: &Decision) -> Response<Bytes> {
        tracing::debug!(rate_limit.decision = "deny", policy = self.config.headers.name(), basis = ?decision.basis);
        let mut response = self.config.refuse.refuse(decision, self.config.headers.name());
        self.sign(&mut response, *decision);
        response
    }
}
