//! An index: its settings, its namespaces, and what each request does to them.

mod checks;
mod index;
mod quota;
mod resumable;
mod settings;
mod state;

pub use self::settings::LocalVectorIndex;
pub(super) use self::{index::Index, settings::IndexKind};
