use super::{
    admission::{self, Admission},
    layer::Config,
};
use crate::{
    Error, ResponseBody,
    qstash::{
        Metadata,
        guard::{MessageLease, Unbroken},
        rejection::QStashRefusal,
        verification::{Verification, Verified, unreadable, with_body},
    },
};
use axum_core::BoxError;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{Request, Response, request::Parts};
use http_body::Body;
use http_body_util::{BodyExt, Limited, combinators::Collect};
use pin_project_lite::pin_project;
use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tower_service::Service;

pin_project! {
    /// The response future of [`QStashService`](super::QStashService).
    pub struct ResponseFuture<S, B, ReqBody>
    where
        S: Service<Request<B>>,
        ReqBody: Body,
        ReqBody::Error: Into<BoxError>,
    {
        #[pin]
        state: State<S, B, ReqBody>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, ReqBody>
    where
        S: Service<Request<B>>,
        ReqBody: Body,
        ReqBody::Error: Into<BoxError>,
    {
        Reading {
            #[pin]
            read: Collect<Limited<ReqBody>>,
            // It leaves when the body is there.
            delivery: Option<Box<Delivery<S>>>,
        },
        Asking {
            admission: BoxFuture<'static, Admission>,
            // Both leave together, when the guards have answered.
            call: Option<Box<(S, Request<B>)>>,
        },
        Calling {
            #[pin]
            future: S::Future,
            // Dropped with the future, it releases the message.
            lease: Option<MessageLease>,
        },
        Settling {
            settling: Unbroken<Result<(), Error>>,
            result: Option<Result<S::Response, S::Error>>,
        },
        Refused {
            refusal: Option<Box<QStashRefusal>>,
        },
    }
}

/// A delivery whose body is being read.
struct Delivery<S> {
    inner: S,
    parts: Parts,
    verification: Verification,
    config: Arc<Config>,
}

impl<S, B, ReqBody> ResponseFuture<S, B, ReqBody>
where
    S: Service<Request<B>>,
    ReqBody: Body,
    ReqBody::Error: Into<BoxError>,
{
    pub(super) fn reading(
        inner: S,
        parts: Parts,
        body: ReqBody,
        verification: Verification,
        config: Arc<Config>,
    ) -> Self {
        let read = Limited::new(body, verification.body_limit()).collect();
        let delivery = Some(Box::new(Delivery { inner, parts, verification, config }));
        Self { state: State::Reading { read, delivery } }
    }

    pub(super) fn refused(refusal: QStashRefusal) -> Self {
        Self { state: State::refused(refusal) }
    }
}

impl<S, B, ReqBody> State<S, B, ReqBody>
where
    S: Service<Request<B>>,
    ReqBody: Body,
    ReqBody::Error: Into<BoxError>,
{
    fn refused(refusal: QStashRefusal) -> Self {
        Self::Refused { refusal: Some(Box::new(refusal)) }
    }

    /// The body is there: checks it, and asks the guards.
    fn read(delivery: Delivery<S>, body: Bytes) -> Result<Self, QStashRefusal>
    where
        B: From<Bytes>,
    {
        let Delivery { mut inner, parts, verification, config } = delivery;
        let (claims, ticket) = verification.finish(&body)?;
        let metadata = Metadata::new(&parts.headers, claims.clone());
        let mut request = with_body(parts, body);
        Verified::mark(&mut request, config.receiver.clone(), claims);
        let admission = admission::ask(&config, &metadata, &ticket, request.extensions_mut());
        request.extensions_mut().insert(metadata);
        Ok(match admission {
            Some(admission) => Self::Asking { admission, call: Some(Box::new((inner, request))) },
            None => Self::Calling { future: inner.call(request), lease: None },
        })
    }
}

impl<S, B, ReqBody, ResBody> Future for ResponseFuture<S, B, ReqBody>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    B: From<Bytes>,
    ReqBody: Body,
    ReqBody::Error: Into<BoxError>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Reading { read, delivery } => {
                    let read = ready!(read.poll(cx));
                    let Some(delivery) = delivery.take() else { unreachable!("polled after completion") };
                    let read = read.map_err(unreadable).and_then(|body| State::read(*delivery, body.to_bytes()));
                    read.unwrap_or_else(State::refused)
                }
                StateProj::Asking { admission, call } => {
                    let admission = ready!(admission.as_mut().poll(cx));
                    let Some(call) = call.take() else { unreachable!("polled after completion") };
                    let (mut inner, request) = *call;
                    match admission {
                        Ok(lease) => State::Calling { future: inner.call(request), lease },
                        Err(refusal) => State::refused(refusal),
                    }
                }
                StateProj::Calling { future, lease } => {
                    let result = ready!(future.poll(cx));
                    let Some(lease) = lease.take() else {
                        return Poll::Ready(result.map(|response| response.map(ResponseBody::service)));
                    };
                    let is_done = result.as_ref().is_ok_and(|response| response.status().is_success());
                    State::Settling { settling: lease.settle(is_done), result: Some(result) }
                }
                StateProj::Settling { settling, result } => {
                    // Before the answer goes out: QStash may deliver the next attempt at once. A failure is logged.
                    let _ = ready!(Pin::new(settling).poll(cx));
                    let Some(result) = result.take() else { unreachable!("polled after completion") };
                    return Poll::Ready(result.map(|response| response.map(ResponseBody::service)));
                }
                StateProj::Refused { refusal } => {
                    let Some(refusal) = mem::take(refusal) else { unreachable!("polled after completion") };
                    let response: Response<String> = refusal.into_layer_response();
                    return Poll::Ready(Ok(response.map(|text| ResponseBody::layer(text.into()))));
                }
            };
            this.state.set(next);
        }
    }
}

impl<S, B, ReqBody> fmt::Debug for ResponseFuture<S, B, ReqBody>
where
    S: Service<Request<B>>,
    ReqBody: Body,
    ReqBody::Error: Into<BoxError>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
