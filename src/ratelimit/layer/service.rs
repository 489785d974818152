use super::{RateLimitLayer, RequestHead, ResponseFuture, admission::Admission, evaluate::FirstStep};
use crate::ResponseBody;
use http::{Request, Response};
use std::{
    mem,
    task::{Context, Poll},
};
use tower_layer::Layer;
use tower_service::Service;

/// The service of [`RateLimitLayer`].
#[derive(Debug, Clone)]
pub struct RateLimitService<S> {
    inner: S,
    layer: RateLimitLayer,
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimitService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimitService::new(inner, self.clone())
    }
}

impl<S> RateLimitService<S> {
    /// Puts the limits of `layer` in front of `inner`.
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
        match self.layer.first_step(RequestHead::new(&request)) {
            FirstStep::Done(Admission::Skip) => ResponseFuture::skipped(&mut self.inner, request),
            FirstStep::Done(Admission::Refuse(response)) => ResponseFuture::refused(response),
            FirstStep::Done(Admission::Allow(allowed)) => ResponseFuture::allowed(&mut self.inner, request, allowed),
            FirstStep::Evaluate(evaluation) => {
                // The clone that was polled ready is the one to call; a fresh one takes its place.
                let fresh = self.inner.clone();
                ResponseFuture::evaluating(mem::replace(&mut self.inner, fresh), request, evaluation)
            }
        }
    }
}
