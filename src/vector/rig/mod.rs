//! Vector as a vector store of [rig](https://docs.rs/rig-core) 0.44, for agents that look documents up (feature `rig-0_44`).
//!
//! ```
//! use axum_upstash::{local::LocalVector, vector::{Filter, Index, rig::UpstashVectorStore}};
//! use rig_core::vector_store::{InsertDocuments, VectorStoreIndex, request::{SearchFilter, VectorSearchRequest}};
//! # use rig_core_0_44 as rig_core;
//! use serde_json::{Value, json};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let local = LocalVector::start().await?;
//! let index: Index = Index::new(local.url(), local.token())?; // an index with an embedding model
//! let store = UpstashVectorStore::hosted(&index);
//! # use axum_upstash::vector::Record;
//! # index.upsert(Record::text("1", "Tokyo is in Japan").metadata(json!({"city": "Tokyo", "year": 2024}))).await?;
//!
//! let request = VectorSearchRequest::builder()
//!     .query("Which city is in Japan?")
//!     .samples(1)
//!     .filter(Filter::gt("year", json!(2020)))
//!     .build();
//! let found = store.top_n::<Value>(request).await?;
//! assert_eq!(found[0].document["city"], "Tokyo");
//! # Ok(())
//! # }
//! ```
//!
//! - [`UpstashVectorStore::new`] takes an embedding model of rig, for an index without one; [`UpstashVectorStore::hosted`] has
//!   the index make the vectors.
//! - A document is a JSON object. It becomes the metadata of a record, which filters see, and its embedded text becomes the
//!   data. Its id is its field `id`, a text or a number, or else random; further embeddings of a document are records whose ids
//!   end with `#1`, `#2` and so on.
//! - Filters are those of [`Filter`](super::Filter), whether they are made by rig's trait or by [`field`](super::field).
//! - The store is a tool for agents as well, as every index of rig is.
//!
//! It needs Rust 1.95, which rig does.

mod filter;
mod store;

pub use self::store::UpstashVectorStore;
