use std::{fmt, time::Duration};

use serde::Deserialize;
use serde_json::json;

use super::dense::embedding;
use crate::local::{secret::Secret, vector::refusal::Refusal};

/// The texts of one request to a service.
const TEXTS: usize = 100;
const TIMEOUT: Duration = Duration::from_secs(60);

/// Makes dense vectors of texts.
pub(crate) enum Embedder {
    /// By hashing, without a model.
    Offline,
    /// By a service.
    Service(EmbeddingService),
}

/// A service with the embeddings API of `OpenAI` (`POST /v1/embeddings`).
pub(crate) struct EmbeddingService {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) model: String,
    pub(crate) key: Option<Secret>,
}

impl Embedder {
    /// The vectors of texts, in their order.
    pub(crate) async fn dense(&self, texts: &[&str], dimension: usize) -> Result<Vec<Vec<f32>>, Refusal> {
        match self {
            Self::Offline => Ok(texts.iter().map(|text| embedding(text, dimension)).collect()),
            Self::Service(service) => {
                let mut vectors = Vec::with_capacity(texts.len());
                for texts in texts.chunks(TEXTS) {
                    vectors.extend(service.ask(texts, dimension).await?);
                }
                Ok(vectors)
            }
        }
    }
}

impl EmbeddingService {
    async fn ask(&self, texts: &[&str], dimension: usize) -> Result<Vec<Vec<f32>>, Refusal> {
        #[derive(Deserialize)]
        struct Answer {
            data: Vec<Item>,
        }
        #[derive(Deserialize)]
        struct Item {
            #[serde(default)]
            index: Option<usize>,
            embedding: Vec<f32>,
        }
        let failed = |what: &str| Refusal::new(502, format!("the service for embeddings {what}"));
        let body = json!({"model": self.model, "input": texts, "encoding_format": "float"}).to_string();
        let mut request = self.http.post(&self.url).timeout(TIMEOUT).header("content-type", "application/json");
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose());
        }
        let answer = request.body(body).send().await.map_err(|error| {
            tracing::debug!(%error, "the service for embeddings");
            failed("cannot be reached")
        })?;
        let status = answer.status();
        if !status.is_success() {
            return Err(failed(&format!("answered with status {}", status.as_u16())));
        }
        let body = answer.bytes().await.map_err(|_| failed("broke off its answer"))?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| failed("answered in another form"))?;
        let mut vectors = vec![Vec::new(); texts.len()];
        for (at, item) in answer.data.into_iter().enumerate() {
            let slot = vectors.get_mut(item.index.unwrap_or(at));
            *slot.ok_or_else(|| failed("answered with too many vectors"))? = item.embedding;
        }
        if let Some(vector) = vectors.iter().find(|vector| vector.len() != dimension) {
            let found = vector.len();
            return Err(failed(&format!("answered with {found} dimensions, and the index has {dimension}")));
        }
        if vectors.iter().flatten().any(|number| !number.is_finite()) {
            return Err(failed("answered with what is no number"));
        }
        Ok(vectors)
    }
}

impl fmt::Debug for Embedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offline => f.write_str("Offline"),
            Self::Service(service) => f.debug_tuple("Service").field(&service.model).finish(),
        }
    }
}
