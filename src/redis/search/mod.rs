//! Full-text search over keys (`SEARCH.*`), which Upstash Redis has.
//!
//! An index covers the JSON documents, hashes or strings under a prefix, or the entries of a stream. Filters and
//! aggregations are JSON on the wire; here they are built, or, if a builder lacks something, given as JSON.
//!
//! ```no_run
//! use axum_upstash::redis::{
//!     Redis,
//!     search::{Filter, Index, IndexOf, Query, Schema},
//! };
//!
//! # async fn run(redis: Redis) -> Result<(), axum_upstash::Error> {
//! let schema = Schema::new().text("title").keyword("author").f64("price");
//! redis.search_create("books", Index::new(IndexOf::Json, ["book:"], schema)).await?;
//!
//! let cheap = Filter::new().smart("title", "rust").lte("price", 30);
//! let hits = redis.search_query("books", cheap, Query::new().limit(5)).await?;
//! for hit in hits.unwrap_or_default() {
//!     let book: serde_json::Value = hit.json()?;
//!     println!("{} {} {book}", hit.key, hit.score);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Source: [Upstash Redis Search](https://upstash.com/docs/redis/search/introduction).

mod aggregate;
mod filter;
mod query;
mod replies;
mod schema;
mod score;

pub use self::{
    aggregate::{Aggregation, Bucket, Metric},
    filter::Filter,
    query::{Highlight, Query},
    replies::{AggregateResult, AggregateValue, Description, Hit, IndexEntry},
    schema::{Index, IndexOf, Language, Schema},
    score::{Combine, Modifier, Score},
};
