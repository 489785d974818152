//! The places for attempts, shared by hosts so that one whose attempts hang leaves room for the others.

use std::{collections::HashMap, sync::Arc};

/// All places, and who has them.
///
/// A host may take a place as long as it has fewer than are free. One that fills up gets half of all places, two get a
/// third each, and so on: a host that had none always finds one (Choudhury and Hahne, *Dynamic queue length thresholds
/// for shared-memory packet switches*, 1998).
#[derive(Debug)]
pub(super) struct Share {
    places: usize,
    taken: usize,
    by_host: HashMap<Arc<str>, usize>,
}

impl Share {
    pub(super) fn new(places: usize) -> Self {
        Self { places: places.max(1), taken: 0, by_host: HashMap::new() }
    }

    /// All places, and those that are taken.
    pub(super) fn usage(&self) -> (usize, usize) {
        (self.places, self.taken)
    }

    /// The places that are free.
    pub(super) fn free(&self) -> usize {
        self.places - self.taken
    }

    /// The places of a host.
    pub(super) fn of(&self, host: &str) -> usize {
        self.by_host.get(host).copied().unwrap_or(0)
    }

    /// Whether a host may take a place.
    pub(super) fn admits(&self, host: &str) -> bool {
        self.of(host) < self.free()
    }

    /// Takes a place for a host that [may](Self::admits).
    pub(super) fn take(&mut self, host: &Arc<str>) {
        self.taken += 1;
        *self.by_host.entry(Arc::clone(host)).or_default() += 1;
    }

    /// Gives a place back.
    pub(super) fn give_back(&mut self, host: &str) {
        if let Some(taken) = self.by_host.get_mut(host) {
            self.taken -= 1;
            *taken -= 1;
            if *taken == 0 {
                self.by_host.remove(host);
            }
        }
    }
}
