use super::{plan::Plan, signature::Signature, verdict::Verdict};
use crate::ResponseBody;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{Request, Response};
use pin_project_lite::pin_project;
use std::{
    fmt,
    future::Future,
    pin::Pin,
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
            verdict: BoxFuture<'static, Verdict>,
            // Both leave together, when the verdict is there.
            call: Option<Box<(S, Request<ReqBody>)>>,
        },
        Calling {
            #[pin]
            future: F,
            signature: Option<Signature>,
        },
        Refused {
            response: Option<Box<Response<Bytes>>>,
        },
    }
}

impl<S, ReqBody> ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    pub(super) fn deciding(inner: S, request: Request<ReqBody>, plan: Box<Plan>) -> Self {
        Self { state: State::Deciding { verdict: Box::pin(plan.decide()), call: Some(Box::new((inner, request))) } }
    }

    pub(super) fn passed(inner: &mut S, request: Request<ReqBody>, signature: Signature) -> Self {
        Self { state: State::passed(inner, request, signature) }
    }

    pub(super) fn skipped(inner: &mut S, request: Request<ReqBody>) -> Self {
        Self { state: State::Calling { future: inner.call(request), signature: None } }
    }

    pub(super) fn refused(response: Box<Response<Bytes>>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }
}

impl<S, ReqBody> State<S, ReqBody, S::Future>
where
    S: Service<Request<ReqBody>>,
{
    fn passed(inner: &mut S, mut request: Request<ReqBody>, signature: Signature) -> Self {
        signature.announce(request.extensions_mut());
        Self::Calling { future: inner.call(request), signature: Some(signature) }
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
                StateProj::Deciding { verdict, call } => {
                    let verdict = ready!(verdict.as_mut().poll(cx));
                    let Some(call) = call.take() else { unreachable!("polled after completion") };
                    let (mut inner, request) = *call;
                    match verdict {
                        Verdict::Pass(signature) => State::passed(&mut inner, request, signature),
                        Verdict::Skip => State::Calling { future: inner.call(request), signature: None },
                        Verdict::Refuse(response) => State::Refused { response: Some(response) },
                    }
                }
                StateProj::Calling { future, signature } => {
                    let mut response = match ready!(future.poll(cx)) {
                        Ok(response) => response,
                        Err(error) => {
                            if let Some(signature) = signature.take() {
                                signature.settle_error();
                            }
                            return Poll::Ready(Err(error));
                        }
                    };
                    let mut permit = None;
                    if let Some(signature) = signature.take() {
                        signature.sign(&mut response);
                        permit = signature.settle(&response);
                    }
                    return Poll::Ready(Ok(response.map(|body| ResponseBody::service(body).holding(permit))));
                }
                StateProj::Refused { response } => {
                    let Some(response) = response.take() else { unreachable!("polled after completion") };
                    return Poll::Ready(Ok((*response).map(ResponseBody::layer)));
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
