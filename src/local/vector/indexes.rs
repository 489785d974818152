//! The indexes of a server, by their names. They may come and go while it runs.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::{
    api::Route,
    index::{Index, LocalVectorIndex, Shared},
};
use crate::local::{LocalError, secret::Secret};

/// The indexes, and what new ones are made with.
#[derive(Debug)]
pub(super) struct Indexes {
    /// The one without a name is at the root.
    by_name: RwLock<BTreeMap<String, Arc<Index>>>,
    pub(super) token: Secret,
    pub(super) shared: Arc<Shared>,
}

impl Indexes {
    pub(super) fn new(token: Secret, shared: Shared) -> Self {
        Self { by_name: RwLock::default(), token, shared: Arc::new(shared) }
    }

    /// Adds the index of the root, which has no name.
    pub(super) fn add_root(&self, settings: LocalVectorIndex) -> Result<(), LocalError> {
        self.check(&settings)?;
        self.insert(settings);
        Ok(())
    }

    /// Adds an index, in the place of one of that name if `replaces`.
    pub(super) fn add(&self, settings: LocalVectorIndex, replaces: bool) -> Result<(), LocalError> {
        if !Route::is_name(&settings.name) {
            let reason = "the name of a vector index must be 1 to 64 letters, digits, -, _ or ., and no operation";
            return Err(LocalError::InvalidSetting { reason });
        }
        self.check(&settings)?;
        if !replaces && self.get(&settings.name).is_some() {
            return Err(LocalError::InvalidSetting { reason: "there is a vector index of that name" });
        }
        self.insert(settings);
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<Index>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Takes an index away. The requests in it come to their end.
    pub(super) fn remove(&self, name: &str) -> bool {
        self.by_name.write().unwrap_or_else(PoisonError::into_inner).remove(name).is_some()
    }

    pub(super) fn all(&self) -> Vec<Arc<Index>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn insert(&self, settings: LocalVectorIndex) {
        let name = settings.name.clone();
        let index = Index::new(settings, Arc::clone(&self.shared));
        self.by_name.write().unwrap_or_else(PoisonError::into_inner).insert(name, Arc::new(index));
    }

    fn check(&self, settings: &LocalVectorIndex) -> Result<(), LocalError> {
        let is_token = |token: &Option<Secret>| token.as_ref().is_none_or(Secret::is_valid);
        if !is_token(&settings.token) || !is_token(&settings.read_only_token) {
            return Err(LocalError::InvalidToken);
        }
        if settings.kind.has_dense() && !(1..=self.shared.limits.dimensions).contains(&settings.dimension) {
            let reason = "the dimension of a vector index must be from 1 to the limit (3072)";
            return Err(LocalError::InvalidSetting { reason });
        }
        Ok(())
    }
}
