//! An index: its settings, its namespaces, and what each request does to them.

mod checks;
mod embedding;
mod engine;
mod info;
mod quota;
mod reads;
mod resumable;
mod settings;
mod state;
mod writes;

pub use self::settings::LocalVectorIndex;
pub(super) use self::{
    engine::{Index, Shared},
    settings::IndexKind,
};
