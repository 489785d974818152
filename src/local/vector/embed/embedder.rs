use std::{fmt, time::Duration};

use serde::Deserialize;
use serde_json::json;

use super::dense::embedding;
use crate::local::{
    secret::Secret,
    vector::{refusal::Refusal, score::squared_length},
};

/// The texts of one request to a service.
const TEXTS: usize = 100;
const TIMEOUT: Duration = Duration::from_secs(60);
/// The bytes of an answer.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// The bytes of texts beyond which a thread of the runtime is not held up by them.
pub(crate) const LONG: usize = 64 * 1024;

/// Runs work that takes long on a thread for it.
pub(crate) async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    let failed = |_| Refusal::new(500, "the request failed in the server");
    tokio::task::spawn_blocking(work).await.map_err(failed)
}

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
    pub(crate) async fn dense(&self, texts: &[String], dimension: usize) -> Result<Vec<Vec<f32>>, Refusal> {
        match self {
            Self::Offline => {
                let of_texts =
                    |texts: &[String]| texts.iter().map(|text| embedding(text, dimension)).collect::<Vec<_>>();
                if texts.iter().map(String::len).sum::<usize>() <= LONG {
                    return Ok(of_texts(texts));
                }
                let texts = texts.to_vec();
                in_background(move || texts.iter().map(|text| embedding(text, dimension)).collect()).await
            }
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
    async fn ask(&self, texts: &[String], dimension: usize) -> Result<Vec<Vec<f32>>, Refusal> {
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
        let mut answer = request.body(body).send().await.map_err(|error| {
            tracing::debug!(error = %error.without_url(), "the service for embeddings");
            failed("cannot be reached")
        })?;
        let status = answer.status();
        if !status.is_success() {
            return Err(failed(&format!("answered with status {}", status.as_u16())));
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|_| failed("broke off its answer"))? {
            if body.len() + part.len() > MAX_ANSWER {
                return Err(failed("answered with too much"));
            }
            body.extend_from_slice(&part);
        }
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| failed("answered in another form"))?;
        let mut vectors = vec![Vec::new(); texts.len()];
        for (at, item) in answer.data.into_iter().enumerate() {
            let slot = vectors.get_mut(item.index.unwrap_or(at));
            *slot.ok_or_else(|| failed("answered with too many vectors"))? = item.embedding;
        }
        if vectors.iter().any(Vec::is_empty) {
            return Err(failed("answered with too few vectors"));
        }
        if let Some(vector) = vectors.iter().find(|vector| vector.len() != dimension) {
            let found = vector.len();
            return Err(failed(&format!("answered with {found} dimensions, and the index has {dimension}")));
        }
        if vectors.iter().any(|vector| !squared_length(vector).is_finite()) {
            return Err(failed("answered with numbers that are too large"));
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
