use super::super::{Filter, Include, Index, Match, Query, Record};
use crate::{Error, ErrorKind, rt::random_id};
use rig_core_0_44::{
    Embed,
    driver::DynModel,
    embeddings::Embedding,
    operation::Embedding as EmbeddingOperation,
    vector_store::{
        InsertDocuments, VectorSearchIdResult, VectorSearchRequest, VectorSearchResult, VectorStoreError,
        VectorStoreIndex,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::fmt;

/// The results that the service gives at the most.
const MAX_SAMPLES: u64 = 1_000;

/// A vector store of rig in an [`Index`], in its namespace. Cloning is cheap.
///
/// ```
/// use axum_upstash::vector::{Index, rig::UpstashVectorStore};
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let index: Index = Index::new("https://eu1-example-vector.upstash.io", "token")?;
/// let articles = UpstashVectorStore::hosted(&index.namespace("articles"));
/// # drop(articles);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct UpstashVectorStore {
    index: Index,
    /// `None` if the index makes the vectors of texts.
    model: Option<DynModel<EmbeddingOperation>>,
}

impl UpstashVectorStore {
    /// A store whose vectors a model of rig makes. The index needs the dimension of the model.
    pub fn new<M>(index: &Index<M>, model: impl Into<DynModel<EmbeddingOperation>>) -> Self {
        Self { index: index.typed(), model: Some(model.into()) }
    }

    /// A store whose vectors the index makes, which needs an embedding model. Embeddings that come with documents are not
    /// used, but for their texts.
    #[must_use]
    pub fn hosted<M>(index: &Index<M>) -> Self {
        Self { index: index.typed(), model: None }
    }

    async fn search(
        &self,
        request: VectorSearchRequest<Filter>,
        include: Include,
    ) -> Result<Vec<Match>, VectorStoreError> {
        let requested = request.samples();
        let samples = u32::try_from(requested).ok().filter(|samples| u64::from(*samples) <= MAX_SAMPLES);
        let samples = samples.ok_or(VectorStoreError::SamplesOutOfRange { requested, max: MAX_SAMPLES })?;
        if samples == 0 {
            return Ok(Vec::new());
        }
        let query = match &self.model {
            Some(model) => Query::dense(narrowed(&model.embed_text(request.query()).await?)),
            None => Query::text(request.query()),
        };
        let mut query = query.top_k(samples).include(include);
        if let Some(filter) = request.filter() {
            query = query.filter(filter.clone());
        }
        let mut found = self.index.query(query).await.map_err(VectorStoreError::datastore)?;
        if let Some(threshold) = request.threshold() {
            found.retain(|found| f64::from(found.score) >= threshold);
        }
        Ok(found)
    }

    fn record(&self, id: String, document: &Value, embedding: &Embedding) -> Record {
        let record = match &self.model {
            Some(_) => Record::dense(id, narrowed(embedding)).data(embedding.document.as_str()),
            None => Record::text(id, embedding.document.as_str()),
        };
        record.metadata(document.clone())
    }
}

impl InsertDocuments for UpstashVectorStore {
    async fn insert_documents<Doc: Serialize + Embed + Send>(
        &self,
        documents: Vec<(Doc, Vec<Embedding>)>,
    ) -> Result<(), VectorStoreError> {
        let mut records = Vec::new();
        for (document, embeddings) in documents {
            let document = serde_json::to_value(document)?;
            if !document.is_object() {
                let message = "a document for Vector has to be a JSON object, which becomes metadata";
                return Err(VectorStoreError::datastore(Error::new(ErrorKind::InvalidInput, message)));
            }
            let id = match &document["id"] {
                Value::String(id) => id.clone(),
                Value::Number(id) => id.to_string(),
                _ => random_id::<16>().map_err(VectorStoreError::datastore)?,
            };
            for (at, embedding) in embeddings.iter().enumerate() {
                let id = if at == 0 { id.clone() } else { format!("{id}#{at}") };
                records.push(self.record(id, &document, embedding));
            }
        }
        self.index.upsert_all(records).await.map(drop).map_err(VectorStoreError::datastore)
    }
}

impl VectorStoreIndex for UpstashVectorStore {
    type Filter = Filter;

    async fn top_n<T: DeserializeOwned + Send>(
        &self,
        request: VectorSearchRequest<Filter>,
    ) -> Result<Vec<VectorSearchResult<T>>, VectorStoreError> {
        let found = self.search(request, Include::METADATA).await?;
        let mut results = Vec::with_capacity(found.len());
        for Match { id, score, metadata, .. } in found {
            let document = serde_json::from_value(metadata.unwrap_or_default())?;
            results.push(VectorSearchResult { score: score.into(), id, document });
        }
        Ok(results)
    }

    async fn top_n_ids(
        &self,
        request: VectorSearchRequest<Filter>,
    ) -> Result<Vec<VectorSearchIdResult>, VectorStoreError> {
        let found = self.search(request, Include::NONE).await?;
        Ok(found.into_iter().map(|found| VectorSearchIdResult { score: found.score.into(), id: found.id }).collect())
    }
}

/// The numbers of an embedding as Vector keeps them.
#[allow(clippy::cast_possible_truncation, reason = "the service keeps 32 bits")]
fn narrowed(embedding: &Embedding) -> Vec<f32> {
    embedding.vec.iter().map(|number| *number as f32).collect()
}

impl fmt::Debug for UpstashVectorStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstashVectorStore")
            .field("index", &self.index)
            .field("is_hosted", &self.model.is_none())
            .finish()
    }
}
