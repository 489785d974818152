use super::{Decision, RateLimitLayer};
use crate::ResponseBody;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{Request, Response};
use pin_project_lite::pin_project;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tower_service::Service;

pin_project! {
    /// The response future of [`RateLimitService`](super::RateLimitService).
    pub struct ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>>,
    {
        #[pin]
        state: State<S, ReqBody, S::Future>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, ReqBody, F> {
        Deciding {
            decision: BoxFuture<'static, Decision>,
            // Both leave together, when the decision is there.
            call: Option<(S, Request<ReqBody>)>,
            layer: RateLimitLayer,
        },
        Calling {
            #[pin]
            future: F,
            signature: Option<(RateLimitLayer, Decision)>,
        },
        Refused {
            response: Option<Response<Bytes>>,
        },
    }
}

impl<S, ReqBody> ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    pub(super) fn deciding(inner: S, request: Request<ReqBody>, layer: RateLimitLayer, key: String) -> Self {
        let config = Arc::clone(&layer.config);
        let decision = Box::pin(async move { config.limiter.limit_later(&key, 1).await });
        Self { state: State::Deciding { decision, call: Some((inner, request)), layer } }
    }

    pub(super) fn decided(inner: S, request: Request<ReqBody>, layer: &RateLimitLayer, decision: Decision) -> Self {
        Self { state: State::after(inner, request, layer, decision) }
    }

    pub(super) fn skipped(mut inner: S, request: Request<ReqBody>) -> Self {
        Self { state: State::Calling { future: inner.call(request), signature: None } }
    }

    pub(super) fn refused(response: Response<Bytes>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }
}

impl<S, ReqBody> State<S, ReqBody, S::Future>
where
    S: Service<Request<ReqBody>>,
{
    fn after(mut inner: S, mut request: Request<ReqBody>, layer: &RateLimitLayer, decision: Decision) -> Self {
        if !decision.allowed {
            return Self::Refused { response: Some(layer.refusal(&decision)) };
        }
        request.extensions_mut().insert(decision);
        Self::Calling { future: inner.call(request), signature: Some((layer.clone(), decision)) }
    }
}

impl<S, ReqBody, ResBody> Future for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Deciding { decision, call, layer } => {
                    let decision = ready!(decision.as_mut().poll(cx));
                    let Some((inner, request)) = call.take() else { unreachable!("polled after completion") };
                    State::after(inner, request, layer, decision)
                }
                StateProj::Calling { future, signature } => {
                    let mut response = ready!(future.poll(cx))?;
                    if let Some((layer, decision)) = signature.take() {
                        layer.sign(&mut response, decision);
                    }
                    return Poll::Ready(Ok(response.map(ResponseBody::service)));
                }
                StateProj::Refused { response } => {
                    let Some(response) = response.take() else { unreachable!("polled after completion") };
                    return Poll::Ready(Ok(response.map(ResponseBody::layer)));
                }
            };
            this.state.set(next);
        }
    }
}

impl<S, ReqBody> fmt::Debug for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
