//! How a call is sent, and how its answer is read.

use super::error::{from_response, invalid};
use crate::{
    Error, ErrorKind,
    client::{Repeat, RestClient, RestRequest, RestResponse},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a namespace may have in a path as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Whether a namespace can be named in a path: these two mean another place there, even with escapes.
pub(super) fn check_namespace(name: &str) -> Result<(), Error> {
    if matches!(name, "." | "..") {
        return Err(invalid("a namespace cannot be called . or .., as no URL can name it"));
    }
    Ok(())
}

/// Sends the calls of one namespace.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) rest: RestClient,
    /// Empty for the default one.
    pub(super) namespace: std::sync::Arc<str>,
    /// The deadline of a call, instead of the client's.
    pub(super) timeout: Option<Duration>,
}

/// One call. It is repeated after a lost answer unless [`once`](Self::once) says otherwise.
#[derive(Debug)]
pub(super) struct Call {
    operation: &'static str,
    /// Before the namespace.
    path: &'static str,
    has_namespace: bool,
    body: Bytes,
    repeat: Repeat,
}

impl Call {
    /// A call within the namespace.
    pub(super) fn new(operation: &'static str, path: &'static str) -> Self {
        Self { operation, path, has_namespace: true, body: Bytes::new(), repeat: Repeat::Safe }
    }

    /// A call of the index as a whole.
    pub(super) fn of_index(operation: &'static str, path: &'static str) -> Self {
        Self { has_namespace: false, ..Self::new(operation, path) }
    }

    /// Sending it twice is not the same as once.
    pub(super) fn once(self) -> Self {
        self.repeat(Repeat::IfNotSent)
    }

    pub(super) fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    pub(super) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    pub(super) fn json(self, body: &impl Serialize) -> Result<Self, Error> {
        let operation = self.operation;
        match serde_json::to_vec(body) {
            Ok(body) => Ok(self.body(body.into())),
            Err(error) => {
                // The text of the error may have values.
                let message = format!("the call cannot be written as JSON: {:?}", error.classify());
                Err(invalid(message).with_operation(operation))
            }
        }
    }
}

/// The answer to a call that succeeded.
#[derive(Debug)]
pub(super) struct Answer {
    operation: &'static str,
    status: StatusCode,
    body: Bytes,
}

impl Caller {
    /// Sends the call.
    pub(super) async fn send(&self, call: Call) -> Result<Answer, Error> {
        let Call { operation, path, has_namespace, body, repeat } = call;
        let describe = |error: Error| error.with_operation(operation);
        if has_namespace {
            check_namespace(&self.namespace).map_err(describe)?;
        }
        let path = match &*self.namespace {
            name if has_namespace && !name.is_empty() => {
                format!("{path}/{}", utf8_percent_encode(name, SEGMENT)).into()
            }
            _ => path.into(),
        };
        let mut headers = HeaderMap::new();
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let deadline = Some(self.rest.deadline(self.timeout));
        let request = RestRequest { method: Method::POST, path, headers, body, repeat, deadline };
        let response = self.rest.send(request).await.map_err(describe)?;
        let RestResponse { status, .. } = response;
        if !status.is_success() {
            return Err(describe(self.rest.explained(from_response(&response))));
        }
        Ok(Answer { operation, status, body: response.body })
    }
}

impl Answer {
    /// The result, which may borrow of the answer.
    pub(super) fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        #[derive(Deserialize)]
        struct Envelope<T> {
            result: T,
        }
        let read = serde_json::from_slice(&self.body).map(|Envelope { result }| result);
        read.map_err(|error| self.unreadable("the answer is not of the expected form").with_source(error.to_string()))
    }

    /// The error of an answer of another form.
    pub(super) fn unreadable(&self, message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::Decode, message).with_status(self.status).with_operation(self.operation)
    }
}
