use super::{
    admission::{Admission, Allowed},
    evaluate::Evaluation,
};
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
        Evaluating {
            admission: BoxFuture<'static, Admission>,
            // Both leave together, when the admission is there.
            call: Option<Box<(S, Request<ReqBody>)>>,
        },
        Calling {
            #[pin]
            future: F,
            allowed: Option<Allowed>,
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
    pub(super) fn evaluating(inner: S, request: Request<ReqBody>, evaluation: Box<Evaluation>) -> Self {
        let admission = Box::pin(evaluation.run());
        Self { state: State::Evaluating { admission, call: Some(Box::new((inner, request))) } }
    }

    pub(super) fn allowed(inner: &mut S, request: Request<ReqBody>, allowed: Allowed) -> Self {
        Self { state: State::allowed(inner, request, allowed) }
    }

    pub(super) fn skipped(inner: &mut S, request: Request<ReqBody>) -> Self {
        Self { state: State::Calling { future: inner.call(request), allowed: None } }
    }

    pub(super) fn refused(response: Box<Response<Bytes>>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }
}

impl<S, ReqBody> State<S, ReqBody, S::Future>
where
    S: Service<Request<ReqBody>>,
{
    fn allowed(inner: &mut S, mut request: Request<ReqBody>, allowed: Allowed) -> Self {
        allowed.write_request(request.extensions_mut());
        Self::Calling { future: inner.call(request), allowed: Some(allowed) }
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
                StateProj::Evaluating { admission, call } => {
                    let admission = ready!(admission.as_mut().poll(cx));
                    let Some(call) = call.take() else { unreachable!("polled after completion") };
                    let (mut inner, request) = *call;
                    match admission {
                        Admission::Allow(allowed) => State::allowed(&mut inner, request, allowed),
                        Admission::Skip => State::Calling { future: inner.call(request), allowed: None },
                        Admission::Refuse(response) => State::Refused { response: Some(response) },
                    }
                }
                StateProj::Calling { future, allowed } => {
                    let mut response = match ready!(future.poll(cx)) {
                        Ok(response) => response,
                        Err(error) => {
                            if let Some(allowed) = allowed.take() {
                                allowed.settle_error();
                            }
                            return Poll::Ready(Err(error));
                        }
                    };
                    let mut permit = None;
                    if let Some(allowed) = allowed.take() {
                        allowed.write_response(&mut response);
                        permit = allowed.settle(&response);
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
