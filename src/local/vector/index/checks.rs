//! Whether vectors are of the kind that an index has.

use super::{LocalVectorIndex, settings::IndexKind};
use crate::local::vector::{
    refusal::Refusal,
    score::{SparseVector, squared_length},
    store::{Change, NewRecord},
};

const NEEDS_DENSE: &str = "This index requires dense vectors";
const NEEDS_SPARSE: &str = "This index requires sparse vectors";

/// Texts are for indexes with a model.
pub(super) fn takes_texts(index: &LocalVectorIndex) -> Result<(), Refusal> {
    if index.embeds() {
        return Ok(());
    }
    Err(Refusal::unprocessable(
        "Embedding data for this index is not allowed. The index must be created with an embedding model to use it.",
    ))
}

pub(super) fn record(index: &LocalVectorIndex, record: &NewRecord) -> Result<(), Refusal> {
    if index.kind.has_dense() && record.dense.is_none() {
        return Err(Refusal::unprocessable(NEEDS_DENSE));
    }
    if index.kind.has_sparse() && record.sparse.is_none() {
        return Err(Refusal::unprocessable(NEEDS_SPARSE));
    }
    vectors(index, record.dense.as_deref(), record.sparse.as_ref())
}

/// A change has both vectors of a hybrid index, or none.
pub(super) fn change(index: &LocalVectorIndex, change: &Change) -> Result<(), Refusal> {
    let (dense, sparse) = (change.new.dense.as_deref(), change.new.sparse.as_ref());
    if index.kind == IndexKind::Hybrid && dense.is_some() != sparse.is_some() {
        return Err(Refusal::unprocessable(if dense.is_some() { NEEDS_SPARSE } else { NEEDS_DENSE }));
    }
    vectors(index, dense, sparse)
}

/// A query has a vector: one of the two is enough for a hybrid index.
pub(super) fn query(
    index: &LocalVectorIndex,
    dense: Option<&[f32]>,
    sparse: Option<&SparseVector>,
) -> Result<(), Refusal> {
    vectors(index, dense, sparse)?;
    match (index.kind, dense.is_some() || sparse.is_some()) {
        (_, true) => Ok(()),
        (IndexKind::Dense, false) => Err(Refusal::unprocessable(NEEDS_DENSE)),
        (IndexKind::Sparse, false) => Err(Refusal::unprocessable(NEEDS_SPARSE)),
        (IndexKind::Hybrid, false) => Err(Refusal::unprocessable("This index requires a dense or a sparse vector")),
    }
}

/// The vectors that there are, each of a kind and a dimension that the index has.
fn vectors(index: &LocalVectorIndex, dense: Option<&[f32]>, sparse: Option<&SparseVector>) -> Result<(), Refusal> {
    if sparse.is_some() && !index.kind.has_sparse() {
        return Err(Refusal::unprocessable(NEEDS_DENSE));
    }
    let Some(dense) = dense else { return Ok(()) };
    if !index.kind.has_dense() {
        return Err(Refusal::unprocessable(NEEDS_SPARSE));
    }
    let (dimension, expected) = (dense.len(), index.dimension);
    if dimension != expected {
        return Err(Refusal::unprocessable(format!("Invalid vector dimension: {dimension}, expected: {expected}")));
    }
    if !squared_length(dense).is_finite() {
        return Err(Refusal::unprocessable("vector must have a length whose square 32 bits can hold"));
    }
    Ok(())
}
