use super::{
    destination::{Target, ToUrl, ToUrlGroup},
    options::Options,
    setters::delivery_setters,
};
use crate::{
    Error,
    qstash::{call::Caller, error::invalid, seconds},
    rt::random_bytes,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use std::{fmt, marker::PhantomData, time::SystemTime};
use url::form_urlencoded;

/// A message to publish: destination, body and delivery options.
///
/// Values are checked as they are set; [`publish`](crate::qstash::QStashClient::publish) returns the first problem, and
/// then sends nothing.
///
/// ```
/// use axum_upstash::qstash::Message;
/// use std::time::Duration;
///
/// let message = Message::to_url("https://app.example.com/webhooks/receipt")
///     .json(&serde_json::json!({"order": 17}))
///     .delay(Duration::from_secs(60))
///     .retries(5)
///     .deduplication_id("receipt-17");
/// ```
#[must_use = "a message does nothing until it is published"]
pub struct Message<D> {
    target: Option<Target>,
    pub(super) options: Options,
    body: Bytes,
    destination: PhantomData<fn() -> D>,
}

/// A message that has passed all checks.
pub(in crate::qstash) struct Outgoing {
    /// The end of the path.
    pub(in crate::qstash) destination: String,
    pub(in crate::qstash) headers: HeaderMap,
    pub(in crate::qstash) body: Bytes,
}

impl Outgoing {
    /// Whether QStash recognises a repetition, so that sending twice is the same as sending once.
    ///
    /// Its content does not count: a repetition has a header of its own, and which headers are content is not documented.
    pub(in crate::qstash) fn is_deduplicated(&self) -> bool {
        self.headers.get("upstash-deduplication-id").is_some_and(|id| !id.is_empty())
    }

    /// Refuses options that a queue does not take.
    pub(in crate::qstash) fn check_for_queue(&self) -> Result<(), Error> {
        if self.headers.contains_key("upstash-delay") || self.headers.contains_key("upstash-not-before") {
            return Err(invalid("a queue takes no message with a delay"));
        }
        Ok(())
    }
}

impl Message<ToUrl> {
    /// A message to this URL, query included. It becomes `sub` in the signature exactly as it is written here.
    ///
    /// A URL of this machine is refused when the message is published, unless the client's own address is on this machine.
    pub fn to_url(url: impl AsRef<str>) -> Self {
        Self::new(Target::url(url.as_ref()))
    }
}

impl Message<ToUrlGroup> {
    /// A message to each endpoint of this URL group.
    pub fn to_url_group(name: impl AsRef<str>) -> Self {
        Self::new(Target::url_group(name.as_ref()))
    }
}

impl<D> Message<D> {
    fn new(target: Result<Target, Error>) -> Self {
        let mut options = Options::default();
        let target = target.map_err(|problem| options.refuse(problem)).ok();
        if let Some(target) = &target {
            options.note_loopback("the destination", target.is_loopback);
        }
        Self { target, options, body: Bytes::new(), destination: PhantomData }
    }

    /// The body, as it is.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The body as JSON, with its `Content-Type`.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => {
                self.body = body.into();
                self.options.content_type("application/json");
            }
            Err(error) => self.options.refuse(invalid("the body cannot be written as JSON").with_source(error)),
        }
        self
    }

    /// The body as the fields of a form (`application/x-www-form-urlencoded`), with its `Content-Type`.
    pub fn form<K: AsRef<str>, V: AsRef<str>>(mut self, fields: impl IntoIterator<Item = (K, V)>) -> Self {
        self.body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into();
        self.options.content_type("application/x-www-form-urlencoded");
        self
    }

    /// Delivers at this time at the earliest, in whole seconds, rounded up. It overrides [`delay`](Self::delay).
    pub fn not_before(mut self, time: SystemTime) -> Self {
        // A time before 1970 counts as the epoch, which is as much in the past.
        let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.options.set("upstash-not-before", seconds::rounded_up(since_epoch).to_string());
        self
    }

    /// Has QStash accept one message with this id in ten minutes, whatever became of it.
    ///
    /// The client may then send again what it does not know to have arrived.
    pub fn deduplication_id(mut self, id: impl AsRef<str>) -> Self {
        let id = id.as_ref();
        if id.is_empty() || id.contains(':') {
            self.options.refuse(invalid("a deduplication id is not empty and has no colon"));
        } else {
            self.options.set("upstash-deduplication-id", id);
        }
        self
    }

    /// Sets a [`deduplication_id`](Self::deduplication_id) that is drawn at random, so that the client may send again what
    /// it does not know to have arrived, and no other message counts as a repetition.
    pub fn deduplicated(mut self) -> Self {
        match random_bytes::<16>() {
            Ok(bytes) => self.deduplication_id(URL_SAFE_NO_PAD.encode(bytes)),
            Err(problem) => {
                self.options.refuse(problem);
                self
            }
        }
    }

    /// Has QStash tell repetitions by destination, body and headers, in ten minutes. Unlike a
    /// [`deduplication_id`](Self::deduplication_id) it does not let the client send a message again whose answer was lost.
    pub fn content_based_deduplication(mut self) -> Self {
        self.options.set("upstash-content-based-deduplication", "true");
        self
    }

    delivery_setters!();

    /// The same message, its destination known at run time only.
    pub(in crate::qstash) fn for_any(self) -> Message<()> {
        let Self { target, options, body, .. } = self;
        Message { target, options, body, destination: PhantomData }
    }

    /// The message as it is sent, or the first problem.
    pub(in crate::qstash) fn into_outgoing(self, caller: &Caller) -> Result<Outgoing, Error> {
        let headers = self.options.into_headers(caller)?;
        let target = self.target.ok_or_else(|| invalid("the message has no destination"))?;
        Ok(Outgoing { destination: target.text, headers, body: self.body })
    }
}

impl<D> Clone for Message<D> {
    fn clone(&self) -> Self {
        let Self { target, options, body, destination } = self;
        Self { target: target.clone(), options: options.clone(), body: body.clone(), destination: *destination }
    }
}

// By hand: headers and body are the application's, and a destination may hold a password.
impl<D> fmt::Debug for Message<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("headers", &self.options.names())
            .field("body_length", &self.body.len())
            .field("problem", &self.options.problem().map(Error::message))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ErrorKind,
        client::RestClient,
        qstash::{Callback, EmailProvider, FlowControl, LlmProvider},
    };
    use http::Method;
    use std::sync::Arc;

    fn message() -> Message<ToUrl> {
        Message::to_url("https://example.com/")
    }

    fn outgoing<D>(message: Message<D>) -> Result<Outgoing, Error> {
        message.into_outgoing(&Caller { rest: RestClient::not_configured(""), message_headers: Arc::default() })
    }

    fn problem<D>(message: Message<D>) -> Error {
        outgoing(message).err().expect("it cannot be sent")
    }

    #[test]
    fn values_that_cannot_be_sent_are_named_and_not_repeated() {
        for (message, name) in [
            (message().header("", "secret"), "name"),
            (message().header("a b", "secret"), "name"),
            (message().header("x-key", "secret\n"), "x-key"),
            (message().header("Upstash-Cron", "secret"), "schedule"),
            (message().method(&Method::OPTIONS), "GET"),
            (message().callback("secret"), "the callback"),
            (message().callback(Callback::to("https://a").header("a b", "secret")), "the callback"),
            (message().callback(Callback::to("https://a").header("x-key", "secret\n")), "x-key"),
            (message().callback(Callback::to("https://a").method(&Method::HEAD)), "the callback"),
            (message().failure_callback("ftp://secret"), "the failure callback"),
            (message().deduplication_id(""), "deduplication"),
            (message().deduplication_id("secret:1"), "deduplication"),
            (message().label("secret,b"), "label"),
            (message().label(" "), "label"),
            (message().label("secret\n1"), "upstash-label"),
            (message().redact_header("secret name"), "redact"),
            (message().flow_control(FlowControl::parallelism("secret\u{fc}", 1)), "key of a flow control"),
            (
                message().callback(Callback::to("https://a").flow_control(FlowControl::parallelism("", 1))),
                "the callback: the key of a flow control",
            ),
        ] {
            let error = problem(message);
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(name), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn headers_without_end_are_a_problem_and_not_a_panic() {
        let many = (0..50_000).fold(message(), |message, n| message.header(format!("x-{n}"), "1"));
        assert!(problem(many.retries(1)).to_string().contains("1,000 headers"));
        let callback =
            (0..50_000).fold(Callback::to("https://a/"), |callback, n| callback.header(format!("x-{n}"), "1"));
        assert!(problem(message().callback(callback)).to_string().contains("1,000 headers"));
    }

    #[test]
    fn the_first_problem_is_the_one_reported() {
        let error = problem(Message::to_url("nowhere").label(""));
        assert!(error.to_string().starts_with("the destination"), "{error}");
    }

    #[test]
    fn json_that_cannot_be_written_is_a_problem_and_not_a_panic() {
        let map = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert_eq!(problem(message().json(&map)).kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn a_later_callback_replaces_the_options_of_an_earlier_one() {
        let first = Callback::to("https://a/").retries(1).header("x", "1");
        let headers = outgoing(message().callback(first).callback("https://b/")).unwrap().headers;
        assert_eq!(headers["upstash-callback"], "https://b/");
        assert!(
            !headers.contains_key("upstash-callback-retries") && !headers.contains_key("upstash-callback-forward-x")
        );
    }

    #[test]
    fn random_deduplication_ids_differ() {
        let id = || outgoing(message().deduplicated()).unwrap().headers["upstash-deduplication-id"].clone();
        assert_ne!(id(), id());
        assert!(outgoing(message().deduplicated()).unwrap().is_deduplicated());
        assert!(outgoing(message().header("Upstash-Deduplication-Id", "1")).unwrap().is_deduplicated());
        assert!(!outgoing(message()).unwrap().is_deduplicated());
    }

    #[test]
    fn debug_shows_no_values() {
        let callback = Callback::to("https://u:secret@example.com/").header("x-key", "secret");
        let message = Message::to_url("https://u:secret@example.com/")
            .header("authorization", "secret")
            .callback(callback.clone())
            .body("secret");
        let shown = format!("{message:?} {callback:?}");
        assert!(shown.contains("upstash-forward-authorization") && !shown.contains("secret"), "{shown}");
        let provider = LlmProvider::openai("secret").with_organization("secret");
        let message = Message::to_llm(&provider, "https://example.com/");
        let shown = format!("{provider:?} {message:?} {:?}", EmailProvider::resend("secret"));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
