//! Upstash Vector: records with vectors, and the search for those that are near to a vector or to a text.
//!
//! ```
//! use axum_upstash::{
//!     Upstash,
//!     local::LocalVector,
//!     vector::{Include, Index, Query, Record, field},
//! };
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let local = LocalVector::start().await?; // or UPSTASH_VECTOR_REST_URL and UPSTASH_VECTOR_REST_TOKEN
//! let upstash = Upstash::builder().or_memory().vector(local.url(), local.token()).build()?;
//! let articles: Index = upstash.vector();
//!
//! articles.upsert(Record::text("japan", "Tokyo is the capital of Japan").metadata(json!({"year": 2024}))).await?;
//! articles.upsert(Record::text("france", "Paris is the capital of France").metadata(json!({"year": 2019}))).await?;
//!
//! let query = Query::text("the capital of France").filter(field("year").lt(2020)).include(Include::DATA);
//! let found = articles.query(query).await?;
//! assert_eq!(found[0].data.as_deref(), Some("Paris is the capital of France"));
//! # Ok(())
//! # }
//! ```
//!
//! - **Records** have a dense vector, a sparse one, or both, as the index says; or a text, of which an index with an
//!   embedding model makes them. Metadata is a JSON object of your type, [filters](Filter) see it; data is a text.
//! - **An upsert is found a bit later**: see [`Index::wait_until_indexed`]. Reads by id see it at once.
//! - **Namespaces** are handles: [`Index::namespace`].
//! - **Any number** of records, ids and queries is taken: they are split into requests that the service takes, several of
//!   which are under way at the same time.
//! - **Retries.** Calls whose repetition changes nothing are sent again after a broken connection. Those that delete by
//!   prefix, by filter or whole namespaces, or rename, are not, and neither are those of [resumable queries](Resumable): the
//!   results of an answer that was lost would be skipped.
//! - **Errors.** A [`VectorRefusal`] says what the service refused; [`QuotaExceeded`](crate::ErrorKind::QuotaExceeded) is
//!   the end of the day's requests.
//!
//! A vector store of [rig](https://docs.rs/rig-core), for agents that look documents up, is behind the feature `rig-0_44`.
//!
//! [`Index`] is found in a router's state, as other clients are: `State(index): State<Index<Article>>`. A local server
//! is [`LocalVector`](crate::local::LocalVector).

mod call;
mod concurrently;
mod error;
mod filter;
mod id;
mod include;
mod index;
mod info;
mod namespaces;
mod query;
mod range;
mod record;
mod records;
mod resumable;
#[cfg(all(feature = "rig-0_44", not(target_arch = "wasm32")))]
#[cfg_attr(docsrs, doc(cfg(feature = "rig-0_44")))]
pub mod rig;
mod search;
mod sparse;
mod update;
mod upsert;

pub use self::{
    error::VectorRefusal,
    filter::{Field, Filter, FilterValue, field},
    id::VectorId,
    include::Include,
    index::{Index, IndexBuilder},
    info::{DenseIndexInfo, IndexInfo, NamespaceInfo, SparseIndexInfo},
    query::{Fusion, Query, QueryMode},
    range::{Range, RangePage},
    record::{Match, Record, StoredRecord},
    resumable::Resumable,
    sparse::SparseVector,
    update::Update,
    upsert::{FailedBatch, IncompleteUpsert, UpsertAll},
};
