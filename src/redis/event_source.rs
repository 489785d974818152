//! A stream that is opened again when it is lost.

use super::{rest::Rest, sse::EventParser};
use crate::{
    Error, ErrorKind,
    client::{RetryPolicy, TransportBody},
    rt::sleep,
};
use bytes::Bytes;
use futures_core::{Stream, future::BoxFuture};
use http_body::Body;
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

/// The events of a connection: the data of each, in order.
pub(super) type Events = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

type Open = Box<dyn Fn() -> BoxFuture<'static, Result<Events, Error>> + Send>;

/// An event, or a gap in which some may be missing.
#[derive(Debug)]
pub(super) enum Sourced {
    Event(Bytes),
    /// The stream was lost and is open again.
    Gap,
}

/// Opens a stream, and opens it again as often as is allowed.
pub(super) struct EventSource {
    open: Open,
    state: State,
    backoff: RetryPolicy,
    max_reconnects: Option<u32>,
    /// How often in a row it was opened without any event.
    attempts: u32,
    /// It was open once: from now on a loss is made good.
    opened: bool,
}

enum State {
    Closed,
    Waiting(BoxFuture<'static, ()>),
    Opening(BoxFuture<'static, Result<Events, Error>>),
    Open(Events),
    Ended,
}

impl EventSource {
    pub(super) fn new(open: impl Fn() -> BoxFuture<'static, Result<Events, Error>> + Send + 'static) -> Self {
        Self {
            open: Box::new(open),
            state: State::Closed,
            backoff: RetryPolicy::default().with_backoff(Duration::from_millis(100), Duration::from_secs(10)),
            max_reconnects: None,
            attempts: 0,
            opened: false,
        }
    }

    pub(super) fn limit(&mut self, reconnects: u32) {
        self.max_reconnects = Some(reconnects);
    }

    /// Waits before the next attempt, or ends with the error.
    fn lost(&mut self, error: Error) -> Option<Error> {
        let exhausted = self.max_reconnects.is_some_and(|most| self.attempts >= most);
        if !self.opened || exhausted || !may_pass(&error) {
            self.state = State::Ended;
            return Some(error);
        }
        self.state = State::Waiting(Box::pin(sleep(self.backoff.backoff(self.attempts))));
        self.attempts = self.attempts.saturating_add(1);
        None
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Sourced, Error>>> {
        loop {
            match &mut self.state {
                State::Ended => return Poll::Ready(None),
                State::Closed => self.state = State::Opening((self.open)()),
                State::Waiting(wait) => {
                    ready!(wait.as_mut().poll(cx));
                    self.state = State::Closed;
                }
                State::Opening(opening) => match ready!(opening.as_mut().poll(cx)) {
                    Ok(events) => {
                        self.state = State::Open(events);
                        if std::mem::replace(&mut self.opened, true) {
                            return Poll::Ready(Some(Ok(Sourced::Gap)));
                        }
                    }
                    Err(error) => {
                        if let Some(error) = self.lost(error) {
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                },
                State::Open(events) => match ready!(events.as_mut().poll_next(cx)) {
                    Some(Ok(event)) => {
                        self.attempts = 0;
                        return Poll::Ready(Some(Ok(Sourced::Event(event))));
                    }
                    end => {
                        let ended = || Error::new(ErrorKind::Interrupted, "the stream ended");
                        let error = end.map_or_else(ended, |result| result.err().unwrap_or_else(ended));
                        if let Some(error) = self.lost(error) {
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                },
            }
        }
    }
}

/// Whether it may be otherwise later. A wrong token stays wrong.
fn may_pass(error: &Error) -> bool {
    error.is_outage() || matches!(error.kind(), ErrorKind::LimitExceeded | ErrorKind::OutOfMemory | ErrorKind::ReadOnly)
}

/// A server that sends comments is taken for lost after three of them are missing, of those that are 15 s apart.
const COMMENTS_STOPPED: Duration = Duration::from_secs(45);

/// Server-sent events of the REST API.
pub(super) async fn over_rest(rest: Arc<Rest>, path: String) -> Result<Events, Error> {
    let body = rest.stream(path).await?;
    let silence = rest.heartbeat();
    let timer = silence.map(|silence| Box::pin(sleep(silence)) as BoxFuture<'static, ()>);
    Ok(Box::pin(SentEvents { body, parser: EventParser::default(), events: VecDeque::new(), silence, timer }))
}

struct SentEvents {
    body: TransportBody,
    parser: EventParser,
    events: VecDeque<Bytes>,
    /// The longest time without a byte.
    silence: Option<Duration>,
    timer: Option<BoxFuture<'static, ()>>,
}

impl SentEvents {
    /// Takes what has come in, which shows that the connection is alive.
    fn take(&mut self, data: &[u8]) -> Result<(), Error> {
        let before = self.events.len();
        let events = &mut self.events;
        self.parser
            .push(data, |event| events.push_back(event.into()))
            .map_err(|_| Error::new(ErrorKind::Decode, "an event of the stream has no end"))?;
        // Bytes that are no event are a comment: from now on silence means something.
        if self.events.len() == before && data.starts_with(b":") {
            self.silence.get_or_insert(COMMENTS_STOPPED);
        }
        self.timer = self.silence.map(|silence| Box::pin(sleep(silence)) as BoxFuture<'static, ()>);
        Ok(())
    }
}

impl Stream for SentEvents {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let this = &mut *self;
            if let Some(event) = this.events.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            let frame = match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    let Some(timer) = &mut this.timer else { return Poll::Pending };
                    ready!(timer.as_mut().poll(cx));
                    return Poll::Ready(Some(Err(Error::new(ErrorKind::Interrupted, "the stream is silent"))));
                }
            };
            let data = match frame {
                None => return Poll::Ready(None),
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(error)) => {
                    let lost = Error::new(ErrorKind::Interrupted, "the stream broke");
                    return Poll::Ready(Some(Err(lost.with_source(error))));
                }
            };
            if let Err(error) = this.take(&data) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}
