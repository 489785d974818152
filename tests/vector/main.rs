//! The client of Vector against a local server.
#![cfg(all(feature = "vector", feature = "local"))]

mod batches;
mod consistency;
mod queries;
mod records;
mod refusals;
mod resumable;
mod state;

use axum_upstash::{
    local::LocalVector,
    vector::{Index, SparseVector},
};

/// A client of one of the indexes that there always are: `dense-2`, `sparse`, `hybrid-2`, `dense-embed`, `hybrid-embed`.
fn index<M>(local: &LocalVector, name: &str) -> Index<M> {
    Index::new(local.index_url(name).unwrap(), local.token()).unwrap()
}

fn sparse(entries: &[(u32, f32)]) -> SparseVector {
    SparseVector::try_new(entries.iter().copied()).unwrap()
}
