//! Subscriptions and `MONITOR`, as server-sent events.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum_core::body::Body;
use bytes::Bytes;
use http::{
    HeaderValue, Response,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body::Frame;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};

use super::{answer::Refusal, event, target::StreamKind};
use crate::local::{
    http::Guest,
    redis::{command::Command, connection::Connection, execute::Executor, outage::Outage, resp::Value},
};

const FIRST_REPLY_DEADLINE: Duration = Duration::from_secs(5);
/// Proxies cut connections on which nothing happens.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A client that takes nothing for so long is gone.
const SLOWEST_CLIENT: Duration = Duration::from_secs(30);
/// Events on their way to the client, and their bytes. Beyond either nothing is read from Redis, which closes the
/// connection when its own buffer is full. A larger event goes alone.
const WAITING_EVENTS: usize = 64;
const WAITING_BYTES: u32 = 1024 * 1024;

/// Opens a stream on a connection of its own. It ends with the client, with Redis, or with the server.
pub(super) async fn open(
    executor: &Executor,
    kind: StreamKind,
    names: Vec<Bytes>,
    guest: Guest,
    permit: OwnedSemaphorePermit,
) -> Result<Response<Body>, Refusal> {
    let mut words = vec![Bytes::from_static(kind.command().as_bytes())];
    words.extend(names);
    let mut connection = executor.connect().await?;
    let begin = async {
        connection.send(&Command::new(words)).await?;
        connection.receive().await
    };
    let first = match timeout(FIRST_REPLY_DEADLINE, begin).await {
        Ok(begun) => begun.map_err(|error| Outage::from(&error))?,
        Err(_) => return Err(Outage::TimedOut.into()),
    };
    if let Value::Error(text) = first {
        return Err(Refusal::request(String::from_utf8_lossy(&text).into_owned()));
    }
    let (events, receiver) = mpsc::channel(WAITING_EVENTS);
    let waiting = Waiting { events, bytes: Arc::new(Semaphore::new(WAITING_BYTES as usize)) };
    let only = executor.monitored_database();
    tokio::spawn(async move {
        let _permit = permit;
        forward(connection, kind, only, first, guest, waiting).await;
    });
    let mut response = Response::new(Body::new(Events { waiting: receiver, taken: None }));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// The events that wait for the client.
struct Waiting {
    events: mpsc::Sender<(Bytes, OwnedSemaphorePermit)>,
    bytes: Arc<Semaphore>,
}

impl Waiting {
    /// Waits until there is room. `None` when the client is gone.
    async fn add(&self, event: Bytes) -> Option<()> {
        let size = u32::try_from(event.len()).unwrap_or(u32::MAX).min(WAITING_BYTES);
        let permit = tokio::select! {
            permit = Arc::clone(&self.bytes).acquire_many_owned(size) => permit.ok()?,
            () = self.events.closed() => return None,
        };
        self.events.send((event, permit)).await.ok()
    }
}

/// Hands on what Redis sends until one of the three is gone.
async fn forward(
    mut connection: Connection,
    kind: StreamKind,
    only: Option<u32>,
    first: Value,
    mut guest: Guest,
    waiting: Waiting,
) {
    let mut next = event::write(kind, &first, only);
    loop {
        if !next.is_empty() {
            let sent = tokio::select! {
                () = guest.leave() => return,
                sent = timeout(SLOWEST_CLIENT, waiting.add(next)) => sent,
            };
            if !matches!(sent, Ok(Some(()))) {
                return;
            }
        }
        next = tokio::select! {
            () = guest.leave() => return,
            () = waiting.events.closed() => return,
            received = timeout(KEEP_ALIVE, connection.receive()) => match received {
                Ok(Ok(value)) => event::write(kind, &value, only),
                Ok(Err(_)) => return,
                Err(_) => Bytes::from_static(b": keep-alive\n\n"),
            },
        };
    }
}

/// The body of the answer.
struct Events {
    waiting: mpsc::Receiver<(Bytes, OwnedSemaphorePermit)>,
    /// The event that the connection has taken last waits until it takes the next.
    taken: Option<OwnedSemaphorePermit>,
}

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.taken = None;
        let event = ready!(self.waiting.poll_recv(cx));
        Poll::Ready(event.map(|(event, permit)| {
            self.taken = Some(permit);
            Ok(Frame::data(event))
        }))
    }
}
