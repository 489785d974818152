use axum_core::{body::Body, response::IntoResponse};
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde::Serialize;
use serde_json::json;

use super::{
    log::{Header, Stored},
    refusal::Refusal,
    request::TopicPartition,
    room::Batch,
};

/// An answer in JSON: the service has no envelope but for acknowledgements and errors.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    body: Vec<u8>,
}

/// A message in an answer.
#[derive(Debug, Serialize)]
struct View<'a> {
    topic: &'a str,
    partition: u32,
    offset: i64,
    timestamp: i64,
    key: &'a str,
    value: &'a str,
    headers: &'a [Header],
}

impl<'a> View<'a> {
    fn new(place: &'a TopicPartition, message: &'a Stored) -> Self {
        let TopicPartition { topic, partition } = place;
        let Stored { offset, timestamp, key, value, headers } = message;
        Self { topic, partition: *partition, offset: *offset, timestamp: *timestamp, key, value, headers }
    }
}

impl Reply {
    pub(super) fn of(body: &impl Serialize) -> Self {
        // Maps have texts as keys, and all else is JSON.
        Self { status: StatusCode::OK, body: serde_json::to_vec(body).unwrap_or_default() }
    }

    pub(super) fn messages(found: &[Batch]) -> Self {
        let views: Vec<View<'_>> = found
            .iter()
            .flat_map(|(place, messages)| messages.iter().map(|message| View::new(place, message)))
            .collect();
        Self::of(&views)
    }

    /// No messages.
    pub(super) fn nothing() -> Self {
        Self::of(&json!([]))
    }

    pub(super) fn success() -> Self {
        Self::of(&json!({"result": "Success", "status": 200}))
    }

    pub(super) fn refused(refusal: &Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, ..Self::of(&json!({"error": refusal.text, "status": refusal.status})) }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}
