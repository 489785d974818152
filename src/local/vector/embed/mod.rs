//! Texts as vectors, without a model.

mod dense;
mod embedder;
mod sparse;
mod words;

pub(super) use self::{
    embedder::{Embedder, EmbeddingService, LONG, in_background},
    sparse::{document, query},
};
