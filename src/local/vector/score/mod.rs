//! Scores: those of dense and of sparse vectors, and the fusion of both.

mod dense;
mod fusion;
mod kernel;
mod ranked;
mod shortlist;
mod similarity;
mod sparse;

pub use self::similarity::Similarity;
pub(super) use self::{
    dense::{DenseQuery, Length, squared_length},
    fusion::{Fusion, fuse},
    ranked::{Ranked, best_first},
    shortlist::Shortlist,
    sparse::{Postings, SparseVector, Weighting},
};
