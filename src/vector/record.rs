use super::{SparseVector, VectorId, call::Answer, error::invalid, sparse::Entries};
use crate::{Error, ErrorKind};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::fmt;

/// A record to store: an id with its vectors, or with a text of which the index makes them.
///
/// ```
/// use axum_upstash::vector::{Record, SparseVector};
/// use serde_json::{Value, json};
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let picture: Record = Record::dense("picture-1", [0.1, 0.2, 0.3]).metadata(json!({"width": 640}));
/// let words: Record = Record::sparse(2, SparseVector::try_new([(7, 0.5)])?);
/// let both: Record = Record::hybrid("3", [0.1, 0.2], SparseVector::try_new([(7, 0.5)])?);
/// let article: Record = Record::text("article-4", "Tokyo is the capital of Japan");
/// # Ok(())
/// # }
/// ```
///
/// It takes the place of a record with its id, metadata and data included.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct Record<M = serde_json::Value> {
    id: VectorId,
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<Vec<f32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sparse_vector: Option<SparseVector>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<M>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    /// The index makes the vectors of the data.
    #[serde(skip)]
    is_text: bool,
}

impl<M> Record<M> {
    /// A record of a dense index.
    pub fn dense(id: impl Into<VectorId>, vector: impl Into<Vec<f32>>) -> Self {
        Self { vector: Some(vector.into()), ..Self::new(id.into()) }
    }

    /// A record of a sparse index.
    pub fn sparse(id: impl Into<VectorId>, vector: SparseVector) -> Self {
        Self { sparse_vector: Some(vector), ..Self::new(id.into()) }
    }

    /// A record of a hybrid index.
    pub fn hybrid(id: impl Into<VectorId>, dense: impl Into<Vec<f32>>, sparse: SparseVector) -> Self {
        Self { vector: Some(dense.into()), sparse_vector: Some(sparse), ..Self::new(id.into()) }
    }

    /// A record of an index with an embedding model, which makes its vectors of the text. The text becomes its data.
    pub fn text(id: impl Into<VectorId>, text: impl Into<String>) -> Self {
        Self { data: Some(text.into()), is_text: true, ..Self::new(id.into()) }
    }

    fn new(id: VectorId) -> Self {
        Self { id, vector: None, sparse_vector: None, metadata: None, data: None, is_text: false }
    }

    /// Sets the metadata, which becomes a JSON object that filters see.
    pub fn metadata(mut self, metadata: M) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Sets the data: a text that queries give back.
    pub fn data(mut self, data: impl Into<String>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &VectorId {
        &self.id
    }

    pub(super) fn is_text(&self) -> bool {
        self.is_text
    }
}

/// The id alone.
impl<M> fmt::Debug for Record<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("id", &self.id).finish_non_exhaustive()
    }
}

/// To store it again, in another namespace or index. It needs its vectors to be [included](super::Include).
impl<M> From<StoredRecord<M>> for Record<M> {
    fn from(stored: StoredRecord<M>) -> Self {
        let StoredRecord { id, vector, sparse_vector, metadata, data } = stored;
        Self { vector, sparse_vector, metadata, data, ..Self::new(id.into()) }
    }
}

impl<M: Serialize> Record<M> {
    /// The record in JSON.
    pub(super) fn to_json(&self) -> Result<Vec<u8>, Error> {
        if !self.vector.as_deref().is_none_or(is_finite) {
            return Err(invalid("a vector has a number that is not finite"));
        }
        // The text of the error may have values.
        serde_json::to_vec(self)
            .map_err(|error| invalid(format!("a record cannot be written as JSON: {:?}", error.classify())))
    }
}

/// JSON has no infinity, and would become `null`.
pub(super) fn is_finite(vector: &[f32]) -> bool {
    vector.iter().all(|number| number.is_finite())
}

/// A record that is stored. The parts that were not [included](super::Include), or are not there, are `None`.
///
/// ```no_run
/// use axum_upstash::vector::{Include, Index};
///
/// # async fn run(index: Index) -> Result<(), axum_upstash::Error> {
/// for record in index.fetch(["article-1", "article-2"], Include::DATA).await?.into_iter().flatten() {
///     println!("{}: {}", record.id, record.data.unwrap_or_default());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StoredRecord<M = serde_json::Value> {
    /// The id.
    pub id: String,
    /// The dense vector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vec<f32>>,
    /// The sparse vector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparse_vector: Option<SparseVector>,
    /// The metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<M>,
    /// The data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

/// A result of a query: a record with its score. The parts that were not [included](super::Include), or are not there, are
/// `None`.
///
/// ```no_run
/// use axum_upstash::vector::{Index, Query};
///
/// # async fn run(index: Index) -> Result<(), axum_upstash::Error> {
/// for found in index.query(Query::text("the capital of Japan").top_k(3)).await? {
///     println!("{} {}", found.id, found.score);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Match<M = serde_json::Value> {
    /// The id.
    pub id: String,
    /// The nearness: from 0 to 1 for dense vectors by cosine and distance, the inner product for sparse ones, the fused score
    /// if both count.
    pub score: f32,
    /// The dense vector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vec<f32>>,
    /// The sparse vector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparse_vector: Option<SparseVector>,
    /// The metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<M>,
    /// The data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

/// A record or a result in an answer, its metadata not looked into yet.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Raw<'a> {
    id: String,
    #[serde(default)]
    score: Option<f32>,
    #[serde(default)]
    vector: Option<Vec<f32>>,
    #[serde(default)]
    sparse_vector: Option<Entries>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    #[serde(default)]
    data: Option<String>,
}

impl Raw<'_> {
    pub(super) fn into_record<M: DeserializeOwned>(self, answer: &Answer) -> Result<StoredRecord<M>, Error> {
        let Self { id, vector, sparse_vector, metadata, data, .. } = self;
        // A record that has none of its vectors comes with empty ones.
        let vector = vector.filter(|vector| !vector.is_empty());
        let sparse_vector = sparse_vector.and_then(SparseVector::of_answer);
        let metadata = read_metadata(metadata, answer).map_err(|error| error.with_key(Some(id.clone())))?;
        Ok(StoredRecord { id, vector, sparse_vector, metadata, data })
    }

    pub(super) fn into_match<M: DeserializeOwned>(self, answer: &Answer) -> Result<Match<M>, Error> {
        let score = self.score.ok_or_else(|| answer.unreadable("a result has no score"))?;
        let StoredRecord { id, vector, sparse_vector, metadata, data } = self.into_record(answer)?;
        Ok(Match { id, score, vector, sparse_vector, metadata, data })
    }
}

/// Reads results.
pub(super) fn matches<M: DeserializeOwned>(found: Vec<Raw<'_>>, answer: &Answer) -> Result<Vec<Match<M>>, Error> {
    found.into_iter().map(|raw| raw.into_match(answer)).collect()
}

/// Reads records.
pub(super) fn records<M: DeserializeOwned>(
    found: Vec<Raw<'_>>,
    answer: &Answer,
) -> Result<Vec<StoredRecord<M>>, Error> {
    found.into_iter().map(|raw| raw.into_record(answer)).collect()
}

fn read_metadata<M: DeserializeOwned>(metadata: Option<&RawValue>, answer: &Answer) -> Result<Option<M>, Error> {
    let Some(metadata) = metadata.filter(|metadata| metadata.get() != "null") else { return Ok(None) };
    serde_json::from_str(metadata.get()).map(Some).map_err(|error| {
        let message = "the metadata of a record is not of the type that is asked for";
        // The text of the error may have parts of the metadata.
        Error::new(ErrorKind::Decode, message).with_source(answer.unreadable(format!("{:?}", error.classify())))
    })
}
