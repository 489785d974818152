use std::io;

use axum_core::{body::Body, response::IntoResponse};
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::value::RawValue;

use super::Include;
use crate::local::vector::{
    refusal::Refusal,
    score::{Ranked, SparseVector},
    store::{Metadata, Namespace},
};

/// The bytes of an answer.
const MAX_BYTES: usize = 128 * 1024 * 1024;

/// An answer in JSON.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    body: Vec<u8>,
}

/// A record in an answer. Parts that it does not have, or that were not asked for, are left out.
#[derive(Debug, Serialize)]
pub(crate) struct View<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<&'a [f32]>,
    #[serde(rename = "sparseVector", skip_serializing_if = "Option::is_none")]
    sparse: Option<&'a SparseVector>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
}

/// The view of a record: with the score of a query, if it is a result.
pub(crate) fn view<'a>(namespace: &'a Namespace, slot: u32, include: Include, score: Option<f32>) -> Option<View<'a>> {
    let record = namespace.record(slot)?;
    Some(View {
        id: &record.id,
        score,
        vector: namespace.vector(slot).filter(|vector| include.vectors && !vector.is_empty()),
        sparse: record.sparse.as_ref().filter(|_| include.vectors),
        metadata: record.metadata.as_ref().filter(|_| include.metadata).map(Metadata::text),
        data: record.data.as_deref().filter(|_| include.data),
    })
}

/// The views of the results of a query.
pub(crate) fn results<'a>(namespace: &'a Namespace, found: &[Ranked], include: Include) -> Vec<View<'a>> {
    found.iter().filter_map(|found| view(namespace, found.slot, include, Some(found.score))).collect()
}

impl Serialize for SparseVector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("SparseVector", 2)?;
        fields.serialize_field("indices", &self.indices)?;
        fields.serialize_field("values", &self.values)?;
        fields.end()
    }
}

/// A body that does not grow without end.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_BYTES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Reply {
    /// A success, with its result.
    pub(crate) fn of(result: &impl Serialize) -> Self {
        #[derive(Serialize)]
        struct Envelope<'a, T> {
            result: &'a T,
        }
        Self::json(StatusCode::OK, &Envelope { result })
    }

    /// A success without a result of its own.
    pub(crate) fn success() -> Self {
        Self::of(&"Success")
    }

    pub(crate) fn refused(refusal: &Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::json(status, &serde_json::json!({"error": refusal.text, "status": refusal.status}))
    }

    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let mut written = Bounded(Vec::new());
        match serde_json::to_writer(&mut written, body) {
            Ok(()) => Self { status, body: written.0 },
            // Nothing else fails: records are JSON already.
            Err(_) => Self::refused(&Refusal::unprocessable(format!("Exceeded max response size: {MAX_BYTES} bytes"))),
        }
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
