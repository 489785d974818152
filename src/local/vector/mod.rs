//! An Upstash Vector on this machine: the REST API in front of indexes that are searched exactly.

mod filter;
mod limits;
mod refusal;
mod score;
mod store;

pub use self::{limits::LocalVectorLimits, score::Similarity as LocalVectorSimilarity};
