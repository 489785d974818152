//! What found no free place: the oldest of it that may have the next one, without a look at the others.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::Turn;

/// What jobs wait in, one behind the other, for a place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Source {
    Host(Arc<str>),
    Flow(Arc<str>),
}

/// Sources whose first job found no place, by the host of that job.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    hosts: HashMap<Arc<str>, Waiting>,
    /// The oldest of each host, by the places that the host has.
    oldest: BTreeMap<usize, BTreeSet<(Turn, Arc<str>)>>,
}

#[derive(Debug, Default)]
struct Waiting {
    places: usize,
    sources: BTreeSet<(Turn, Source)>,
}

impl Crowd {
    /// Adds a source of a host that has so many places.
    pub(super) fn insert(&mut self, host: &Arc<str>, places: usize, turn: Turn, source: Source) {
        self.change(host, |waiting| {
            waiting.places = places;
            waiting.sources.insert((turn, source));
        });
    }

    pub(super) fn remove(&mut self, host: &Arc<str>, turn: Turn, source: &Source) {
        self.change(host, |waiting| {
            waiting.sources.remove(&(turn, source.clone()));
        });
    }

    /// Notes that a host has so many places now.
    pub(super) fn set_places(&mut self, host: &Arc<str>, places: usize) {
        if self.hosts.contains_key(host) {
            self.change(host, |waiting| waiting.places = places);
        }
    }

    /// The oldest source of the hosts that have fewer places than that.
    pub(super) fn oldest_below(&self, places: usize) -> Option<Source> {
        let first = self.oldest.range(..places).filter_map(|(_, hosts)| hosts.first());
        let (_, host) = first.min()?;
        self.hosts.get(host)?.sources.first().map(|(_, source)| source.clone())
    }

    fn change(&mut self, host: &Arc<str>, change: impl FnOnce(&mut Waiting)) {
        let waiting = self.hosts.entry(Arc::clone(host)).or_default();
        let first = |waiting: &Waiting| waiting.sources.first().map(|(turn, _)| (*turn, Arc::clone(host)));
        let before = first(waiting).map(|entry| (waiting.places, entry));
        change(waiting);
        let after = first(waiting).map(|entry| (waiting.places, entry));
        if after.is_none() {
            self.hosts.remove(host);
        }
        if before == after {
            return;
        }
        if let Some((places, entry)) = before
            && let Some(hosts) = self.oldest.get_mut(&places)
        {
            hosts.remove(&entry);
            if hosts.is_empty() {
                self.oldest.remove(&places);
            }
        }
        if let Some((places, entry)) = after {
            self.oldest.entry(places).or_default().insert(entry);
        }
    }
}
