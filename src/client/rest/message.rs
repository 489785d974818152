use crate::{
    Error, ErrorKind,
    client::{Repeat, TransportBody, TransportError, TransportErrorKind, retry::retry_after},
    rt::{Deadline, timeout},
};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::time::Duration;

/// No answer of Upstash is larger than the largest plan's request limit.
const MAX_RESPONSE: usize = 128 * 1024 * 1024;

pub(crate) struct RestRequest {
    pub(crate) method: Method,
    /// Appended to the base address as it is; empty, or beginning with a slash.
    pub(crate) path: std::borrow::Cow<'static, str>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) repeat: Repeat,
    /// Instead of the client's own.
    pub(crate) deadline: Option<Deadline>,
}

pub(crate) struct RestResponse {
    pub(crate) version: Version,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer that goes on: the end point of a stream of events.
pub(crate) struct RestStream {
    pub(crate) version: Version,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: TransportBody,
}

impl RestStream {
    /// Reads an answer that turned out to be no stream, such as a refusal, within the client's deadline.
    pub(crate) async fn into_response(self, deadline: Deadline) -> Result<RestResponse, Error> {
        let Self { version, status, headers, body } = self;
        match timeout(deadline.remaining(), collect(body)).await {
            Ok(body) => Ok(RestResponse { version, status, headers, body: body.map_err(from_transport)? }),
            Err(_) => Err(deadline.passed()),
        }
    }
}

impl RestResponse {
    /// The reason that the service gives for an error: a line of `{"error": "…"}`. A gateway in between answers with a page
    /// of its own, which is of no use in an error.
    pub(crate) fn reason(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        body.get("error")?.as_str().map(reason)
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers)
    }
}

/// The first line of a reason, shortened.
pub(crate) fn reason(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

/// A public text, as `GET` answers it: nothing of Upstash goes along, and nothing is sent again.
#[cfg(feature = "ratelimit")]
pub(crate) async fn fetch_text(
    transport: &dyn crate::client::Transport,
    url: &str,
    limit: Duration,
) -> Result<String, Error> {
    let deadline = Deadline::after(limit);
    let request = http::Request::get(url).body(Bytes::new());
    let request =
        request.map_err(|error| Error::new(ErrorKind::InvalidInput, "the URL is not one").with_source(error))?;
    let answer = async {
        let (head, body) = transport.send(request).await?.into_parts();
        Ok((head.status, collect(body).await?))
    };
    let (status, body) = timeout(limit, answer).await.map_err(|_| deadline.passed())?.map_err(from_transport)?;
    if !status.is_success() {
        return Err(Error::new(ErrorKind::Server, "the text could not be fetched").with_status(status));
    }
    String::from_utf8(body.into())
        .map_err(|error| Error::new(ErrorKind::Decode, "the text is not UTF-8").with_source(error))
}

/// Reads a body to its end.
pub(super) async fn collect(body: TransportBody) -> Result<Bytes, TransportError> {
    let body =
        Limited::new(body, MAX_RESPONSE).collect().await.map_err(|error| match error.downcast::<TransportError>() {
            Ok(error) => *error,
            Err(error) if error.is::<LengthLimitError>() => TransportError::new(TransportErrorKind::Oversized, error),
            Err(error) => TransportError::new(TransportErrorKind::Interrupted, error),
        })?;
    Ok(body.to_bytes())
}

pub(super) fn from_transport(error: TransportError) -> Error {
    let (kind, message) = match error.kind() {
        TransportErrorKind::Connect => (ErrorKind::Connect, "no connection could be made"),
        TransportErrorKind::Timeout => (ErrorKind::Timeout, "the request timed out"),
        TransportErrorKind::Interrupted => (ErrorKind::Interrupted, "the connection broke before the answer was read"),
        TransportErrorKind::Oversized => (ErrorKind::Decode, "the answer is too large to be read"),
        TransportErrorKind::Request => (ErrorKind::InvalidInput, "the request could not be sent"),
    };
    Error::new(kind, message).with_source(error)
}
