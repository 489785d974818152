use std::borrow::Cow;

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde::Serialize;

use super::reply::{Encoding, Outcome};
use crate::local::redis::{outage::Outage, resp::Value};

/// A request that is answered without a reply of Redis.
#[derive(Debug)]
pub(super) enum Refusal {
    Method,
    Text(StatusCode, Cow<'static, str>),
}

impl Refusal {
    /// The request is not as the protocol says.
    pub(super) fn request(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Text(StatusCode::BAD_REQUEST, text.into())
    }

    pub(super) fn unauthorized() -> Self {
        let text = "WRONGPASS invalid or missing auth token";
        Self::Text(StatusCode::UNAUTHORIZED, text.into())
    }

    /// The request may come from a web page that has no business here.
    pub(super) fn page(text: &'static str) -> Self {
        Self::Text(StatusCode::FORBIDDEN, text.into())
    }

    /// The server was told to stop.
    pub(super) fn stopped() -> Self {
        Self::Text(StatusCode::SERVICE_UNAVAILABLE, "ERR this server is shutting down".into())
    }

    pub(super) fn into_response(self) -> Response<Body> {
        match self {
            Self::Method => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
                response
            }
            Self::Text(status, text) => json(status, &Outcome::Error(text)),
        }
    }
}

impl From<Outage> for Refusal {
    fn from(outage: Outage) -> Self {
        let status = match outage {
            Outage::Busy => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::Text(status, outage.text().into())
    }
}

/// The answer to one command.
pub(super) fn single(reply: &Value, encoding: Encoding) -> Response<Body> {
    let status = match reply {
        Value::Error(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    json(status, &Outcome::new(reply, encoding))
}

/// The answer to several commands, which is a success whatever became of each.
pub(super) fn several(replies: &[Value], encoding: Encoding) -> Response<Body> {
    let outcomes = replies.iter().map(|reply| Outcome::new(reply, encoding));
    json(StatusCode::OK, &outcomes.collect::<Vec<_>>())
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    let mut response = match serde_json::to_vec(body) {
        Ok(bytes) => {
            let mut response = Response::new(bytes.into());
            *response.status_mut() = status;
            response
        }
        Err(error) => {
            tracing::error!(%error, "a reply cannot be written as JSON");
            let mut response = Response::new(r#"{"error":"ERR the reply cannot be written"}"#.into());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    };
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
