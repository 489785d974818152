use super::{
    CacheBody,
    body::{Collect, Collected},
};
use crate::response_cache::{
    cache::Written,
    fill::{Candidate, Fill, Kept, Writing, is_of_length},
    flight::FlightOutcome,
    lookup::{Lookup, Next},
    store::Records,
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{Request, Response, response::Parts};
use http_body::Body;
use pin_project_lite::pin_project;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tower_service::Service;

pin_project! {
    /// The future of [`ResponseCacheService`](super::ResponseCacheService).
    pub struct ResponseFuture<S, ReqBody, ResBody>
    where
        S: Service<Request<ReqBody>>,
        ResBody: Body,
    {
        // Dropped first: the end of a write that is given up must be known before the fill ends.
        #[pin]
        state: State<S::Future, ResBody>,
        // Until the handler is called, if it is.
        unsent: Option<Unsent<S, ReqBody>>,
        // From then on.
        fill: Option<Fill>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, B>
    where
        B: Body,
    {
        Start,
        Find { found: BoxFuture<'static, Records> },
        Follow { outcome: BoxFuture<'static, FlightOutcome> },
        Ready,
        Call { #[pin] response: F },
        Collect { head: Option<(Candidate, Parts)>, body: Collect<B> },
        Write { written: BoxFuture<'static, Written>, answer: Option<(Writing, Parts, Bytes)> },
        Invalidate { done: BoxFuture<'static, ()>, response: Option<Response<CacheBody<B>>> },
        Done,
    }
}

/// A request that the handler has not seen.
struct Unsent<S, ReqBody> {
    lookup: Lookup,
    service: S,
    request: Request<ReqBody>,
    is_ready: bool,
}

impl<S, ReqBody, ResBody> ResponseFuture<S, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>>,
    ResBody: Body,
{
    pub(super) fn new(lookup: Lookup, service: S, request: Request<ReqBody>) -> Self {
        Self { unsent: Some(Unsent { lookup, service, request, is_ready: true }), fill: None, state: State::Start }
    }
}

impl<S, ReqBody, ResBody> Future for ResponseFuture<S, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ResBody: Body<Data = Bytes>,
{
    type Output = Result<Response<CacheBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match (this.state.as_mut().project(), this.unsent.as_mut(), this.fill.as_mut()) {
                (StateProj::Start, Some(unsent), _) => unsent.lookup.start(unsent.request.headers()),
                (StateProj::Find { found }, Some(unsent), _) => {
                    let found = ready!(found.as_mut().poll(cx));
                    unsent.lookup.found(&found, unsent.request.headers())
                }
                (StateProj::Follow { outcome }, Some(unsent), _) => {
                    let outcome = ready!(outcome.as_mut().poll(cx));
                    unsent.lookup.landed(&outcome, unsent.request.headers())
                }
                (StateProj::Ready, Some(_), _) => Next::Call,
                (StateProj::Call { response }, _, Some(fill)) => {
                    let response = match ready!(response.poll(cx)) {
                        Ok(response) => response,
                        Err(error) => {
                            fill.keep(Kept::Abandoned);
                            this.state.set(State::Done);
                            return Poll::Ready(Err(error));
                        }
                    };
                    let (parts, body) = response.into_parts();
                    if let Some(candidate) = fill.consider(&parts, body.size_hint().lower()) {
                        let body = Collect::new(body, candidate.body_limit);
                        this.state.set(State::Collect { head: Some((candidate, parts)), body });
                        continue;
                    }
                    fill.keep(Kept::Unshared(parts.status));
                    let invalidation = fill.invalidation(parts.status);
                    let response = pass(fill, parts, CacheBody::service(body));
                    let Some(done) = invalidation else {
                        this.state.set(State::Done);
                        return Poll::Ready(Ok(response));
                    };
                    this.state.set(State::Invalidate { done, response: Some(response) });
                    continue;
                }
                (StateProj::Collect { head, body }, _, Some(fill)) => {
                    let collected = ready!(body.poll(cx));
                    let Some((candidate, mut parts)) = head.take() else { return Poll::Pending };
                    let (why, body) = match collected {
                        Collected::Broken(body) => (Kept::Abandoned, body),
                        Collected::Unfit(body) => (Kept::Unshared(parts.status), body),
                        Collected::Complete { data, told } if is_of_length(&parts.headers, &told, data.len()) => {
                            match fill.complete(&candidate, &mut parts, &data) {
                                Ok(writing) => {
                                    let written = fill.write(&writing);
                                    this.state.set(State::Write { written, answer: Some((writing, parts, data)) });
                                    continue;
                                }
                                Err(why) => (why, CacheBody::stored(data)),
                            }
                        }
                        Collected::Complete { data, told } => (Kept::Abandoned, CacheBody::cut(data, told)),
                    };
                    fill.keep(why);
                    let response = pass(fill, parts, body);
                    this.state.set(State::Done);
                    return Poll::Ready(Ok(response));
                }
                (StateProj::Write { written, answer }, _, Some(fill)) => {
                    let written = ready!(written.as_mut().poll(cx));
                    let Some((writing, mut parts, body)) = answer.take() else { return Poll::Pending };
                    fill.share(&writing, written);
                    let body = if fill.finish(&mut parts, written) { Bytes::new() } else { body };
                    this.state.set(State::Done);
                    return Poll::Ready(Ok(Response::from_parts(parts, CacheBody::stored(body))));
                }
                (StateProj::Invalidate { done, response }, ..) => {
                    ready!(done.as_mut().poll(cx));
                    let Some(response) = response.take() else { return Poll::Pending };
                    this.state.set(State::Done);
                    return Poll::Ready(Ok(response));
                }
                // Polled again after the end.
                _ => return Poll::Pending,
            };
            match next {
                Next::Find(found) => this.state.set(State::Find { found }),
                Next::Follow(outcome) => {
                    // A request that waits must not keep a place in the service that others could use; a clone holds none.
                    if let Some(unsent) = this.unsent {
                        unsent.service = unsent.service.clone();
                        unsent.is_ready = false;
                    }
                    this.state.set(State::Follow { outcome });
                }
                Next::Answer(response) => {
                    *this.unsent = None;
                    this.state.set(State::Done);
                    return Poll::Ready(Ok(response.map(CacheBody::stored)));
                }
                Next::Call => {
                    if let Some(unsent) = this.unsent.as_mut().filter(|unsent| !unsent.is_ready) {
                        this.state.set(State::Ready);
                        if let Err(error) = ready!(unsent.service.poll_ready(cx)) {
                            // Dropping the lookup lets another request lead.
                            *this.unsent = None;
                            this.state.set(State::Done);
                            return Poll::Ready(Err(error));
                        }
                    }
                    let Some(unsent) = this.unsent.take() else { return Poll::Pending };
                    let Unsent { lookup, mut service, mut request, .. } = unsent;
                    *this.fill = Some(lookup.into_fill(&mut request));
                    this.state.set(State::Call { response: service.call(request) });
                }
            }
        }
    }
}

/// A response that is not stored.
fn pass<B: Body>(fill: &Fill, mut parts: Parts, body: CacheBody<B>) -> Response<CacheBody<B>> {
    let body = if fill.finish(&mut parts, Written::Failed) { CacheBody::stored(Bytes::new()) } else { body };
    Response::from_parts(parts, body)
}

impl<S, ReqBody, ResBody> fmt::Debug for ResponseFuture<S, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>>,
    ResBody: Body,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("fill", &self.fill).finish_non_exhaustive()
    }
}
