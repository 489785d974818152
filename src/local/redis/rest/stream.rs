//! Subscriptions and `MONITOR`, as server-sent events.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http::{
    HeaderValue, Response,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body::Frame;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::timeout,
};

use super::{answer::Refusal, event, gate::Guest, target::StreamKind};
use crate::local::redis::{
    address::RedisAddress, command::Command, connection::Connection, outage::Outage, resp::Value,
};

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// Proxies cut connections on which nothing happens.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A client that takes nothing for so long is gone.
const SLOWEST_CLIENT: Duration = Duration::from_secs(30);
/// Events on their way to the client. Beyond them nothing is read from Redis, which closes the connection when its
/// own buffer is full.
const BUFFERED_EVENTS: usize = 64;

/// Opens a stream on a connection of its own. It ends with the client, with Redis, or with the server.
pub(super) async fn open(
    address: &RedisAddress,
    kind: StreamKind,
    names: Vec<Bytes>,
    guest: Guest,
    permit: OwnedSemaphorePermit,
) -> Result<Response<Body>, Refusal> {
    let mut words = vec![Bytes::from_static(kind.command().as_bytes())];
    words.extend(names);
    let begin = async {
        let mut connection = Connection::connect(address).await?;
        connection.send(&Command::new(words)).await?;
        connection.receive().await.map(|first| (connection, first))
    };
    let (connection, first) = match timeout(CONNECT_DEADLINE, begin).await {
        Ok(begun) => begun.map_err(Outage::from)?,
        Err(_) => return Err(Outage::Unreachable.into()),
    };
    if let Value::Error(text) = first {
        return Err(Refusal::request(String::from_utf8_lossy(&text).into_owned()));
    }
    let (events, receiver) = mpsc::channel(BUFFERED_EVENTS);
    tokio::spawn(async move {
        let _permit = permit;
        forward(connection, kind, first, guest, events).await;
    });
    let mut response = Response::new(Body::new(Events(receiver)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// Hands on what Redis sends until one of the three is gone.
async fn forward(
    mut connection: Connection,
    kind: StreamKind,
    first: Value,
    mut guest: Guest,
    events: mpsc::Sender<Bytes>,
) {
    let mut next = event::write(kind, &first);
    loop {
        if !next.is_empty() {
            let sent = tokio::select! {
                () = guest.leave() => return,
                sent = timeout(SLOWEST_CLIENT, events.send(next)) => sent,
            };
            if !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
        next = tokio::select! {
            () = guest.leave() => return,
            () = events.closed() => return,
            received = timeout(KEEP_ALIVE, connection.receive()) => match received {
                Ok(Ok(value)) => event::write(kind, &value),
                Ok(Err(_)) => return,
                Err(_) => Bytes::from_static(b": keep-alive\n\n"),
            },
        };
    }
}

/// The body of the answer.
struct Events(mpsc::Receiver<Bytes>);

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let event = ready!(self.0.poll_recv(cx));
        Poll::Ready(event.map(|event| Ok(Frame::data(event))))
    }
}
