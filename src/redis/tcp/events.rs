//! Messages and monitors over TCP, in the lines that they have over REST.

use super::{
    connect::Connector,
    frames::Frames,
    resp,
    tcp::{Target, Tcp},
};
use crate::{
    Error, ErrorKind,
    redis::{
        Cmd, Reply,
        error::from_text,
        event_source::{EventSource, Events},
    },
    rt::sleep,
};
use bytes::Bytes;
use futures_core::{Stream, future::BoxFuture};
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

/// Events of what is called `endpoint` over REST, for these channels or patterns.
pub(in crate::redis) fn source(tcp: &Arc<Tcp>, endpoint: &'static str, names: &[String]) -> EventSource {
    let (tcp, names): (_, Arc<[String]>) = (Arc::clone(tcp), names.into());
    EventSource::new(move || {
        let (tcp, names) = (Arc::clone(&tcp), Arc::clone(&names));
        Box::pin(async move {
            let Target::Server(server) = &tcp.target else {
                let message = "messages of a cluster: connect to one of its nodes, they all hand messages on";
                return Err(Error::new(ErrorKind::InvalidInput, message));
            };
            let cmd = match endpoint {
                "monitor" => Cmd::new("MONITOR"),
                _ if names.is_empty() => {
                    return Err(Error::new(ErrorKind::InvalidInput, "there is no channel to subscribe to"));
                }
                verb => Cmd::new(verb).args(names.iter()),
            };
            open(server.connector(), &cmd).await
        })
    })
}

async fn open(connector: &Connector, cmd: &Cmd) -> Result<Events, Error> {
    let mut frames = connector.connect().await?;
    let broke = |error: io::Error| Error::new(ErrorKind::Interrupted, "the connection broke").with_source(error);
    let mut bytes = Vec::new();
    resp::write(cmd, &mut bytes);
    frames.write_all(&bytes).await.map_err(broke)?;
    let first = match frames.next().await.map_err(broke)? {
        Reply::Error(text) => return Err(from_text(&text, None)),
        first => line(first),
    };
    let heartbeat = connector.settings().heartbeat;
    let timer = Box::pin(sleep(heartbeat));
    Ok(Box::pin(Lines { frames, first, heartbeat, timer, pings: Vec::new(), asked: false }))
}

/// The line of a reply, if it is an event.
fn line(reply: Reply) -> Option<Bytes> {
    let items = match reply {
        // The beginning of a monitor, and its lines.
        Reply::Ok => return Some(Bytes::from_static(b"\"OK\"")),
        Reply::Bulk(text) => return (&text[..] != b"PONG").then_some(text),
        Reply::Array(items) => items,
        _ => return None,
    };
    let mut line = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            line.push(b',');
        }
        match item {
            Reply::Bulk(text) => line.extend_from_slice(&text),
            Reply::Int(number) => line.extend_from_slice(number.to_string().as_bytes()),
            _ => return None,
        }
    }
    Some(line.into())
}

/// The lines of a connection, which is pinged when it is silent.
struct Lines {
    frames: Frames,
    first: Option<Bytes>,
    heartbeat: Duration,
    timer: BoxFuture<'static, ()>,
    /// What of a ping is still to be written.
    pings: Vec<u8>,
    /// The server was pinged, and has said nothing since.
    asked: bool,
}

impl Lines {
    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Reply>> {
        loop {
            while !self.pings.is_empty() {
                match self.frames.poll_write(cx, &self.pings)? {
                    Poll::Ready(count) => drop(self.pings.drain(..count)),
                    Poll::Pending => break,
                }
            }
            let _ = self.frames.poll_flush(cx)?;
            if let Poll::Ready(reply) = self.frames.poll_next(cx)? {
                self.asked = false;
                self.timer = Box::pin(sleep(self.heartbeat));
                return Poll::Ready(Ok(reply));
            }
            ready!(self.timer.as_mut().poll(cx));
            if std::mem::replace(&mut self.asked, true) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the server answers no ping")));
            }
            resp::write(&Cmd::new("PING"), &mut self.pings);
            self.timer = Box::pin(sleep(self.heartbeat));
        }
    }
}

impl Stream for Lines {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(line) = self.first.take() {
            return Poll::Ready(Some(Ok(line)));
        }
        loop {
            match ready!(self.poll_reply(cx)) {
                Ok(Reply::Error(text)) => return Poll::Ready(Some(Err(from_text(&text, None)))),
                Ok(reply) => {
                    if let Some(line) = line(reply).filter(|line| !line.starts_with(b"pong,")) {
                        return Poll::Ready(Some(Ok(line)));
                    }
                }
                Err(error) => {
                    let lost = Error::new(ErrorKind::Interrupted, "the connection broke");
                    return Poll::Ready(Some(Err(lost.with_source(error))));
                }
            }
        }
    }
}
