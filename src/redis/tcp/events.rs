//! Messages and monitors over TCP, in the lines that they have over REST.

use super::{
    connection::{Target, Tcp},
    convert,
};
use crate::{
    Error, ErrorKind,
    redis::event_source::{EventSource, Events},
};
use bytes::Bytes;
use futures_core::Stream;
use redis_rs::{Client, Msg};
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// Events of what is called `endpoint` over REST, for these channels or patterns.
pub(in crate::redis) fn source(tcp: &Arc<Tcp>, endpoint: &'static str, names: &[String]) -> EventSource {
    let (tcp, names): (_, Arc<[String]>) = (Arc::clone(tcp), names.into());
    EventSource::new(move || {
        let (tcp, names) = (Arc::clone(&tcp), Arc::clone(&names));
        Box::pin(async move {
            let Target::Single(client) = &tcp.target else {
                let message = "messages of a cluster: connect to one of its nodes, they all hand messages on";
                return Err(Error::new(ErrorKind::InvalidInput, message));
            };
            match endpoint {
                "monitor" => monitor(client).await,
                _ if names.is_empty() => {
                    Err(Error::new(ErrorKind::InvalidInput, "there is no channel to subscribe to"))
                }
                _ => messages(client, endpoint == "psubscribe", &names).await,
            }
        })
    })
}

async fn messages(client: &Client, patterns: bool, names: &[String]) -> Result<Events, Error> {
    let mut connection = client.get_async_pubsub().await.map_err(convert::connecting)?;
    let (verb, subscribed) = if patterns {
        ("psubscribe", connection.psubscribe(names).await)
    } else {
        ("subscribe", connection.subscribe(names).await)
    };
    subscribed.map_err(convert::failure)?;
    let first = names.iter().enumerate().map(|(index, name)| format!("{verb},{name},{}", index + 1).into());
    Ok(Box::pin(Lines { first: first.collect(), rest: connection.into_on_message(), line: message }))
}

async fn monitor(client: &Client) -> Result<Events, Error> {
    let connection = client.get_async_monitor().await.map_err(convert::connecting)?;
    let lines = connection.into_on_message::<String>();
    Ok(Box::pin(Lines { first: VecDeque::from([Bytes::from_static(b"\"OK\"")]), rest: lines, line: Bytes::from }))
}

#[allow(clippy::needless_pass_by_value, reason = "it is what the stream gives")]
fn message(message: Msg) -> Bytes {
    let channel = message.get_channel_name().to_owned();
    let begin = match message.get_pattern::<Option<String>>() {
        Ok(Some(pattern)) => format!("pmessage,{pattern},{channel},"),
        _ => format!("message,{channel},"),
    };
    [begin.as_bytes(), message.get_payload_bytes()].concat().into()
}

/// Lines that are known from the beginning, and those of what comes.
struct Lines<S: Stream> {
    first: VecDeque<Bytes>,
    rest: S,
    line: fn(S::Item) -> Bytes,
}

impl<S: Stream + Unpin> Stream for Lines<S> {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(line) = self.first.pop_front() {
            return Poll::Ready(Some(Ok(line)));
        }
        let line = self.line;
        Pin::new(&mut self.rest).poll_next(cx).map(|item| item.map(|item| Ok(line(item))))
    }
}
