use super::{Action, Commit, Committed, Lifetime, Record, SessionKey, SessionStore};
use crate::{Error, expiring_map::ExpiringMap};
use futures_core::future::BoxFuture;
use std::{collections::BTreeMap, future::ready};

/// Sessions in the memory of this process, bounded in number. They end with the process.
///
/// When it is full, the sessions that would expire soonest are given up.
#[derive(Debug)]
pub struct MemoryStore {
    sessions: ExpiringMap<Record>,
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
        Self { sessions: ExpiringMap::new(sessions) }
    }

    fn read(&self, key: &SessionKey, lifetime: Lifetime, now_ms: u64) -> Option<Record> {
        self.sessions.update(key.as_str(), now_ms, |record| {
            let left = record.as_ref().and_then(|record| lifetime.left_ms(record.created_ms, now_ms));
            match (record, left) {
                (Some(record), Some(left)) => (Some((record.clone(), now_ms + left)), Some(record)),
                _ => (None, None),
            }
        })
    }

    fn write(&self, key: &SessionKey, commit: &Commit) -> Committed {
        let now_ms = commit.now_ms;
        match &commit.action {
            Action::Create => self.sessions.update(key.as_str(), now_ms, |taken| match taken {
                // Its lifetime is not known here; a collision of 192 random bits is not worth knowing it.
                Some(record) => {
                    let left = commit.lifetime.idle_ms;
                    (Some((record, now_ms + left)), Committed::Gone)
                }
                None => apply(Record::new(now_ms, 0, BTreeMap::new()), commit),
            }),
            Action::Update => self.sessions.update(key.as_str(), now_ms, |record| match record {
                Some(record) => apply(record, commit),
                None => (None, Committed::Gone),
            }),
            Action::Rotate { to } => match self.sessions.update(key.as_str(), now_ms, |record| (None, record)) {
                Some(record) => self.sessions.update(to.as_str(), now_ms, |_| apply(record, commit)),
                None => Committed::Gone,
            },
            Action::Destroy => {
                self.sessions.remove(key.as_str());
                Committed::Done
            }
        }
    }
}

fn apply(mut record: Record, commit: &Commit) -> (Option<(Record, u64)>, Committed) {
    let Some(left) = commit.lifetime.left_ms(record.created_ms, commit.now_ms) else {
        return (None, Committed::Gone);
    };
    record.version += 1;
    record.fields.extend(commit.set.iter().cloned());
    for name in &commit.remove {
        record.fields.remove(name);
    }
    (Some((record, commit.now_ms + left)), Committed::Done)
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionStore for MemoryStore {
    fn load<'a>(
        &'a self,
        key: &'a SessionKey,
        lifetime: Lifetime,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<Option<Record>, Error>> {
        Box::pin(ready(Ok(self.read(key, lifetime, now_ms))))
    }

    fn commit<'a>(&'a self, key: &'a SessionKey, commit: Commit) -> BoxFuture<'a, Result<Committed, Error>> {
        Box::pin(ready(Ok(self.write(key, &commit))))
    }
}
