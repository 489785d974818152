use super::fields::is_id;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use std::{
    borrow::Borrow,
    fmt,
    time::{Duration, SystemTime},
};

use crate::{
    Error, ErrorKind,
    qstash::{FlowControl, RetryDelay},
};

/// A run to begin.
///
/// ```
/// use axum_upstash::workflow::Trigger;
///
/// let order = Trigger::new("https://app.example.com/workflows/order")
///     .json(&serde_json::json!({"sku": 9}))
///     .run_id("order-17")
///     .retries(5);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Trigger {
    pub(super) url: String,
    pub(super) body: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) run_id: Option<String>,
    pub(super) retries: Option<u32>,
    pub(super) retry_delay: Option<RetryDelay>,
    pub(super) delay: Option<Duration>,
    pub(super) not_before: Option<SystemTime>,
    pub(super) labels: Vec<String>,
    pub(super) flow_control: Option<FlowControl>,
    pub(super) failure_url: Option<String>,
    pub(super) redacted: Vec<String>,
    pub(super) problem: Option<&'static str>,
}

impl Trigger {
    /// A run of the workflow at a URL, without a payload.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            body: None,
            headers: HeaderMap::new(),
            run_id: None,
            retries: None,
            retry_delay: None,
            delay: None,
            not_before: None,
            labels: Vec::new(),
            flow_control: None,
            failure_url: None,
            redacted: Vec::new(),
            problem: None,
        }
    }

    /// Sets the payload, as it is.
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets the payload to a value as JSON.
    pub fn json(mut self, payload: &impl Serialize) -> Self {
        match serde_json::to_string(payload) {
            Ok(text) => self.body = Some(text),
            Err(_) => self.problem = Some("the payload cannot be written as JSON"),
        }
        self
    }

    /// Adds a header, which each delivery of the run has.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        match (HeaderName::try_from(name.as_ref()), HeaderValue::from_str(value.as_ref())) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            _ => self.problem = Some("a header of the run cannot be sent"),
        }
        self
    }

    /// Sets the id of the run, after `wfr_`. A run of that id is not begun twice.
    pub fn run_id(mut self, id: impl Into<String>) -> Self {
        self.run_id = Some(id.into());
        self
    }

    /// Sets how often each delivery is repeated (3).
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Sets the waits before repetitions (12 s, 2 min 28 s, 30 min, 6 h, then 24 h).
    pub fn retry_delay(mut self, delay: impl Borrow<RetryDelay>) -> Self {
        self.retry_delay = Some(delay.borrow().clone());
        self
    }

    /// Sets how much later the run begins, in whole seconds, rounded up.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Sets the time at which the run begins, in whole seconds, rounded up. It counts instead of a delay.
    pub fn not_before(mut self, time: SystemTime) -> Self {
        self.not_before = Some(time);
        self
    }

    /// Adds a label, by which logs are filtered.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.labels.push(label.into());
        self
    }

    /// Limits how many deliveries of runs with one key are made at once, or in a period.
    pub fn flow_control(mut self, control: impl Borrow<FlowControl>) -> Self {
        self.flow_control = Some(control.borrow().clone());
        self
    }

    /// Shows hashes instead of payload and results in logs and dead letter queue.
    pub fn redact_body(mut self) -> Self {
        self.redacted.push("body".into());
        self
    }

    /// Shows hashes instead of the values of all headers in logs and dead letter queue.
    pub fn redact_headers(mut self) -> Self {
        self.redacted.push("header".into());
        self
    }

    /// Shows a hash instead of the value of this header in logs and dead letter queue.
    pub fn redact_header(mut self, name: impl AsRef<str>) -> Self {
        match HeaderName::try_from(name.as_ref()) {
            Ok(name) => self.redacted.push(format!("header[{name}]")),
            Err(_) => self.problem = Some("a header to redact has a name that cannot be sent"),
        }
        self
    }

    /// Sets the URL that hears of a failure, in place of the workflow.
    pub fn failure_url(mut self, url: impl Into<String>) -> Self {
        self.failure_url = Some(url.into());
        self
    }

    /// The id of the run.
    pub(super) fn id(&self) -> Result<String, Error> {
        let id = match &self.run_id {
            Some(id) => id.clone(),
            None => crate::rt::random_id::<16>()?,
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if id.is_empty() || id.len() > 200 || !id.bytes().all(is_plain) {
            return Err(invalid("the id of a run has letters, digits, - and _ only"));
        }
        Ok(format!("wfr_{id}"))
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(problem) = self.problem {
            return Err(invalid(problem));
        }
        if let Some(control) = &self.flow_control {
            control.key()?;
        }
        if !self.labels.iter().all(|label| is_id(label)) {
            return Err(invalid("a label has letters, digits, - _ and . only"));
        }
        Ok(())
    }
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

/// Without payload and headers: they are the application's.
impl fmt::Debug for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trigger").field("run_id", &self.run_id).finish_non_exhaustive()
    }
}
