//! How a call is sent, and how its answer is read.

use super::{
    error::{from_response, invalid},
    wire::{FromWire, Unreadable},
};
use crate::{
    Clock, Error, ErrorKind,
    client::{Repeat, RestClient, RestRequest},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
use serde_json::Value;
use std::{fmt, sync::Arc};

/// Sends calls of one client.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) rest: RestClient,
    /// Headers of every message that does not set them.
    pub(super) message_headers: Arc<HeaderMap>,
}

// By hand: the headers are the application's.
impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Caller").field(&self.rest).finish()
    }
}

/// One call. It is repeated only if it provably never left, unless [`repeatable`](Self::repeatable) says otherwise.
pub(super) struct Call {
    operation: &'static str,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    repeat: Repeat,
}

impl Call {
    pub(super) fn new(operation: &'static str, method: Method, path: impl Into<String>) -> Self {
        // A read changes nothing.
        let repeat = if method == Method::GET { Repeat::Safe } else { Repeat::IfNotSent };
        Self { operation, method, path: path.into(), headers: HeaderMap::new(), body: Bytes::new(), repeat }
    }

    pub(super) fn get(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::GET, path)
    }

    pub(super) fn post(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::POST, path)
    }

    pub(super) fn delete(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::DELETE, path)
    }

    /// Sending it twice leaves the same state and answer.
    pub(super) fn repeatable(self) -> Self {
        self.repeatable_if(true)
    }

    pub(super) fn repeatable_if(mut self, is_safe: bool) -> Self {
        if is_safe {
            self.repeat = Repeat::Safe;
        }
        self
    }

    pub(super) fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into();
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
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
}

/// The answer to a call that succeeded.
pub(crate) struct Answer {
    operation: &'static str,
    status: StatusCode,
    body: Bytes,
}

impl Caller {
    /// Sends the call.
    pub(super) async fn send(&self, call: Call) -> Result<Answer, Error> {
        let Call { operation, method, path, headers, body, repeat } = call;
        let describe = |error: Error| error.with_operation(operation);
        let request = RestRequest { method, path: path.into(), headers, body, repeat, deadline: None };
        let response = self.rest.send(request).await.map_err(describe)?;
        if !response.status.is_success() {
            return Err(describe(self.rest.explained(from_response(&response, &Clock::system()))));
        }
        Ok(Answer { operation, status: response.status, body: response.body })
    }

    /// Sends the call and reads its answer.
    pub(super) async fn fetch<T: FromWire>(&self, call: Call) -> Result<T, Error> {
        self.send(call).await?.read(T::from_wire)
    }

    /// Refuses a URL of this machine, which the service could not call, unless the service is on this machine as well.
    pub(super) fn check_loopback(&self, what: &str, is_loopback: bool) -> Result<(), Error> {
        if is_loopback && self.rest.is_configured() && !self.rest.is_loopback() {
            let message = "is on this machine, which QStash cannot reach: use a public address, or a local QStash";
            return Err(invalid(format!("{what} {message}")));
        }
        Ok(())
    }
}

impl Answer {
    #[cfg(feature = "workflow")]
    pub(crate) fn into_body(self) -> Bytes {
        self.body
    }

    /// Reads the answer.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Value) -> Result<T, Unreadable>) -> Result<T, Error> {
        let problem = |source: String| {
            let message = "the answer is not one that QStash gives to this call";
            Error::new(ErrorKind::Decode, message)
                .with_status(self.status)
                .with_operation(self.operation)
                .with_source(source)
        };
        let value: Value = serde_json::from_slice(&self.body)
            .map_err(|error| problem(format!("{:?} at byte {}", error.classify(), error.column())))?;
        read(&value).map_err(|Unreadable(name)| problem(format!("{name} is missing or cannot be read")))
    }
}
