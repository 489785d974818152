use std::borrow::Cow;

use axum_core::body::Body;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};

use super::reply::{self, Encoding};
use crate::local::redis::{
    outage::Outage,
    resp::{Value, encode_reply},
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const RESP2: HeaderValue = HeaderValue::from_static("application/octet-stream");

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

    /// The body of the request did not come in time. The rest of it is not waited for.
    pub(super) fn too_slow() -> Self {
        Self::Text(StatusCode::REQUEST_TIMEOUT, "ERR the request was not complete in time".into())
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
            Self::Text(status, text) => {
                let mut body = Vec::with_capacity(text.len() + 16);
                reply::error(&text, &mut body);
                response(status, JSON, body)
            }
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
pub(super) fn single(value: &Value, encoding: Encoding) -> Response<Body> {
    let status = match value {
        Value::Error(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    let mut body = Vec::with_capacity(64);
    if encoding == Encoding::Resp2 {
        encode_reply(value, &mut body);
        return response(status, RESP2, body);
    }
    reply::write(value, encoding, &mut body);
    response(status, JSON, body)
}

/// The answer to several commands, which is a success whatever became of each. Each reply is dropped once it is written.
pub(super) fn several(values: Vec<Value>, encoding: Encoding) -> Response<Body> {
    let mut body = Vec::with_capacity(values.len() * 32);
    if encoding == Encoding::Resp2 {
        values.into_iter().for_each(|value| encode_reply(&value, &mut body));
        return response(StatusCode::OK, RESP2, body);
    }
    body.push(b'[');
    for (index, value) in values.into_iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        reply::write(&value, encoding, &mut body);
    }
    body.push(b']');
    response(StatusCode::OK, JSON, body)
}

fn response(status: StatusCode, content_type: HeaderValue, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
