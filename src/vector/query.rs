use super::{Filter, Include, SparseVector, error::invalid, record::is_finite};
use crate::Error;
use serde_json::{Map, Value};
use std::fmt;

/// A question to an index: the records that are nearest to a vector or to a text.
///
/// ```
/// use axum_upstash::vector::{Fusion, Include, Query, SparseVector, field};
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let near = Query::dense([0.1, 0.2, 0.3]).top_k(5).include(Include::METADATA);
/// let words = Query::sparse(SparseVector::try_new([(7, 0.5)])?).weighted_by_idf();
/// let both = Query::hybrid([0.1, 0.2], SparseVector::try_new([(7, 0.5)])?).fusion(Fusion::DistributionBased);
/// let asked = Query::text("the capital of Japan").filter(field("continent").eq("Asia"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Query {
    vector: Option<Vec<f32>>,
    sparse: Option<SparseVector>,
    text: Option<String>,
    top_k: u32,
    include: Include,
    filter: Option<Filter>,
    is_idf: bool,
    fusion: Fusion,
    mode: QueryMode,
}

/// The fusion of the halves of a hybrid index
/// ([Hybrid indexes](https://upstash.com/docs/vector/features/hybridindexes)).
///
/// ```
/// use axum_upstash::vector::Fusion;
///
/// assert_eq!(Fusion::default(), Fusion::ReciprocalRank);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fusion {
    /// By the ranks in both halves (`RRF`).
    #[default]
    ReciprocalRank,
    /// By the scores, relative to those of their half (`DBSF`).
    DistributionBased,
}

/// The half of a hybrid index that a text is for.
///
/// ```
/// use axum_upstash::vector::{Query, QueryMode};
///
/// let exact_words = Query::text("Türkiye").mode(QueryMode::Sparse);
/// # drop(exact_words);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QueryMode {
    /// Both.
    #[default]
    Hybrid,
    /// Dense vectors alone.
    Dense,
    /// Sparse vectors alone.
    Sparse,
}

impl Query {
    /// Asks for the records near to a dense vector.
    pub fn dense(vector: impl Into<Vec<f32>>) -> Self {
        Self { vector: Some(vector.into()), ..Self::new() }
    }

    /// Asks for the records that share indices with a sparse vector. There may be fewer than [`top_k`](Self::top_k).
    pub fn sparse(vector: SparseVector) -> Self {
        Self { sparse: Some(vector), ..Self::new() }
    }

    /// Asks a hybrid index by both vectors.
    pub fn hybrid(dense: impl Into<Vec<f32>>, sparse: SparseVector) -> Self {
        Self { vector: Some(dense.into()), sparse: Some(sparse), ..Self::new() }
    }

    /// Asks an index with an embedding model, which makes a vector of the text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::new() }
    }

    fn new() -> Self {
        Self {
            vector: None,
            sparse: None,
            text: None,
            top_k: 10,
            include: Include::NONE,
            filter: None,
            is_idf: false,
            fusion: Fusion::default(),
            mode: QueryMode::default(),
        }
    }

    /// Sets the number of results (10, and 1,000 at the most). Of a [resumable](super::Index::resumable) query it is the size
    /// of a page.
    pub fn top_k(mut self, results: u32) -> Self {
        self.top_k = results;
        self
    }

    /// Sets the parts of records that results have (none).
    pub fn include(mut self, include: Include) -> Self {
        self.include = include;
        self
    }

    /// Asks for records whose metadata the filter holds for.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// Weighs each index of a sparse vector by the inverse of how many records have it (`IDF`). It is for BM25 models.
    pub fn weighted_by_idf(mut self) -> Self {
        self.is_idf = true;
        self
    }

    /// Sets how the halves of a hybrid index become one score.
    pub fn fusion(mut self, fusion: Fusion) -> Self {
        self.fusion = fusion;
        self
    }

    /// Sets the half of a hybrid index that a text is for.
    pub fn mode(mut self, mode: QueryMode) -> Self {
        self.mode = mode;
        self
    }

    pub(super) fn is_text(&self) -> bool {
        self.text.is_some()
    }

    pub(super) fn page(&self) -> u32 {
        self.top_k
    }

    /// The fields of the request. Vectors are written apart, as they are large.
    pub(super) fn into_body(self) -> Result<Body, Error> {
        if !self.vector.as_deref().is_none_or(is_finite) {
            return Err(invalid("the vector has a number that is not finite"));
        }
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        set("topK", self.top_k.into());
        if let Some(filter) = self.filter {
            set("filter", filter.into_text()?.into());
        }
        if self.is_idf {
            set("weightingStrategy", "IDF".into());
        }
        if self.fusion == Fusion::DistributionBased {
            set("fusionAlgorithm", "DBSF".into());
        }
        match self.mode {
            QueryMode::Hybrid => {}
            QueryMode::Dense => set("queryMode", "DENSE".into()),
            QueryMode::Sparse => set("queryMode", "SPARSE".into()),
        }
        if let Some(text) = self.text {
            set("data", text.into());
        }
        self.include.write(&mut fields);
        Ok(Body { vector: self.vector, sparse_vector: self.sparse, fields })
    }
}

/// Without vectors, texts and values.
impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("top_k", &self.top_k)
            .field("include", &self.include)
            .field("filter", &self.filter)
            .finish_non_exhaustive()
    }
}

impl Body {
    pub(super) fn top_k(&self) -> usize {
        self.fields.get("topK").and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok()).unwrap_or(1)
    }
}

/// A query as it is sent.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<Vec<f32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sparse_vector: Option<SparseVector>,
    #[serde(flatten)]
    pub(super) fields: Map<String, Value>,
}
