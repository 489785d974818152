use super::{Action, Commit, Committed, Load, Loaded, Record, SessionKey, SessionStore, record::MOVED_MS};
use crate::{Error, expiring_map::ExpiringMap};
use futures_core::future::BoxFuture;
use std::{
    collections::BTreeMap,
    future::ready,
    sync::{PoisonError, RwLock},
};

/// Sessions in the memory of this process, bounded in number. They end with the process.
///
/// When it is full, the sessions that would expire soonest are given up.
#[derive(Debug)]
pub struct MemoryStore {
    sessions: ExpiringMap<Slot>,
    /// A rotation writes two entries; nobody else writes between them.
    rotation: RwLock<()>,
}

enum Slot {
    Session(Record),
    Moved { to: SessionKey, until_ms: u64 },
}

impl MemoryStore {
    /// A store for 100 000 sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(100_000)
    }

    /// A store for `sessions` sessions.
    #[must_use]
    pub fn with_capacity(sessions: usize) -> Self {
        Self { sessions: ExpiringMap::new(sessions), rotation: RwLock::new(()) }
    }

    fn read(&self, Load { key, lifetime, now_ms }: Load<'_>) -> Loaded {
        self.sessions.update(key.as_str(), now_ms, |slot| match slot {
            Some(Slot::Session(record)) => match lifetime.left_ms(record.created_ms, now_ms) {
                Some(left) => (Some((Slot::Session(record.clone()), now_ms + left)), Loaded::Found(record)),
                None => (None, Loaded::Absent),
            },
            Some(Slot::Moved { to, until_ms }) => (Some((Slot::Moved { to, until_ms }, until_ms)), Loaded::Moved),
            None => (None, Loaded::Absent),
        })
    }

    fn write(&self, key: &SessionKey, commit: &Commit) -> Committed {
        let now_ms = commit.now_ms;
        let change = |slot: Option<Slot>| match (slot, &commit.action) {
            (Some(Slot::Moved { to, until_ms }), _) => {
                let committed = Committed::moved(to.clone());
                (Some((Slot::Moved { to, until_ms }, until_ms)), committed, None)
            }
            (_, Action::Destroy) => (None, Committed::Done, None),
            (None, Action::Create) => apply(Record::new(now_ms, 0, BTreeMap::new()), commit),
            (Some(taken), Action::Create) => {
                // Its own lifetime is not known here; a collision of 192 random bits is not worth knowing it.
                (Some((taken, now_ms + commit.lifetime.idle_ms)), Committed::Gone, None)
            }
            (Some(Slot::Session(record)), Action::Update | Action::Rotate { .. }) => apply(record, commit),
            (None, Action::Update | Action::Rotate { .. }) => (None, Committed::Gone, None),
        };
        // Held, whichever it is, until all is written.
        let (_alone, _shared) = match commit.action {
            Action::Rotate { .. } => (Some(self.rotation.write().unwrap_or_else(PoisonError::into_inner)), None),
            _ => (None, Some(self.rotation.read().unwrap_or_else(PoisonError::into_inner))),
        };
        let (committed, moved) = self.sessions.update(key.as_str(), now_ms, |slot| {
            let (kept, committed, moved) = change(slot);
            (kept, (committed, moved))
        });
        if let Some((to, record, expires_ms)) = moved {
            self.sessions.update(to.as_str(), now_ms, |_| (Some((Slot::Session(record), expires_ms)), ()));
        }
        committed
    }
}

type Kept = Option<(Slot, u64)>;
type Moved<'a> = Option<(&'a SessionKey, Record, u64)>;

/// What stays at the key, the answer, and what goes on at another key.
fn apply(mut record: Record, commit: &Commit) -> (Kept, Committed, Moved<'_>) {
    let Some(left) = commit.lifetime.left_ms(record.created_ms, commit.now_ms) else {
        return (None, Committed::Gone, None);
    };
    record.version += 1;
    record.fields.extend(commit.set.iter().cloned());
    for name in &commit.remove {
        record.fields.remove(name);
    }
    let expires_ms = commit.now_ms + left;
    match &commit.action {
        Action::Rotate { to } => {
            let until_ms = commit.now_ms + MOVED_MS;
            let moved = Slot::Moved { to: to.clone(), until_ms };
            (Some((moved, until_ms)), Committed::Done, Some((to, record, expires_ms)))
        }
        _ => (Some((Slot::Session(record), expires_ms)), Committed::Done, None),
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionStore for MemoryStore {
    fn load<'a>(&'a self, load: Load<'a>) -> BoxFuture<'a, Result<Loaded, Error>> {
        Box::pin(ready(Ok(self.read(load))))
    }

    fn commit<'a>(&'a self, key: &'a SessionKey, commit: &'a Commit) -> BoxFuture<'a, Result<Committed, Error>> {
        Box::pin(ready(Ok(self.write(key, commit))))
    }
}
