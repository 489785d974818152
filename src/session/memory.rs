use super::{
    Action, Commit, Committed, Expect, Load, Loaded, Record, SessionKey, SessionStore, SessionsOf, Which,
    record::MOVED_MS,
};
use crate::{
    Error,
    expiring_map::{ExpiringMap, Name, Spare},
};
use futures_core::future::BoxFuture;
use std::{
    collections::BTreeMap,
    future::ready,
    sync::{Arc, PoisonError, RwLock},
};

/// Sessions in the memory of this process, bounded in number. They end with the process.
///
/// When it is full, the sessions that would expire soonest are given up.
#[derive(Debug)]
pub struct MemoryStore {
    sessions: ExpiringMap<Slot>,
    /// What writes more than one entry is alone.
    several: RwLock<()>,
}

enum Slot {
    Session(Arc<Record>),
    Moved { to: SessionKey, until_ms: u64 },
}

impl Spare for Slot {}

impl MemoryStore {
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

    fn read(&self, Load { key, lifetime, now_ms }: Load<'_>) -> Loaded {
        self.sessions.update(key.as_str(), now_ms, |slot| match slot {
            Some(Slot::Session(mut record)) => {
                if lifetime.left_ms(record.created_ms, now_ms).is_none() || lifetime.is_idle(record.seen_ms, now_ms) {
                    return (None, Loaded::Absent);
                }
                // Shared: most requests write nothing.
                let found = Arc::clone(&record);
                if lifetime.is_touch(record.seen_ms, now_ms) {
                    Arc::make_mut(&mut record).seen_ms = now_ms;
                }
                let ends = record.ends_ms(lifetime);
                (Some((Slot::Session(record), ends)), Loaded::Found(found))
            }
            Some(moved @ Slot::Moved { until_ms, .. }) => (Some((moved, until_ms)), Loaded::Moved),
            None => (None, Loaded::Absent),
        })
    }

    fn write(&self, key: &SessionKey, commit: &Commit) -> Committed {
        let alone = !matches!(commit.action, Action::Create | Action::Update | Action::Destroy)
            || commit.principal.is_some()
            || commit.new_principal.is_some();
        // Held, whichever it is, until all is written.
        let (_alone, _shared) = if alone {
            (Some(self.several.write().unwrap_or_else(PoisonError::into_inner)), None)
        } else {
            (None, Some(self.several.read().unwrap_or_else(PoisonError::into_inner)))
        };
        match &commit.action {
            Action::Create => self.begin(key, commit, commit.now_ms),
            Action::Fork { of, afresh } => match self.peek(of, commit.now_ms) {
                Loaded::Found(_) if *afresh => self.begin(key, commit, commit.now_ms),
                // What is known is known of this session, in this state and for as long as it lives.
                Loaded::Found(other) if other.principal == commit.principal => {
                    self.begin(key, commit, other.created_ms)
                }
                Loaded::Found(_) | Loaded::Absent => Committed::Gone,
                Loaded::Moved => self.where_to(of, commit.now_ms).map_or(Committed::Gone, Committed::moved),
            },
            Action::Replace { by } => match self.finish(key, commit) {
                Committed::Done => self.begin(by, commit, commit.now_ms),
                other => other,
            },
            Action::Destroy => self.finish(key, commit),
            Action::Update => self.change(key, key, commit),
            Action::Rotate { to } => self.change(key, to, commit),
        }
    }

    fn begin(&self, key: &SessionKey, commit: &Commit, created_ms: u64) -> Committed {
        if commit.lifetime.left_ms(created_ms, commit.now_ms).is_none() {
            return Committed::Gone;
        }
        let mut record = Record::new(created_ms, 0, BTreeMap::new());
        record.seen_ms = commit.now_ms;
        apply(&mut record, commit);
        let ends = record.ends_ms(commit.lifetime);
        let begun = self.sessions.update(key.as_str(), commit.now_ms, |slot| match slot {
            None => (Some((Slot::Session(Arc::new(record)), ends)), true),
            Some(taken) => {
                let ends = end_of(&taken, commit);
                (Some((taken, ends)), false)
            }
        });
        if begun { Committed::Done } else { Committed::Gone }
    }

    fn finish(&self, key: &SessionKey, commit: &Commit) -> Committed {
        self.sessions.update(key.as_str(), commit.now_ms, |slot| match slot {
            Some(Slot::Moved { to, until_ms }) => {
                let committed = Committed::moved(to.clone());
                (Some((Slot::Moved { to, until_ms }, until_ms)), committed)
            }
            Some(Slot::Session(_)) | None => (None, Committed::Done),
        })
    }

    /// Changes a session that is there, under its key or another one.
    fn change(&self, key: &SessionKey, to: &SessionKey, commit: &Commit) -> Committed {
        let now_ms = commit.now_ms;
        let rotates = key != to;
        enum End {
            Answer(Committed),
            /// This one, whose answer was lost: what is in it now is written where it went.
            Again,
            Moves(Arc<Record>, u64),
        }
        let end = self.sessions.update(key.as_str(), now_ms, |slot| match slot {
            Some(Slot::Moved { to: went, until_ms }) => {
                let end = if rotates && went == *to { End::Again } else { End::Answer(Committed::moved(went.clone())) };
                (Some((Slot::Moved { to: went, until_ms }, until_ms)), end)
            }
            None => (None, End::Answer(Committed::Gone)),
            Some(Slot::Session(mut record)) => {
                let over = commit.lifetime.left_ms(record.created_ms, now_ms).is_none();
                if over || commit.lifetime.is_idle(record.seen_ms, now_ms) {
                    return (None, End::Answer(Committed::Gone));
                }
                let ends = record.ends_ms(commit.lifetime);
                if (rotates || commit.new_principal.is_some()) && record.principal != commit.principal {
                    let answer = Committed::principal(record.principal.clone());
                    return (Some((Slot::Session(record), ends)), End::Answer(answer));
                }
                if !holds(&commit.expect, &record) {
                    return (Some((Slot::Session(record), ends)), End::Answer(Committed::Conflict));
                }
                if commit.unread.is_some_and(|limit| wants_a_look(&record, commit, limit)) {
                    return (Some((Slot::Session(record), ends)), End::Answer(Committed::Unread));
                }
                let changed = Arc::make_mut(&mut record);
                apply(changed, commit);
                if rotates || commit.lifetime.is_touch(changed.seen_ms, now_ms) {
                    changed.seen_ms = now_ms;
                }
                let ends = changed.ends_ms(commit.lifetime);
                if rotates {
                    let until_ms = now_ms + MOVED_MS;
                    (Some((Slot::Moved { to: to.clone(), until_ms }, until_ms)), End::Moves(record, ends))
                } else {
                    (Some((Slot::Session(record), ends)), End::Answer(Committed::Done))
                }
            }
        });
        match end {
            End::Answer(answer) => answer,
            End::Again => {
                let mut again = commit.clone();
                again.expect.version = None;
                self.change(to, to, &again)
            }
            End::Moves(record, ends) => {
                self.sessions.update(to.as_str(), now_ms, |_| (Some((Slot::Session(record), ends)), ()));
                Committed::Done
            }
        }
    }

    fn peek(&self, key: &SessionKey, now_ms: u64) -> Loaded {
        self.look(key.as_str(), now_ms, |slot| match slot {
            Some(Slot::Session(record)) => Loaded::Found(Arc::clone(record)),
            Some(Slot::Moved { .. }) => Loaded::Moved,
            None => Loaded::Absent,
        })
    }

    fn where_to(&self, key: &SessionKey, now_ms: u64) -> Option<SessionKey> {
        self.look(key.as_str(), now_ms, |slot| match slot {
            Some(Slot::Moved { to, .. }) => Some(to.clone()),
            _ => None,
        })
    }

    fn look<R>(&self, key: &str, now_ms: u64, read: impl FnOnce(Option<&Slot>) -> R) -> R {
        self.sessions.look(Name::from(key), now_ms, read)
    }

    /// The sessions of somebody. They are looked for among all: it is rare that anybody asks.
    fn of(&self, query: SessionsOf<'_>) -> Vec<(SessionKey, Record)> {
        let mut found = Vec::new();
        self.sessions.each(query.now_ms, |name, slot| {
            if let Slot::Session(record) = slot
                && record.principal.as_ref() == Some(query.principal)
                && query.lives(record)
                && let Some(key) = SessionKey::stored(name)
            {
                let mut record = (**record).clone();
                record.fields.clear();
                found.push((key, record));
            }
        });
        found
    }

    fn list(&self, query: SessionsOf<'_>) -> Vec<(SessionKey, Record)> {
        let _alone = self.several.write().unwrap_or_else(PoisonError::into_inner);
        self.of(query)
    }

    fn end_some(&self, query: SessionsOf<'_>, which: Which<'_>) -> usize {
        let _alone = self.several.write().unwrap_or_else(PoisonError::into_inner);
        let follow = |key: &SessionKey| {
            let mut key = key.clone();
            while let Some(to) = self.where_to(&key, query.now_ms) {
                key = to;
            }
            key
        };
        let mut ends: Vec<SessionKey> = self.of(query).into_iter().map(|(key, _)| key).collect();
        match which {
            Which::One(key) => {
                let one = follow(key);
                ends.retain(|key| *key == one);
            }
            Which::Others(keep) => {
                let keep = follow(keep);
                ends.retain(|key| *key != keep);
            }
            Which::All => {}
        }
        ends.iter().for_each(|key| self.sessions.remove(key.as_str()));
        ends.len()
    }
}

/// Until when what is there would be kept.
fn end_of(slot: &Slot, commit: &Commit) -> u64 {
    match slot {
        Slot::Moved { until_ms, .. } => *until_ms,
        Slot::Session(record) => record.ends_ms(commit.lifetime),
    }
}

fn holds(expect: &Expect, record: &Record) -> bool {
    let version = expect.version.is_none_or(|version| version == record.version);
    version && expect.fields.iter().all(|(name, text)| record.fields.get(name) == text.as_ref())
}

/// Whether a session that was not loaded has to be.
fn wants_a_look(record: &Record, commit: &Commit, limit: usize) -> bool {
    let own = commit.set.iter().map(|(name, text)| name.len() + text.len()).sum::<usize>();
    let rest = record.size_without(|name| commit.set.iter().any(|(set, _)| set == name));
    own + rest > limit || commit.lifetime.is_touch(record.seen_ms, commit.now_ms)
}

fn apply(record: &mut Record, commit: &Commit) {
    let Commit { set, remove, new_principal, details, .. } = commit;
    record.apply(set.iter().cloned(), remove, new_principal.clone(), details.clone());
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

    fn sessions_of<'a>(&'a self, query: SessionsOf<'a>) -> BoxFuture<'a, Result<Vec<(SessionKey, Record)>, Error>> {
        Box::pin(ready(Ok(self.list(query))))
    }

    fn end<'a>(&'a self, query: SessionsOf<'a>, which: Which<'a>) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(ready(Ok(self.end_some(query, which))))
    }
}
