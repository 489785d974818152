//! How a call is sent, and how its answer is read.

use crate::{
    Error, ErrorKind,
    client::{Repeat, RestClient, RestRequest},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header::CONTENT_TYPE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// What a segment of a path may have as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One call. It is repeated after a lost answer if [`safe`](Self::safe) says so.
#[derive(Debug)]
pub(super) struct Call {
    operation: &'static str,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    repeat: Repeat,
    /// The time that the server may wait, beside the deadline.
    waits: Duration,
}

impl Call {
    pub(super) fn new(operation: &'static str, path: impl Into<String>) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        let (method, path) = (Method::POST, path.into());
        Self { operation, method, path, headers, body, repeat: Repeat::IfNotSent, waits: Duration::ZERO }
    }

    /// Makes it a GET, for what takes nothing else.
    pub(super) fn get(mut self) -> Self {
        self.method = Method::GET;
        self
    }

    /// Adds a segment to the path.
    pub(super) fn segment(mut self, segment: &str) -> Result<Self, Error> {
        if matches!(segment, "" | "." | "..") {
            let message = "a name cannot be empty, . or .., as no URL can name it";
            return Err(Error::new(ErrorKind::InvalidInput, message).with_operation(self.operation));
        }
        self.path.push('/');
        self.path.extend(utf8_percent_encode(segment, SEGMENT));
        Ok(self)
    }

    /// Adds a parameter to the query string.
    pub(super) fn parameter(mut self, name: &str, value: &str) -> Self {
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(name);
        self.path.push('=');
        self.path.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        self
    }

    /// Sending it twice is the same as once.
    pub(super) fn safe(mut self) -> Self {
        self.repeat = Repeat::Safe;
        self
    }

    pub(super) fn waits(mut self, waits: Duration) -> Self {
        self.waits = waits;
        self
    }

    pub(super) fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    pub(super) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    pub(super) fn json(mut self, body: &impl Serialize) -> Result<Self, Error> {
        let written = serde_json::to_vec(body).map_err(|error| {
            // The text of the error may have values.
            let message = format!("the call cannot be written as JSON: {:?}", error.classify());
            Error::new(ErrorKind::InvalidInput, message).with_operation(self.operation)
        })?;
        self.body = written.into();
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(self)
    }
}

/// Sends a call, and reads its answer.
pub(super) async fn send<T: DeserializeOwned>(rest: &RestClient, call: Call) -> Result<T, Error> {
    let Call { operation, method, path, headers, body, repeat, waits } = call;
    let describe = |error: Error| error.with_operation(operation);
    let deadline = Some(rest.deadline(Some(rest.timeout().saturating_add(waits))));
    let request = RestRequest { method, path: path.into(), headers, body, repeat, deadline };
    let response = rest.send(request).await.map_err(describe)?;
    if !response.status.is_success() {
        let kind = match response.status.as_u16() {
            401 => ErrorKind::Unauthorized,
            403 => ErrorKind::Forbidden,
            404 => ErrorKind::NotFound,
            413 => ErrorKind::LimitExceeded,
            429 => ErrorKind::RateLimited,
            500.. => ErrorKind::Server,
            _ => ErrorKind::Refused,
        };
        let reason = response.reason();
        let reason = reason.unwrap_or_else(|| "the service answered with an error and no reason".to_owned());
        let error = Error::new(kind, reason).with_status(response.status).with_retry_after(response.retry_after());
        return Err(describe(rest.explained(error)));
    }
    serde_json::from_slice(&response.body).map_err(|error| {
        let message = format!("the answer is not of the expected form: {:?}", error.classify());
        describe(Error::new(ErrorKind::Decode, message).with_status(response.status))
    })
}
