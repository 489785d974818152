//! An Upstash Vector on this machine: the REST API in front of indexes that are searched exactly.

mod api;
mod embed;
mod faults;
mod filter;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod index;
mod indexes;
mod limits;
mod management;

mod score;
mod server;
mod service;
mod settings;
mod store;

use super::refusal;

pub use self::{
    faults::LocalVectorFaults, index::LocalVectorIndex, limits::LocalVectorLimits,
    score::Similarity as LocalVectorSimilarity, server::LocalVector, settings::LocalVectorBuilder,
};
