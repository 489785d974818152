use axum_core::body::Body;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::local::qstash::refusal::Refusal;

/// A response of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
    /// JSON that is written already, in place of the body.
    text: Option<String>,
    pub(super) fields: Vec<(&'static str, String)>,
}

impl Answer {
    /// 200 without a body.
    pub(super) fn done() -> Self {
        Self { status: 200, body: None, text: None, fields: Vec::new() }
    }

    /// 200 with JSON.
    pub(super) fn json(body: impl Into<Value>) -> Self {
        Self { body: Some(body.into()), ..Self::done() }
    }

    /// 200 with JSON that is written already.
    pub(super) fn json_text(text: String) -> Self {
        Self { text: Some(text), ..Self::done() }
    }

    pub(super) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Adds the cursor of the next page to an object, if there is one.
    pub(super) fn with_cursor(mut self, cursor: Option<String>) -> Self {
        if let (Some(body), Some(cursor)) = (&mut self.body, cursor) {
            body["cursor"] = cursor.into();
        }
        self
    }

    pub(crate) fn refused(refusal: &Refusal) -> Self {
        Self::json(json!({ "error": refusal.text })).with_status(refusal.status)
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let text = self.text.or_else(|| self.body.map(|body| body.to_string()));
        let body = text.map_or_else(Body::empty, Body::from);
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.fields {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
