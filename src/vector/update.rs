//! Changing parts of a record.

use super::{Index, SparseVector, VectorId, call::Call, error::invalid, record::is_finite};
use crate::Error;
use serde::{Deserialize, Serialize};
use std::fmt;

const OPERATION: &str = "vector update";

/// A change of parts of a record. The other parts stay.
///
/// ```
/// use axum_upstash::vector::Update;
/// use serde_json::json;
///
/// let new: Update = Update::new("article-1").metadata(json!({"title": "Tokyo"}));
/// let patch: Update = Update::new("article-1").patch(json!({"draft": null, "views": 17}));
/// let text: Update = Update::new("article-1").data("Tokyo is the capital of Japan");
/// ```
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct Update<M = serde_json::Value> {
    id: VectorId,
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<Vec<f32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sparse_vector: Option<SparseVector>,
    #[serde(flatten)]
    metadata: Option<Metadata<M>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<M> {
    metadata: MetadataOf<M>,
    metadata_update_mode: &'static str,
}

#[derive(Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum MetadataOf<M> {
    Whole(M),
    Patch(serde_json::Value),
}

impl<M> Update<M> {
    /// A change of the record with that id.
    pub fn new(id: impl Into<VectorId>) -> Self {
        Self { id: id.into(), vector: None, sparse_vector: None, metadata: None, data: None }
    }

    /// Sets the dense vector. A record of a hybrid index needs both vectors.
    pub fn vector(mut self, vector: impl Into<Vec<f32>>) -> Self {
        self.vector = Some(vector.into());
        self
    }

    /// Sets the sparse vector. A record of a hybrid index needs both vectors.
    pub fn sparse_vector(mut self, vector: SparseVector) -> Self {
        self.sparse_vector = Some(vector);
        self
    }

    /// Sets the data. An index with an embedding model makes the vectors of it anew.
    pub fn data(mut self, data: impl Into<String>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Sets the metadata as a whole.
    pub fn metadata(mut self, metadata: M) -> Self {
        let metadata = MetadataOf::Whole(metadata);
        self.metadata = Some(Metadata { metadata, metadata_update_mode: "OVERWRITE" });
        self
    }

    /// Changes the metadata by a JSON merge patch (RFC 7396): `null` takes a field away, objects are merged, all else is
    /// replaced.
    pub fn patch(mut self, patch: serde_json::Value) -> Self {
        self.metadata = Some(Metadata { metadata: MetadataOf::Patch(patch), metadata_update_mode: "PATCH" });
        self
    }
}

/// The id alone.
impl<M> fmt::Debug for Update<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update").field("id", &self.id).finish_non_exhaustive()
    }
}

impl<M: Serialize> Index<M> {
    /// Changes parts of a record. It gives `false` if there is no record with that id.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if a vector has a number that is not finite, and those of
    /// the service.
    #[allow(clippy::needless_pass_by_value, reason = "an update is made for this call")]
    pub async fn update(&self, update: Update<M>) -> Result<bool, Error> {
        #[derive(Deserialize)]
        struct Updated {
            updated: u64,
        }
        if !update.vector.as_deref().is_none_or(is_finite) {
            return Err(invalid("the vector has a number that is not finite").with_operation(OPERATION));
        }
        let call = Call::new(OPERATION, "/update").json(&update)?;
        let answer = self.caller.send(call).await?;
        Ok(answer.read::<Updated>()?.updated > 0)
    }
}
