use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};

use super::{
    embed::EmbeddingService, faults::LocalVectorFaults, index::LocalVectorIndex, limits::LocalVectorLimits, management,
};
use crate::local::{LocalError, secret::Secret};

/// Sets up a [`LocalVector`](crate::local::LocalVector).
///
/// The default listens on a free port of the loopback interface, with a random token, and has the limits of the
/// pay-as-you-go plan.
///
/// ```
/// use axum_upstash::local::{LocalVector, LocalVectorIndex};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vector = LocalVector::builder()
///     .dimension(1536)
///     .index(LocalVectorIndex::sparse("words").embedding())
///     .start()
///     .await?;
/// # drop(vector);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct LocalVectorBuilder {
    pub(super) address: SocketAddr,
    pub(super) token: Option<Secret>,
    pub(super) read_only_token: Option<Secret>,
    pub(super) root: LocalVectorIndex,
    pub(super) indexes: Vec<LocalVectorIndex>,
    pub(super) limits: LocalVectorLimits,
    pub(super) faults: LocalVectorFaults,
    pub(super) delay: Duration,
    pub(super) threads: Option<NonZeroUsize>,
    /// The address, which may have a key in it, the model, and the key.
    pub(super) service: Option<(Secret, String, Option<Secret>)>,
    pub(super) read_timeout: Duration,
    /// The first setting that cannot be used.
    pub(super) problem: Option<LocalError>,
}

/// The dimension of the index at the root, if none is set: that of the smallest model of the service.
const DIMENSION: usize = 384;

impl LocalVectorBuilder {
    pub(super) fn new() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            token: None,
            read_only_token: None,
            root: LocalVectorIndex::dense("", DIMENSION).embedding(),
            indexes: Vec::new(),
            limits: LocalVectorLimits::default(),
            faults: LocalVectorFaults::seeded(0),
            delay: Duration::ZERO,
            threads: None,
            service: None,
            read_timeout: Duration::from_secs(60),
            problem: None,
        }
    }

    /// Listens on this address (`127.0.0.1:0`, which takes any free port).
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Sets the token of each index that has none of its own, and of the API that makes indexes.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Secret::new(token));
        self
    }

    /// Sets a token that may only read, of each index that has none of its own.
    pub fn read_only_token(mut self, token: impl Into<String>) -> Self {
        self.read_only_token = Some(Secret::new(token));
        self
    }

    /// Sets the dimension of the index at the root (384), which is dense, compares by cosine, and takes texts as well.
    pub fn dimension(self, dimension: usize) -> Self {
        self.root(LocalVectorIndex::dense("", dimension).embedding())
    }

    /// Sets the index at the root, whose URL is that of the server. Its name is not used.
    pub fn root(mut self, index: LocalVectorIndex) -> Self {
        self.root = LocalVectorIndex { name: String::new(), ..index };
        self
    }

    /// Adds an index under a path of its name.
    ///
    /// These are there without it, to try each kind: `dense-2`, `sparse` and `hybrid-2`, whose dense vectors have 2
    /// dimensions; and `dense-embed` and `hybrid-embed`, which take texts.
    pub fn index(mut self, index: LocalVectorIndex) -> Self {
        self.indexes.push(index);
        self
    }

    /// Adds the indexes of a file in JSON: a list of objects with the fields of the Developer API, `name`, `index_type`,
    /// `dimension_count`, `similarity_function`, `embedding_model` and `sparse_embedding_model`, and the tokens `token`
    /// and `read_only_token`.
    ///
    /// ```
    /// use axum_upstash::local::LocalVector;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let file = r#"[{"name": "articles", "dimension_count": 768, "similarity_function": "DOT_PRODUCT"}]"#;
    /// let vector = LocalVector::builder().indexes_from_json(file).start().await?;
    /// # drop(vector);
    /// # Ok(())
    /// # }
    /// ```
    pub fn indexes_from_json(mut self, text: &str) -> Self {
        match management::read_file(text) {
            Ok(indexes) => self.indexes.extend(indexes),
            Err(reason) => self.refuse(LocalError::InvalidFile { reason }),
        }
        self
    }

    /// Sets the limits of each index.
    pub fn limits(mut self, limits: LocalVectorLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Lets queries find a record only after that time (0), as with the service: until then it counts as pending. One whose
    /// vectors change is not found in between.
    pub fn indexing_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets how many threads a search through many vectors takes (one for each core).
    pub fn search_threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Makes dense vectors of texts by a service with the embeddings API of OpenAI, such as Ollama at
    /// `http://127.0.0.1:11434/v1/embeddings`, instead of by hashing. Its vectors need the dimension of the index.
    pub fn embeddings(mut self, url: impl Into<String>, model: impl Into<String>, key: Option<String>) -> Self {
        self.service = Some((Secret::new(url), model.into(), key.map(Secret::new)));
        self
    }

    /// Makes [faults](LocalVectorFaults), to see what an application bears.
    pub fn faults(mut self, faults: LocalVectorFaults) -> Self {
        if faults.are_probabilities() {
            self.faults = faults;
        } else {
            self.refuse(LocalError::InvalidSetting { reason: "a probability is a number from 0 to 1" });
        }
        self
    }

    fn refuse(&mut self, problem: LocalError) {
        self.problem.get_or_insert(problem);
    }

    /// The client of the service for embeddings.
    pub(super) fn embedding_service(&mut self) -> Result<Option<EmbeddingService>, LocalError> {
        let Some((url, model, key)) = self.service.take() else { return Ok(None) };
        let url = url.expose().to_owned();
        if !url.parse::<url::Url>().is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(LocalError::InvalidSetting { reason: "the address of the embeddings must be an HTTP URL" });
        }
        if key.as_ref().is_some_and(|key| !key.is_valid()) {
            return Err(LocalError::InvalidToken);
        }
        let http = reqwest::Client::builder().build();
        let http = http.map_err(|error| LocalError::HttpClient { source: Box::new(error) })?;
        Ok(Some(EmbeddingService { http, url, model, key }))
    }
}
