use super::{
    flow_control::FlowControl,
    headers::{method_name, of_application},
    retry_delay::RetryDelay,
};
use crate::{
    Error,
    qstash::{error::invalid, seconds},
};
use http::{HeaderName, HeaderValue, Method};
use std::{borrow::Borrow, fmt, time::Duration};

/// A URL that QStash calls with the outcome of a delivery, and the options of that call.
///
/// A callback is a message of its own: signed, retried and billed like any other. Its body is a
/// [`CallbackBody`](crate::qstash::CallbackBody). Text converts into a callback without options.
///
/// ```
/// use axum_upstash::qstash::{Callback, Message};
/// use std::time::Duration;
///
/// let done = Callback::to("https://app.example.com/done").retries(1).timeout(Duration::from_secs(10)).header("X-Order", "17");
/// let message = Message::to_url("https://app.example.com/webhooks/receipt").callback(done);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Callback {
    url: String,
    /// The end of the name of each header, and its value.
    options: Vec<(String, HeaderValue)>,
    problem: Option<Error>,
}

impl Callback {
    /// A call of this URL, which has to be `http` or `https`.
    pub fn to(url: impl Into<String>) -> Self {
        Self { url: url.into(), options: Vec::new(), problem: None }
    }

    /// A header that the callback's URL receives.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        let name = name.as_ref().to_ascii_lowercase();
        let suffix = format!("forward-{name}");
        match (HeaderName::try_from(&suffix), HeaderValue::from_bytes(value.as_ref())) {
            (Ok(_), Ok(value)) if !name.is_empty() => self.options.push((suffix, of_application(value))),
            (Ok(_), Err(_)) => self.refuse(invalid(format!("the header {name} has a value that cannot be sent"))),
            _ => self.refuse(invalid("a header has a name that cannot be sent")),
        }
        self
    }

    /// The method of the call: GET, POST (the default), PUT, PATCH or DELETE.
    pub fn method(mut self, method: &Method) -> Self {
        match method_name(method) {
            Ok(name) => self.set("method", name),
            Err(problem) => self.refuse(problem),
        }
        self
    }

    /// Calls after this time at the earliest, in whole seconds, rounded up.
    ///
    /// Upstash's documentation lists this option, but the service has refused messages with a delayed callback since
    /// March 2025.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.set("delay", seconds::text(delay));
        self
    }

    /// Sets how often the call is retried after a failure (as often as the message).
    pub fn retries(mut self, retries: u32) -> Self {
        self.set("retries", retries.to_string());
        self
    }

    /// Sets the waits between retries.
    pub fn retry_delay(mut self, delay: impl Borrow<RetryDelay>) -> Self {
        self.set("retry-delay", delay.borrow().expression());
        self
    }

    /// Sets how long the URL may take to answer, in whole seconds, rounded up.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.set("timeout", seconds::text(timeout));
        self
    }

    /// Limits how many callbacks of one key are delivered at once, or in a period.
    pub fn flow_control(mut self, control: impl Borrow<FlowControl>) -> Self {
        let control = control.borrow();
        match control.key() {
            Ok(key) => self.set("flow-control-key", key),
            Err(problem) => self.refuse(problem),
        }
        self.set("flow-control-value", control.value());
        self
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn options(&self) -> &[(String, HeaderValue)] {
        &self.options
    }

    pub(super) fn problem(&self) -> Option<&Error> {
        self.problem.as_ref()
    }

    fn set(&mut self, suffix: &str, value: impl AsRef<str>) {
        self.options.retain(|(other, _)| other != suffix);
        match HeaderValue::from_str(value.as_ref()) {
            Ok(value) => self.options.push((suffix.to_owned(), value)),
            Err(_) => self.refuse(invalid(format!("{suffix} has a value that cannot be sent in a header"))),
        }
    }

    fn refuse(&mut self, problem: Error) {
        self.problem.get_or_insert(problem);
    }
}

impl From<&str> for Callback {
    fn from(url: &str) -> Self {
        Self::to(url)
    }
}

impl From<String> for Callback {
    fn from(url: String) -> Self {
        Self::to(url)
    }
}

impl From<&String> for Callback {
    fn from(url: &String) -> Self {
        Self::to(url)
    }
}

// By hand: headers are the application's, and a URL may hold a password.
impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("options", &self.options.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("problem", &self.problem.as_ref().map(Error::message))
            .finish_non_exhaustive()
    }
}
