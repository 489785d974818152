use super::{Index, call::Call};
use crate::{
    Error, ErrorKind,
    rt::{Stopwatch, sleep},
};
use serde::{Deserialize, Deserializer, Serialize};
use std::{collections::BTreeMap, time::Duration};

const OPERATION: &str = "vector info";

/// The settings of an index, and the number of its records.
///
/// ```no_run
/// use axum_upstash::vector::Index;
///
/// # async fn run(index: Index) -> Result<(), axum_upstash::Error> {
/// let info = index.info().await?;
/// println!("{} records of {} dimensions", info.vector_count, info.dimension);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct IndexInfo {
    /// The records of all namespaces that queries find.
    pub vector_count: u64,
    /// The records that were accepted, and that queries do not find yet.
    #[serde(default, deserialize_with = "or_default")]
    pub pending_vector_count: u64,
    /// The bytes that it takes.
    #[serde(default, deserialize_with = "or_default")]
    pub index_size: u64,
    /// The dimension of dense vectors: 0 if it is sparse.
    #[serde(default, deserialize_with = "or_default")]
    pub dimension: usize,
    /// `COSINE`, `EUCLIDEAN` or `DOT_PRODUCT`; empty if it is sparse.
    #[serde(default, deserialize_with = "or_default")]
    pub similarity_function: String,
    /// `DENSE`, `SPARSE` or `HYBRID`.
    #[serde(default, deserialize_with = "or_default")]
    pub index_type: String,
    /// The dense half.
    #[serde(default, deserialize_with = "or_default")]
    pub dense_index: Option<DenseIndexInfo>,
    /// The sparse half.
    #[serde(default, deserialize_with = "or_default")]
    pub sparse_index: Option<SparseIndexInfo>,
    /// The records of each namespace, by its name. That of the default one is empty.
    #[serde(default, deserialize_with = "or_default")]
    pub namespaces: BTreeMap<String, NamespaceInfo>,
}

/// The dense half of an index.
///
/// ```
/// use axum_upstash::vector::DenseIndexInfo;
///
/// fn takes_texts(half: &DenseIndexInfo) -> bool {
///     !half.embedding_model.is_empty()
/// }
/// # let _ = takes_texts;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DenseIndexInfo {
    /// The dimension.
    pub dimension: usize,
    /// `COSINE`, `EUCLIDEAN` or `DOT_PRODUCT`.
    #[serde(default, deserialize_with = "or_default")]
    pub similarity_function: String,
    /// The model that makes vectors of texts. It is empty if there is none.
    #[serde(default, deserialize_with = "or_default")]
    pub embedding_model: String,
}

/// The sparse half of an index.
///
/// ```
/// use axum_upstash::vector::SparseIndexInfo;
///
/// fn is_bm25(half: &SparseIndexInfo) -> bool {
///     half.embedding_model == "BM25"
/// }
/// # let _ = is_bm25;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SparseIndexInfo {
    /// The model that makes vectors of texts. It is empty if there is none.
    #[serde(default, deserialize_with = "or_default")]
    pub embedding_model: String,
}

/// The records of a namespace.
///
/// ```
/// use axum_upstash::vector::NamespaceInfo;
///
/// fn is_settled(namespace: &NamespaceInfo) -> bool {
///     namespace.pending_vector_count == 0
/// }
/// # let _ = is_settled;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NamespaceInfo {
    /// The records that queries find.
    pub vector_count: u64,
    /// The records that were accepted, and that queries do not find yet.
    #[serde(default, deserialize_with = "or_default")]
    pub pending_vector_count: u64,
}

/// The default for what is null.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The time that a look at the number of records has at the least.
const LOOK: Duration = Duration::from_secs(1);

impl<M> Index<M> {
    /// The settings of the index, and the number of its records.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn info(&self) -> Result<IndexInfo, Error> {
        self.caller.send(Call::of_index(OPERATION, "/info")).await?.read()
    }

    /// Waits until queries find each record that was written in this namespace, and asks for that again and again, first
    /// after 50 ms and then less and less often, up to every second. The last look begins within the limit, and may take a
    /// second more.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] if records are still pending after `limit`, and those of the service.
    pub async fn wait_until_indexed(&self, limit: Duration) -> Result<(), Error> {
        let watch = Stopwatch::start();
        let mut wait = Duration::from_millis(50);
        loop {
            let left = limit.saturating_sub(watch.elapsed()).max(LOOK);
            let timeout = self.caller.timeout.unwrap_or_else(|| self.caller.rest.timeout());
            let info = self.with_timeout(timeout.min(left)).info().await?;
            let namespace = info.namespaces.get(&*self.caller.namespace);
            let pending = namespace.map_or(0, |namespace| namespace.pending_vector_count);
            if pending == 0 {
                return Ok(());
            }
            let left = limit.saturating_sub(watch.elapsed());
            if left.is_zero() {
                let message = format!("{pending} records are still pending after {} ms", limit.as_millis());
                return Err(Error::new(ErrorKind::Timeout, message).with_operation(OPERATION));
            }
            sleep(wait.min(left)).await;
            wait = (wait * 2).min(Duration::from_secs(1));
        }
    }
}
