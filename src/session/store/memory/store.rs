use super::{
    super::{
        Commit, CommitOutcome, Confirm, Load, Loaded, MOVED_MS, Record, SessionSelector, SessionStore, SessionsOf,
    },
    slot::{Slot, restored},
};
use crate::{
    Error,
    expiring_map::{ExpiringMap, Name},
    session::SessionKey,
};
use futures_core::future::BoxFuture;
use std::{
    future::ready,
    sync::{Arc, PoisonError, RwLock},
};

/// Sessions in the memory of this process, bounded in number. They end with the process.
///
/// When it is full, the sessions that would expire soonest are given up.
///
/// ```
/// use axum_upstash::session::{KeyRing, SessionLayer, store::MemorySessionStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let layer = SessionLayer::new(MemorySessionStore::new(), KeyRing::random()?);
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MemorySessionStore {
    pub(super) sessions: ExpiringMap<Slot>,
    /// What writes more than one entry is alone.
    pub(super) several: RwLock<()>,
}

impl MemorySessionStore {
    /// A store for 100 000 sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(100_000)
    }

    /// A store for `sessions` sessions.
    #[must_use]
    pub fn with_capacity(sessions: usize) -> Self {
        Self { sessions: ExpiringMap::new(sessions), several: RwLock::new(()) }
    }

    fn read(&self, Load { key, lifetime, since_ms, now_ms, others }: Load<'_>) -> Loaded {
        self.sessions.update(key.as_str(), now_ms, |slot| match slot {
            Some(moved @ Slot::Moved { .. }) => (moved.kept(lifetime), Loaded::Moved),
            None => (None, Loaded::Absent),
            Some(slot) if slot.record().is_none_or(|record| !record.lives(lifetime, now_ms)) => (None, Loaded::Absent),
            Some(Slot::Session(mut record)) => {
                // Shared: most requests write nothing.
                let found = Arc::clone(&record);
                if record.is_touch(lifetime, now_ms) {
                    Arc::make_mut(&mut record).seen_ms = now_ms;
                }
                (Slot::Session(record).kept(lifetime), Loaded::Found(found))
            }
            Some(Slot::Replaced { record, until_ms }) => {
                if record.replaced.as_ref().is_some_and(|replaced| others.contains(&replaced.by)) {
                    // The client has the new id as well: it counts.
                    return (Slot::Replaced { record, until_ms }.kept(lifetime), Loaded::Moved);
                }
                if let Some(replaced) = record.replaced.as_ref().filter(|replaced| replaced.is_recent(since_ms)) {
                    let is_used = since_ms >= replaced.at_ms;
                    let found = Loaded::Found(Arc::clone(&record));
                    if !is_used {
                        return (Slot::Replaced { record, until_ms }.kept(lifetime), found);
                    }
                    // The client may have no other id: it is kept for longer than the grace.
                    let mut record = record;
                    Arc::make_mut(&mut record).seen_ms = now_ms;
                    let until_ms = record.ends_ms(lifetime);
                    return (Slot::Replaced { record, until_ms }.kept(lifetime), found);
                }
                // The client came with the old id although it had time for the new one: it never got that.
                let restored = restored(record, now_ms);
                let found = Loaded::Found(Arc::clone(&restored));
                (Slot::Session(restored).kept(lifetime), found)
            }
        })
    }

    fn confirmed(&self, Confirm { key, replaces, now_ms, .. }: Confirm<'_>) {
        let _alone = self.several.write().unwrap_or_else(PoisonError::into_inner);
        // Their lifetimes do not change: they are kept for as long as they were.
        let confirmed = self.sessions.edit(key.as_str(), now_ms, |slot| match slot {
            Slot::Session(record) | Slot::Replaced { record, .. } if record.replaces.as_ref() == Some(replaces) => {
                Arc::make_mut(record).replaces = None;
                true
            }
            _ => false,
        });
        if confirmed == Some(true) {
            self.sessions.update(replaces.as_str(), now_ms, |slot| {
                let moved = slot.map(|_| Slot::moved(key, now_ms));
                (moved.map(|moved| (moved, now_ms.saturating_add(MOVED_MS))), ())
            });
        }
    }

    pub(super) fn peek(&self, key: &SessionKey, now_ms: u64) -> Loaded {
        self.look(key.as_str(), now_ms, |slot| match slot {
            Some(Slot::Moved { .. }) => Loaded::Moved,
            Some(slot) => slot.record().map_or(Loaded::Absent, |record| Loaded::Found(Arc::clone(record))),
            None => Loaded::Absent,
        })
    }

    pub(super) fn where_to(&self, key: &SessionKey, now_ms: u64) -> Option<SessionKey> {
        self.look(key.as_str(), now_ms, |slot| match slot {
            Some(Slot::Moved { to, .. }) => Some(to.clone()),
            _ => None,
        })
    }

    pub(super) fn look<R>(&self, key: &str, now_ms: u64, read: impl FnOnce(Option<&Slot>) -> R) -> R {
        self.sessions.look(Name::from(key), now_ms, read)
    }
}

impl Default for MemorySessionStore {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionStore for MemorySessionStore {
    fn load<'a>(&'a self, load: Load<'a>) -> BoxFuture<'a, Result<Loaded, Error>> {
        Box::pin(ready(Ok(self.read(load))))
    }

    fn commit<'a>(&'a self, key: &'a SessionKey, commit: &'a Commit) -> BoxFuture<'a, Result<CommitOutcome, Error>> {
        Box::pin(ready(Ok(self.write(key, commit))))
    }

    fn confirm<'a>(&'a self, confirm: Confirm<'a>) -> BoxFuture<'a, Result<(), Error>> {
        self.confirmed(confirm);
        Box::pin(ready(Ok(())))
    }

    fn sessions_of<'a>(&'a self, query: SessionsOf<'a>) -> BoxFuture<'a, Result<Vec<(SessionKey, Record)>, Error>> {
        Box::pin(ready(Ok(self.list(query))))
    }

    fn end<'a>(&'a self, query: SessionsOf<'a>, which: SessionSelector<'a>) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(ready(Ok(self.end_some(query, which))))
    }
}
