use super::{
    CacheBody, Lookup,
    admission::{Candidate, Kept, Writing, is_of_length},
    body::{Collect, Collected},
    cache::Written,
    exchange::{Exchange, Next},
    single_flight::FlightOutcome,
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
        // Dropped first: what becomes of a write that is given up must be known before the exchange ends.
        #[pin]
        state: State<S::Future, ResBody>,
        exchange: Exchange,
        // Until the handler is called, if it is.
        unsent: Option<(S, Request<ReqBody>)>,
        is_ready: bool,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, B>
    where
        B: Body,
    {
        Start,
        Find { found: BoxFuture<'static, Lookup> },
        Follow { landing: BoxFuture<'static, FlightOutcome> },
        Ready,
        Call { #[pin] response: F },
        Collect { head: Option<(Candidate, Parts)>, body: Collect<B> },
        Write { written: BoxFuture<'static, Written>, answer: Option<(Writing, Parts, Bytes)> },
        Invalidate { done: BoxFuture<'static, ()>, response: Option<Response<CacheBody<B>>> },
        Done,
    }
}

impl<S, ReqBody, ResBody> ResponseFuture<S, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>>,
    ResBody: Body,
{
    pub(super) fn new(exchange: Exchange, service: S, request: Request<ReqBody>) -> Self {
        Self { exchange, unsent: Some((service, request)), is_ready: true, state: State::Start }
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
            let request = this.unsent.as_ref().map(|(_, request)| request.headers());
            let next = match (this.state.as_mut().project(), request) {
                (StateProj::Start, Some(request)) => this.exchange.start(request),
                (StateProj::Find { found }, Some(request)) => {
                    let lookup = ready!(found.as_mut().poll(cx));
                    this.exchange.found(&lookup, request)
                }
                (StateProj::Follow { landing }, Some(request)) => {
                    let landing = ready!(landing.as_mut().poll(cx));
                    this.exchange.landed(&landing, request)
                }
                (StateProj::Ready, _) => Next::Call,
                (StateProj::Call { response }, _) => {
                    let response = match ready!(response.poll(cx)) {
                        Ok(response) => response,
                        Err(error) => {
                            this.exchange.keep(Kept::Abandoned);
                            this.state.set(State::Done);
                            return Poll::Ready(Err(error));
                        }
                    };
                    let (parts, body) = response.into_parts();
                    if let Some(candidate) = this.exchange.consider(&parts, body.size_hint().lower()) {
                        let body = Collect::new(body, candidate.body_limit);
                        this.state.set(State::Collect { head: Some((candidate, parts)), body });
                        continue;
                    }
                    this.exchange.keep(Kept::Unshared(parts.status));
                    let invalidation = this.exchange.invalidation(parts.status);
                    let response = pass(this.exchange, parts, CacheBody::service(body));
                    let Some(done) = invalidation else {
                        this.state.set(State::Done);
                        return Poll::Ready(Ok(response));
                    };
                    this.state.set(State::Invalidate { done, response: Some(response) });
                    continue;
                }
                (StateProj::Collect { head, body }, _) => {
                    let collected = ready!(body.poll(cx));
                    let Some((candidate, mut parts)) = head.take() else { return Poll::Pending };
                    let (why, body) = match collected {
                        Collected::Broken(body) => (Kept::Abandoned, body),
                        Collected::Unfit(body) => (Kept::Unshared(parts.status), body),
                        Collected::Complete { data, told } if is_of_length(&parts.headers, &told, data.len()) => {
                            match this.exchange.complete(&candidate, &mut parts, &data) {
                                Ok(writing) => {
                                    let written = this.exchange.write(&writing);
                                    this.state.set(State::Write { written, answer: Some((writing, parts, data)) });
                                    continue;
                                }
                                Err(why) => (why, CacheBody::stored(data)),
                            }
                        }
                        Collected::Complete { data, told } => (Kept::Abandoned, CacheBody::cut(data, told)),
                    };
                    this.exchange.keep(why);
                    this.state.set(State::Done);
                    return Poll::Ready(Ok(pass(this.exchange, parts, body)));
                }
                (StateProj::Write { written, answer }, _) => {
                    let written = ready!(written.as_mut().poll(cx));
                    let Some((writing, mut parts, body)) = answer.take() else { return Poll::Pending };
                    this.exchange.share(&writing, written);
                    let body = if this.exchange.finish(&mut parts, written) { Bytes::new() } else { body };
                    this.state.set(State::Done);
                    return Poll::Ready(Ok(Response::from_parts(parts, CacheBody::stored(body))));
                }
                (StateProj::Invalidate { done, response }, _) => {
                    ready!(done.as_mut().poll(cx));
                    let Some(response) = response.take() else { return Poll::Pending };
                    this.state.set(State::Done);
                    return Poll::Ready(Ok(response));
                }
                // Polled again after the end.
                (StateProj::Done, _) | (_, None) => return Poll::Pending,
            };
            match next {
                Next::Find(found) => this.state.set(State::Find { found }),
                Next::Follow(landing) => {
                    // Who waits must not keep a place in the service that others could use; a clone holds none.
                    if let Some((service, _)) = this.unsent {
                        *service = service.clone();
                        *this.is_ready = false;
                    }
                    this.state.set(State::Follow { landing });
                }
                Next::Answer(response) => {
                    *this.unsent = None;
                    this.state.set(State::Done);
                    return Poll::Ready(Ok(response.map(CacheBody::stored)));
                }
                Next::Call => {
                    if let Some((service, _)) = this.unsent.as_mut().filter(|_| !*this.is_ready) {
                        this.state.set(State::Ready);
                        if let Err(error) = ready!(service.poll_ready(cx)) {
                            this.exchange.keep(Kept::Abandoned);
                            *this.unsent = None;
                            this.state.set(State::Done);
                            return Poll::Ready(Err(error));
                        }
                    }
                    let Some((mut service, mut request)) = this.unsent.take() else { return Poll::Pending };
                    this.exchange.send(&mut request);
                    this.state.set(State::Call { response: service.call(request) });
                }
            }
        }
    }
}

/// A response that is not stored.
fn pass<B: Body>(exchange: &Exchange, mut parts: Parts, body: CacheBody<B>) -> Response<CacheBody<B>> {
    let body = if exchange.finish(&mut parts, Written::Failed) { CacheBody::stored(Bytes::new()) } else { body };
    Response::from_parts(parts, body)
}

impl<S, ReqBody, ResBody> fmt::Debug for ResponseFuture<S, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>>,
    ResBody: Body,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}
