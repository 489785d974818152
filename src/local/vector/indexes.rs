//! The indexes of a server, by their names. They may come and go while it runs.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
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
    /// The token for reads, of each index that has none of its own.
    pub(super) read_only_token: Option<Secret>,
    pub(super) shared: Arc<Shared>,
}

impl Indexes {
    pub(super) fn new(token: Secret, read_only_token: Option<Secret>, shared: Shared) -> Self {
        Self { by_name: RwLock::default(), token, read_only_token, shared: Arc::new(shared) }
    }

    /// Adds the index of the root, which has no name.
    pub(super) fn add_root(&self, settings: LocalVectorIndex) -> Result<(), LocalError> {
        self.check(&settings)?;
        self.put(settings);
        Ok(())
    }

    /// Adds an index that there always is, whatever the limits are.
    pub(super) fn put(&self, settings: LocalVectorIndex) {
        let index = self.made(settings);
        self.write().insert(index.settings.name.clone(), index);
    }

    /// Adds an index. The name must not be taken.
    pub(super) fn add(&self, settings: LocalVectorIndex) -> Result<(), LocalError> {
        if !Route::is_name(&settings.name) {
            let reason = "the name of a vector index must be 1 to 64 letters, digits, -, _ or ., and no operation";
            return Err(LocalError::InvalidSetting { reason });
        }
        self.check(&settings)?;
        match self.write().entry(settings.name.clone()) {
            Entry::Occupied(_) => {
                Err(LocalError::InvalidSetting { reason: "there are two vector indexes of one name" })
            }
            Entry::Vacant(place) => {
                place.insert(self.made(settings));
                Ok(())
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<Index>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Takes an index away. The requests in it come to their end.
    pub(super) fn remove(&self, name: &str) -> bool {
        self.write().remove(name).is_some()
    }

    pub(super) fn all(&self) -> Vec<Arc<Index>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn made(&self, settings: LocalVectorIndex) -> Arc<Index> {
        Arc::new(Index::new(settings, Arc::clone(&self.shared)))
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Arc<Index>>> {
        self.by_name.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, settings: &LocalVectorIndex) -> Result<(), LocalError> {
        let is_token = |token: &Option<Secret>| token.as_ref().is_none_or(Secret::is_valid);
        if !is_token(&settings.token) || !is_token(&settings.read_only_token) {
            return Err(LocalError::InvalidToken);
        }
        if settings.kind.has_dense() && !(1..=self.shared.limits.dimensions).contains(&settings.dimension) {
            let reason = "the dimension of a vector index must be from 1 to the limit, which is 3072 unless it is set";
            return Err(LocalError::InvalidSetting { reason });
        }
        Ok(())
    }
}
