//! The namespaces of an index.

use std::collections::HashMap;

use super::LocalVectorIndex;
use crate::local::vector::{limits::LocalVectorLimits, refusal::Refusal, store::Namespace};

/// The namespaces by their names. The default one is always there.
#[derive(Debug)]
pub(super) struct State {
    namespaces: HashMap<String, Named>,
    dimension: usize,
    /// The namespaces that were ever made.
    made: u64,
}

#[derive(Debug)]
struct Named {
    /// The order of creation.
    created: u64,
    records: Namespace,
}

impl State {
    pub(super) fn new(dimension: usize) -> Self {
        let mut state = Self { namespaces: HashMap::new(), dimension, made: 0 };
        state.get_or_create("");
        state
    }

    pub(super) fn get(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.get(name).map(|named| &named.records)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Namespace> {
        self.namespaces.get_mut(name).map(|named| &mut named.records)
    }

    /// Whether there may be a namespace of that name.
    pub(super) fn check(&self, name: &str, limits: &LocalVectorLimits) -> Result<(), Refusal> {
        let most = limits.namespaces;
        if self.namespaces.contains_key(name) || self.namespaces.len() < most {
            return Ok(());
        }
        Err(Refusal::forbidden(format!("Exceeded namespace limit: {most}")))
    }

    /// The namespace, which is made if it is missing.
    pub(super) fn get_or_create(&mut self, name: &str) -> &mut Namespace {
        let Self { namespaces, dimension, made } = self;
        let named = namespaces.entry(name.to_owned()).or_insert_with(|| {
            *made += 1;
            Named { created: *made, records: Namespace::new(*dimension) }
        });
        &mut named.records
    }

    /// Names in the order of creation, the default namespace first.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<(u64, &str)> =
            self.namespaces.iter().map(|(name, named)| (named.created, name.as_str())).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name).collect()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Namespace)> {
        self.namespaces.iter().map(|(name, named)| (name.as_str(), &named.records))
    }

    /// Empties a namespace. One that is not there is empty already.
    pub(super) fn reset(&mut self, name: &str) {
        if let Some(named) = self.namespaces.get_mut(name) {
            named.records = Namespace::new(self.dimension);
        }
    }

    pub(super) fn reset_all(&mut self) {
        let names: Vec<String> = self.namespaces.keys().cloned().collect();
        names.iter().for_each(|name| self.reset(name));
    }

    pub(super) fn delete(&mut self, name: &str, index: &LocalVectorIndex) -> Result<(), Refusal> {
        if name.is_empty() {
            return Err(Refusal::unprocessable("The default namespace cannot be deleted"));
        }
        self.namespaces.remove(name).map(drop).ok_or_else(|| unknown(name, index))
    }

    pub(super) fn rename(
        &mut self,
        from: &str,
        to: &str,
        is_forced: bool,
        index: &LocalVectorIndex,
    ) -> Result<(), Refusal> {
        if from.is_empty() || to.is_empty() {
            return Err(Refusal::unprocessable(
                "The default namespace cannot be renamed, and no other one can take its name",
            ));
        }
        if !self.namespaces.contains_key(from) {
            return Err(unknown(from, index));
        }
        if from == to {
            return Ok(());
        }
        if self.namespaces.contains_key(to) && !is_forced {
            return Err(Refusal::unprocessable(format!(
                "Namespace {to} for the index {} already exists",
                shown(index)
            )));
        }
        if let Some(named) = self.namespaces.remove(from) {
            self.namespaces.insert(to.to_owned(), named);
        }
        Ok(())
    }
}

fn unknown(name: &str, index: &LocalVectorIndex) -> Refusal {
    Refusal::not_found(format!("Namespace {name} for the index {} does not exist", shown(index)))
}

/// The name of an index, also of the one at the root.
fn shown(index: &LocalVectorIndex) -> &str {
    if index.name.is_empty() { "default" } else { &index.name }
}
