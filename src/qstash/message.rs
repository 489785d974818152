use super::{
    destination::{ToUrl, ToUrlGroup, check_url, invalid, path_to_url, path_to_url_group},
    seconds,
};
use crate::Error;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header::CONTENT_TYPE};
use serde::Serialize;
use std::{
    fmt,
    marker::PhantomData,
    time::{Duration, SystemTime},
};

/// A message to publish: destination, body, schedule and delivery options.
///
/// Values are checked as they are set; [`publish`](super::QStashClient::publish) returns the first problem, and then
/// sends nothing.
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
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// QStash recognises a repetition, so that sending twice is the same as sending once.
    pub(super) deduplicated: bool,
    problem: Option<Error>,
    destination: PhantomData<fn() -> D>,
}

impl Message<ToUrl> {
    /// A message to this URL, query included. It becomes `sub` in the signature exactly as it is written here.
    pub fn to_url(url: impl AsRef<str>) -> Self {
        Self::new(path_to_url(url.as_ref()))
    }
}

impl Message<ToUrlGroup> {
    /// A message to each endpoint of this URL group.
    pub fn to_url_group(name: impl AsRef<str>) -> Self {
        Self::new(path_to_url_group(name.as_ref()))
    }
}

impl<D> Message<D> {
    fn new(path: Result<String, Error>) -> Self {
        let (path, problem) = match path {
            Ok(path) => (path, None),
            Err(problem) => (String::new(), Some(problem)),
        };
        Self {
            path,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            deduplicated: false,
            problem,
            destination: PhantomData,
        }
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
                self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                self
            }
            Err(error) => self.refuse(invalid("the body cannot be written as JSON").with_source(error)),
        }
    }

    /// A header that the destination receives. It travels as `Upstash-Forward-*`.
    ///
    /// `Content-Type` goes as it is, and so does what begins with `Upstash-`: an option that has no method here.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        let name = name.as_ref().to_ascii_lowercase();
        let as_it_is = name == "content-type" || name.starts_with("upstash-");
        let sent = if as_it_is { name.clone() } else { format!("upstash-forward-{name}") };
        let sent = HeaderName::try_from(sent).ok().filter(|_| !name.is_empty());
        match (sent, HeaderValue::from_bytes(value.as_ref())) {
            (Some(sent), Ok(value)) if as_it_is => {
                self.headers.insert(sent, value);
                self
            }
            (Some(sent), Ok(value)) => {
                self.headers.append(sent, value);
                self
            }
            (None, _) => self.refuse(invalid("a header has a name that cannot be sent")),
            (_, Err(_)) => self.refuse(invalid(format!("the header {name} has a value that cannot be sent"))),
        }
    }

    /// The method that the destination is called with: GET, POST (the default), PUT, PATCH or DELETE.
    pub fn method(self, method: &Method) -> Self {
        match method.as_str() {
            "GET" | "POST" | "PUT" | "PATCH" | "DELETE" => self.option("upstash-method", method.as_str()),
            _ => self.refuse(invalid("QStash calls with GET, POST, PUT, PATCH or DELETE")),
        }
    }

    /// Delivers after this time at the earliest, in whole seconds, rounded up.
    pub fn delay(self, delay: Duration) -> Self {
        self.option("upstash-delay", seconds::text(delay))
    }

    /// Delivers at this time at the earliest, in whole seconds, rounded up. It overrides [`delay`](Self::delay).
    pub fn not_before(self, time: SystemTime) -> Self {
        // A time before 1970 counts as the epoch, which is as much in the past.
        let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.option("upstash-not-before", seconds::rounded_up(since_epoch).to_string())
    }

    /// Sets how often delivery is retried after a failure (3, unless the plan says otherwise).
    pub fn retries(self, retries: u32) -> Self {
        self.option("upstash-retries", retries.to_string())
    }

    /// Sets how long the destination may take, in whole seconds, rounded up. It can only shorten the plan's limit.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.option("upstash-timeout", seconds::text(timeout))
    }

    /// A URL that is called with the destination's answer after each delivery.
    pub fn callback(self, url: impl AsRef<str>) -> Self {
        self.url_option("upstash-callback", "the callback", url.as_ref())
    }

    /// Sets a URL that is called once, when all deliveries have failed.
    pub fn failure_callback(self, url: impl AsRef<str>) -> Self {
        self.url_option("upstash-failure-callback", "the failure callback", url.as_ref())
    }

    /// Has QStash accept one message with this id in ten minutes, whatever became of it.
    ///
    /// The client may then send again what it does not know to have arrived.
    pub fn deduplication_id(mut self, id: impl AsRef<str>) -> Self {
        let id = id.as_ref();
        if id.is_empty() || id.contains(':') {
            return self.refuse(invalid("a deduplication id is not empty and has no colon"));
        }
        self.deduplicated = true;
        self.option("upstash-deduplication-id", id)
    }

    /// Derives the [`deduplication_id`](Self::deduplication_id) from destination, body and headers.
    pub fn content_based_deduplication(mut self) -> Self {
        self.deduplicated = true;
        self.option("upstash-content-based-deduplication", "true")
    }

    /// A label to find the message by in logs and dead letter queue. A message may have several.
    pub fn label(self, label: impl AsRef<str>) -> Self {
        let label = label.as_ref().trim();
        if label.is_empty() || label.contains(',') {
            return self.refuse(invalid("a label is not empty and has no comma"));
        }
        let before = self.headers.get("upstash-label").and_then(|value| value.to_str().ok());
        let labels = before.map_or_else(|| label.to_owned(), |before| format!("{before},{label}"));
        self.option("upstash-label", labels)
    }

    fn url_option(self, name: &'static str, what: &str, url: &str) -> Self {
        match check_url(what, url) {
            Ok(()) => self.option(name, url),
            Err(problem) => self.refuse(problem),
        }
    }

    fn option(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        match HeaderValue::from_str(value.as_ref()) {
            Ok(value) => {
                self.headers.insert(HeaderName::from_static(name), value);
                self
            }
            Err(_) => self.refuse(invalid(format!("{name} has a value that cannot be sent in a header"))),
        }
    }

    fn refuse(mut self, problem: Error) -> Self {
        self.problem.get_or_insert(problem);
        self
    }

    /// The first problem, if there is one.
    pub(super) fn checked(mut self) -> Result<Self, Error> {
        match self.problem.take() {
            Some(problem) => Err(problem),
            None => Ok(self),
        }
    }
}

// By hand: headers and body are the application's, and a destination may hold a password.
impl<D> fmt::Debug for Message<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("headers", &self.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>())
            .field("body_length", &self.body.len())
            .field("problem", &self.problem.as_ref().map(Error::message))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn message() -> Message<ToUrl> {
        Message::to_url("https://example.com/")
    }

    #[test]
    fn values_that_cannot_be_sent_are_named_and_not_repeated() {
        for (message, name) in [
            (message().header("", "secret"), "name"),
            (message().header("a b", "secret"), "name"),
            (message().header("x-key", "secret\n"), "x-key"),
            (message().method(&Method::OPTIONS), "GET"),
            (message().callback("secret"), "the callback"),
            (message().failure_callback("ftp://secret"), "the failure callback"),
            (message().deduplication_id(""), "deduplication"),
            (message().deduplication_id("secret:1"), "deduplication"),
            (message().label("secret,b"), "label"),
            (message().label(" "), "label"),
            (message().label("secret\n1"), "upstash-label"),
        ] {
            let error = message.checked().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(name), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_first_problem_is_the_one_reported() {
        let error = Message::to_url("nowhere").label("").checked().unwrap_err();
        assert!(error.to_string().starts_with("the destination"), "{error}");
    }

    #[test]
    fn json_that_cannot_be_written_is_a_problem_and_not_a_panic() {
        let map = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert_eq!(message().json(&map).checked().unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn debug_shows_no_values() {
        let message = Message::to_url("https://u:secret@example.com/").header("authorization", "secret").body("secret");
        let shown = format!("{message:?}");
        assert!(shown.contains("upstash-forward-authorization") && !shown.contains("secret"), "{shown}");
    }
}
