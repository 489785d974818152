//! Texts as vectors, without a model.

mod dense;
mod sparse;
mod stop_words;
mod words;

pub(super) use self::{
    dense::embedding,
    sparse::{document, query},
};
