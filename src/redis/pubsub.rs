use super::{
    FromReply, Redis, Reply,
    event_source::{EventSource, Sourced},
};
use crate::{Error, ErrorKind};
use bytes::Bytes;
use futures_core::Stream;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// An event of a [`Subscription`].
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, redis::PubSubEvent};
/// use futures_util::StreamExt;
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// let mut news = upstash.redis().subscribe(["news"]);
/// while let Some(event) = news.next().await {
///     match event? {
///         PubSubEvent::Message(message) => println!("{}: {:?}", message.channel, message.payload),
///         PubSubEvent::Gap => println!("messages may be missing here"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PubSubEvent {
    /// The server has the subscription. It comes once for each channel or pattern, and again after a gap.
    Subscribed {
        /// The channel or pattern.
        name: String,
        /// How many this stream has by now.
        count: u64,
    },
    /// A message.
    Message(Message),
    /// The stream was lost and is open again. Messages in between are missing.
    Gap,
}

/// A message of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The channel that it was published to.
    pub channel: String,
    /// The pattern that the channel matches, in a subscription to patterns.
    pub pattern: Option<String>,
    /// The message. Over REST it is text: bytes that are not UTF-8 are lost, and any line end is a line feed.
    pub payload: Bytes,
}

impl Message {
    /// The payload as a type: text, a number, or [`Json`](super::Json).
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] if it is not of that type.
    pub fn read<T: FromReply>(&self) -> Result<T, Error> {
        T::from_reply(Reply::Bulk(self.payload.clone()))
            .map_err(|error| Error::new(ErrorKind::Decode, error.to_string()).with_operation("message"))
    }
}

/// Messages of channels or patterns, as they are published. Dropping it ends the subscription.
///
/// The first attempt to open it has to succeed; after that a stream that is lost is opened again, with waits that grow
/// up to ten seconds, and a [`PubSubEvent::Gap`] says so. An error that does not pass, such as a token that is no
/// longer valid, ends it.
///
/// A stream that has gone silent is lost as well: see `heartbeat` of the builders. Over TCP the server is pinged.
///
/// Nothing is buffered beyond what was received: while it is not polled, the connection is not read.
///
/// ```no_run
/// use axum_upstash::redis::{PubSubEvent, Redis};
/// use futures_util::StreamExt;
///
/// # async fn run(redis: Redis) -> Result<(), axum_upstash::Error> {
/// let mut news = redis.subscribe(["news"]);
/// while let Some(event) = news.next().await {
///     match event? {
///         PubSubEvent::Message(message) => println!("{}: {}", message.channel, message.read::<String>()?),
///         PubSubEvent::Gap => println!("messages may be missing"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "messages come when it is polled"]
pub struct Subscription {
    source: EventSource,
    names: Vec<String>,
    patterns: bool,
}

impl Redis {
    /// Subscribes to channels (`SUBSCRIBE`).
    pub fn subscribe(&self, channels: impl IntoIterator<Item = impl Into<String>>) -> Subscription {
        Subscription::new(self, "subscribe", channels)
    }

    /// Subscribes to glob patterns of channels (`PSUBSCRIBE`).
    pub fn psubscribe(&self, patterns: impl IntoIterator<Item = impl Into<String>>) -> Subscription {
        Subscription::new(self, "psubscribe", patterns)
    }

    /// Every command that the server executes, from now on (`MONITOR`).
    pub fn monitor(&self) -> Monitor {
        Monitor { source: self.events("monitor", &[]), begun: false }
    }
}

impl Subscription {
    fn new(redis: &Redis, endpoint: &'static str, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        Self { source: redis.events(endpoint, &names), patterns: endpoint == "psubscribe", names }
    }

    /// Ends with the error when it was lost so many times in a row. It goes on for ever by default.
    pub fn max_reconnects(mut self, reconnects: u32) -> Self {
        self.source.limit(reconnects);
        self
    }

    /// The event of a line, or nothing if its kind is unknown.
    ///
    /// Fields have commas between them and are not escaped, but what was subscribed to is known: the longest name that
    /// fits is the one. The channel behind a pattern goes to the next comma.
    fn event(&self, line: &[u8]) -> Option<PubSubEvent> {
        let (kind, rest) = cut(line)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match kind {
            b"subscribe" | b"psubscribe" => {
                let at = rest.iter().rposition(|byte| *byte == b',')?;
                let count = std::str::from_utf8(&rest[at + 1..]).ok()?.trim().parse().ok()?;
                Some(PubSubEvent::Subscribed { name: text(&rest[..at]), count })
            }
            b"message" if !self.patterns => {
                let (channel, payload) = self.known(rest)?;
                let (channel, payload) = (text(channel), Bytes::copy_from_slice(payload));
                Some(PubSubEvent::Message(Message { channel, pattern: None, payload }))
            }
            b"pmessage" if self.patterns => {
                let (pattern, rest) = self.known(rest)?;
                let (channel, payload) = cut(rest)?;
                let (channel, payload) = (text(channel), Bytes::copy_from_slice(payload));
                Some(PubSubEvent::Message(Message { channel, pattern: Some(text(pattern)), payload }))
            }
            _ => None,
        }
    }

    fn known<'a>(&self, rest: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let fits = |name: &&String| rest.starts_with(name.as_bytes()) && rest.get(name.len()) == Some(&b',');
        match self.names.iter().filter(fits).map(String::len).max() {
            Some(length) => Some((&rest[..length], &rest[length + 1..])),
            None => cut(rest),
        }
    }
}

/// The parts before and after the first comma.
fn cut(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|byte| *byte == b',')?;
    Some((&line[..at], &line[at + 1..]))
}

impl Stream for Subscription {
    type Item = Result<PubSubEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let event = match std::task::ready!(self.source.poll_next(cx)) {
                Some(Ok(Sourced::Event(line))) => self.event(&line),
                Some(Ok(Sourced::Gap)) => Some(PubSubEvent::Gap),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.with_operation("SUBSCRIBE")))),
                None => return Poll::Ready(None),
            };
            if let Some(event) = event {
                return Poll::Ready(Some(Ok(event)));
            }
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("names", &self.names).finish_non_exhaustive()
    }
}

/// The lines of `MONITOR`, without the `OK` at its beginning. It is opened again like a [`Subscription`]. Over TCP its own
/// pings are among them, when the server has nothing else to report.
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, redis::MonitorEvent};
/// use futures_util::StreamExt;
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// let mut monitor = upstash.redis().monitor();
/// while let Some(event) = monitor.next().await {
///     if let MonitorEvent::Command(line) = event? {
///         println!("{line}");
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "lines come when it is polled"]
pub struct Monitor {
    source: EventSource,
    begun: bool,
}

/// An event of a [`Monitor`].
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, redis::MonitorEvent};
/// use futures_util::StreamExt;
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// if let Some(MonitorEvent::Command(line)) = upstash.redis().monitor().next().await.transpose()? {
///     println!("{line}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MonitorEvent {
    /// The server has begun to report.
    Started,
    /// A command: the time, the client, and its words in quotation marks.
    Command(String),
    /// The stream was lost and is open again. Commands in between are missing.
    Gap,
}

impl Stream for Monitor {
    type Item = Result<MonitorEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(match std::task::ready!(self.source.poll_next(cx)) {
            Some(Ok(Sourced::Event(line))) if !std::mem::replace(&mut self.begun, true) && &line[..] == b"\"OK\"" => {
                Some(Ok(MonitorEvent::Started))
            }
            Some(Ok(Sourced::Event(line))) => {
                Some(Ok(MonitorEvent::Command(String::from_utf8_lossy(&line).into_owned())))
            }
            Some(Ok(Sourced::Gap)) => {
                self.begun = false;
                Some(Ok(MonitorEvent::Gap))
            }
            Some(Err(error)) => Some(Err(error.with_operation("MONITOR"))),
            None => None,
        })
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Monitor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(names: &[&str], patterns: bool, line: &str) -> Option<PubSubEvent> {
        let redis = Redis::new("http://127.0.0.1:1", "token").unwrap();
        let names = names.iter().copied();
        let subscription = if patterns { redis.psubscribe(names) } else { redis.subscribe(names) };
        subscription.event(line.as_bytes())
    }

    fn message(channel: &str, pattern: Option<&str>, payload: &'static str) -> Option<PubSubEvent> {
        let (channel, pattern) = (channel.into(), pattern.map(Into::into));
        Some(PubSubEvent::Message(Message { channel, pattern, payload: payload.into() }))
    }

    #[test]
    fn commas_are_where_the_names_say() {
        let names = ["a", "a,b", "c"];
        assert_eq!(events(&names, false, "message,a,x,y"), message("a", None, "x,y"));
        assert_eq!(events(&names, false, "message,a,b,y"), message("a,b", None, "y"));
        assert_eq!(events(&names, false, "message,a,b"), message("a", None, "b"));
        assert_eq!(events(&names, false, "message,c,"), message("c", None, ""));
        assert_eq!(events(&["p,*"], true, "pmessage,p,*,ch,x,y"), message("ch", Some("p,*"), "x,y"));
        let subscribed = PubSubEvent::Subscribed { name: "a,b".into(), count: 2 };
        assert_eq!(events(&names, false, "subscribe,a,b,2"), Some(subscribed));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        for line in ["", "message", "message,", "subscribe,a", "subscribe,a,x", "pmessage,a,b,c", "unsubscribe,a,0"] {
            assert_eq!(events(&["a"], false, line), None, "{line}");
        }
    }
}
