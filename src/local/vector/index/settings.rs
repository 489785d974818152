use crate::local::{secret::Secret, vector::score::Similarity};

/// An index of a [`LocalVector`](crate::local::LocalVector): its kind, its dimension, and the tokens for it.
///
/// ```
/// use axum_upstash::local::{LocalVector, LocalVectorIndex};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let articles = LocalVectorIndex::hybrid("articles", 768).embedding();
/// let vector = LocalVector::builder().index(articles).start().await?;
/// assert_eq!(vector.index_url("articles").unwrap(), format!("{}/articles", vector.url()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct LocalVectorIndex {
    pub(crate) name: String,
    pub(crate) kind: IndexKind,
    /// 0 for a sparse index.
    pub(crate) dimension: usize,
    pub(crate) similarity: Similarity,
    /// The name of the model that makes dense vectors of texts.
    pub(crate) dense_model: Option<String>,
    /// The name of the model that makes sparse vectors of texts.
    pub(crate) sparse_model: Option<String>,
    /// That of the server, if it has none of its own.
    pub(in crate::local) token: Option<Secret>,
    pub(in crate::local) read_only_token: Option<Secret>,
}

/// The vectors that the records of an index have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexKind {
    Dense,
    Sparse,
    Hybrid,
}

impl IndexKind {
    pub(crate) const ALL: [Self; 3] = [Self::Dense, Self::Sparse, Self::Hybrid];

    /// The name in the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dense => "DENSE",
            Self::Sparse => "SPARSE",
            Self::Hybrid => "HYBRID",
        }
    }

    pub(crate) fn has_dense(self) -> bool {
        self != Self::Sparse
    }

    pub(crate) fn has_sparse(self) -> bool {
        self != Self::Dense
    }
}

impl LocalVectorIndex {
    /// An index of dense vectors with that dimension, under a path of that name.
    pub fn dense(name: impl Into<String>, dimension: usize) -> Self {
        Self::new(name, IndexKind::Dense, dimension)
    }

    /// An index of sparse vectors.
    pub fn sparse(name: impl Into<String>) -> Self {
        Self::new(name, IndexKind::Sparse, 0)
    }

    /// An index whose records have a dense vector of that dimension and a sparse one.
    pub fn hybrid(name: impl Into<String>, dimension: usize) -> Self {
        Self::new(name, IndexKind::Hybrid, dimension)
    }

    pub(crate) fn new(name: impl Into<String>, kind: IndexKind, dimension: usize) -> Self {
        Self {
            name: name.into(),
            kind,
            dimension,
            similarity: Similarity::default(),
            dense_model: None,
            sparse_model: None,
            token: None,
            read_only_token: None,
        }
    }

    /// Sets how dense vectors are compared (by their cosine).
    pub fn similarity(mut self, similarity: Similarity) -> Self {
        self.similarity = similarity;
        self
    }

    /// Takes texts, and makes vectors of them: dense ones by hashing, or by the
    /// [service](crate::local::LocalVectorBuilder::embeddings) of the server, and sparse ones by BM25.
    pub fn embedding(self) -> Self {
        let (dense, sparse) = (self.kind.has_dense(), self.kind.has_sparse());
        let model = match self.dimension {
            384 => "BGE_SMALL_EN_V1_5",
            768 => "BGE_BASE_EN_V1_5",
            1024 => "BGE_LARGE_EN_V1_5",
            _ => "LOCAL",
        };
        self.models(dense.then(|| model.to_owned()), sparse.then(|| "BM25".to_owned()))
    }

    pub(crate) fn models(mut self, dense: Option<String>, sparse: Option<String>) -> Self {
        (self.dense_model, self.sparse_model) = (dense, sparse);
        self
    }

    /// Sets a token for this index alone, instead of the server's.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Secret::new(token));
        self
    }

    /// Sets a token that may only read.
    pub fn read_only_token(mut self, token: impl Into<String>) -> Self {
        self.read_only_token = Some(Secret::new(token));
        self
    }

    /// Whether texts can be turned into every vector that its records have.
    pub(crate) fn embeds(&self) -> bool {
        self.dense_model.is_some() == self.kind.has_dense() && self.sparse_model.is_some() == self.kind.has_sparse()
    }
}
