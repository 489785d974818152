use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// A refusal as `application/problem+json` (RFC 9457).
///
/// ```
/// use axum_upstash::Problem;
/// use http::StatusCode;
///
/// let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests").with("remaining", 0);
/// let response: http::Response<String> = problem.into_response_with();
/// assert_eq!(response.headers()["content-type"], "application/problem+json");
/// assert_eq!(response.body(), r#"{"remaining":0,"status":429,"title":"Too many requests"}"#);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Problem {
    status: StatusCode,
    members: Map<String, Value>,
}

impl Problem {
    /// A problem without a type of its own (`about:blank`).
    pub fn new(status: StatusCode, title: &'static str) -> Self {
        Self { status, members: Map::new() }.with("status", status.as_u16()).with("title", title)
    }

    /// The URI that names this type of problem.
    pub fn with_type(self, uri: &'static str) -> Self {
        self.with("type", uri)
    }

    /// Sets the explanation of this occurrence, for a person to read.
    pub fn with_detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.with("detail", detail.into())
    }

    /// The answer to a mistake in how the application is put together. In a debug build it says which, for the developer
    /// who sees it in a browser; otherwise the log alone does.
    pub(crate) fn of_mistake(mistake: &impl std::fmt::Display) -> Self {
        tracing::error!("{mistake}");
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error");
        if cfg!(debug_assertions) { problem.with_detail(mistake.to_string()) } else { problem }
    }

    /// A member of its own, or one of the above.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The title.
    #[must_use]
    pub fn title(&self) -> &str {
        self.members.get("title").and_then(Value::as_str).unwrap_or_default()
    }

    /// The response, with any body that can be made from text.
    #[must_use]
    pub fn into_response_with<B: From<String>>(self) -> http::Response<B> {
        let mut response = http::Response::new(B::from(Value::Object(self.members).to_string()));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }

    /// The response as layers carry it.
    pub(crate) fn into_bytes_response(self) -> http::Response<Bytes> {
        self.into_response_with::<String>().map(Bytes::from)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.into_response_with::<axum_core::body::Body>()
    }
}
