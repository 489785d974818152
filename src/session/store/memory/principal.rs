//! The sessions of a principal.

use super::{
    super::{Record, SessionSelector, SessionsOf},
    MemorySessionStore,
    slot::{Slot, linked},
};
use crate::session::SessionKey;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

impl MemorySessionStore {
    /// The sessions of a principal. The search goes over all sessions, because such queries are rare.
    fn of(&self, query: SessionsOf<'_>, counts: impl Fn(&Record) -> bool) -> Vec<(SessionKey, Arc<Record>)> {
        let mut found = Vec::new();
        self.sessions.each(query.now_ms, |name, slot| {
            if let Some(record) = slot.record()
                && record.principal.as_ref() == Some(query.principal)
                && counts(record)
                && let Some(key) = SessionKey::stored(name)
            {
                found.push((key, Arc::clone(record)));
            }
        });
        found
    }

    pub(super) fn list(&self, query: SessionsOf<'_>) -> Vec<(SessionKey, Record)> {
        let _alone = self.several.write().unwrap_or_else(PoisonError::into_inner);
        let without_fields = |record: Arc<Record>| Record { fields: BTreeMap::new(), ..(*record).clone() };
        let alive = self.of(query, |record| query.lives(record));
        alive.into_iter().map(|(key, record)| (key, without_fields(record))).collect()
    }

    pub(super) fn end_some(&self, query: SessionsOf<'_>, which: SessionSelector<'_>) -> usize {
        let _alone = self.several.write().unwrap_or_else(PoisonError::into_inner);
        let follow = |key: &SessionKey| {
            let mut key = key.clone();
            while let Some(to) = self.where_to(&key, query.now_ms) {
                key = to;
            }
            key
        };
        let mut ends = self.of(query, |record| record.lives(query.lifetime, query.now_ms));
        let is_one = match which {
            SessionSelector::One(key) => {
                let one = follow(key);
                let other = ends.iter().find(|(key, _)| *key == one).and_then(|(_, record)| linked(record));
                ends.retain(|(key, _)| *key == one);
                // With the one that it was rotated from or to, as long as no client has confirmed that.
                if let Some(other) = other.filter(|other| !ends.is_empty() && self.is_linked(&one, other, query.now_ms))
                {
                    self.sessions.remove(other.as_str());
                }
                true
            }
            SessionSelector::Others(keep) => {
                let keep = follow(keep);
                ends.retain(|(key, record)| {
                    // The old key of the kept session redirects to it.
                    let is_old = record.replaced.as_ref().is_some_and(|replaced| replaced.by == keep);
                    if is_old {
                        let moved = || Slot::moved(&keep, query.now_ms).kept(query.lifetime);
                        self.sessions.update(key.as_str(), query.now_ms, |slot| (slot.and_then(|_| moved()), ()));
                    }
                    *key != keep && !is_old
                });
                false
            }
            SessionSelector::All => false,
        };
        ends.iter().for_each(|(key, _)| self.sessions.remove(key.as_str()));
        // One that was rotated a moment ago is there under both its keys, and counts once.
        let ended = ends.iter().filter(|(_, record)| record.replaced.is_none()).count();
        if is_one { ends.len().min(1) } else { ended }
    }
}
