use super::{
    Action, Commit, Committed, Confirm, Expect, Lifetime, Load, Loaded, Record, SessionKey, SessionStore, SessionsOf,
    Which,
    record::{MOVED_MS, Replaced},
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
    /// One that was rotated, and goes on until a request with the new id comes.
    Replaced {
        record: Arc<Record>,
        until_ms: u64,
    },
    Moved {
        to: SessionKey,
        until_ms: u64,
    },
}

impl Slot {
    /// The session, if there is one.
    fn record(&self) -> Option<&Arc<Record>> {
        match self {
            Self::Session(record) | Self::Replaced { record, .. } => Some(record),
            Self::Moved { .. } => None,
        }
    }

    /// With the time until which it is kept.
    fn kept(self, lifetime: Lifetime) -> Option<(Self, u64)> {
        let until_ms = match &self {
            Self::Session(record) => record.ends_ms(lifetime),
            Self::Replaced { until_ms, .. } | Self::Moved { until_ms, .. } => *until_ms,
        };
        Some((self, until_ms))
    }

    fn moved(to: &SessionKey, now_ms: u64) -> Self {
        Self::Moved { to: to.clone(), until_ms: now_ms.saturating_add(MOVED_MS) }
    }
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

    fn write(&self, key: &SessionKey, commit: &Commit) -> Committed {
        let alone = !matches!(commit.action, Action::Create | Action::Update | Action::Destroy)
            || commit.linked.is_some()
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
            Action::Update => self.change(key, key, commit, false),
            Action::Rotate { to } => {
                // One that is there already is this one, whose answer was lost.
                match self.peek(to, commit.now_ms) {
                    Loaded::Absent => self.change(key, to, commit, false),
                    _ => self.change_again(to, commit),
                }
            }
        }
    }

    fn begin(&self, key: &SessionKey, commit: &Commit, created_ms: u64) -> Committed {
        let mut record = Record::new(created_ms, 0, BTreeMap::new());
        record.seen_ms = commit.now_ms;
        record.apply(commit, commit.set.iter().cloned());
        if !record.lives(commit.lifetime, commit.now_ms) {
            return Committed::Gone;
        }
        let begun = self.sessions.update(key.as_str(), commit.now_ms, |slot| match slot {
            None => (Slot::Session(Arc::new(record)).kept(commit.lifetime), true),
            Some(taken) => (taken.kept(commit.lifetime), false),
        });
        if begun { Committed::Done } else { Committed::Gone }
    }

    fn finish(&self, key: &SessionKey, commit: &Commit) -> Committed {
        let other = commit.linked.as_ref().filter(|other| self.is_linked(key, other, commit.now_ms));
        let done = self.finish_one(key, commit);
        if let (Committed::Done, Some(other)) = (&done, other) {
            self.sessions.remove(other.as_str());
        }
        done
    }

    /// Whether both are sides of one rotation: one that was restored goes its own way.
    fn is_linked(&self, key: &SessionKey, other: &SessionKey, now_ms: u64) -> bool {
        let is_replaced = |key: &SessionKey, by: Option<&SessionKey>| {
            self.look(key.as_str(), now_ms, |slot| {
                let replaced = slot.and_then(Slot::record).and_then(|record| record.replaced.as_ref());
                replaced.is_some_and(|replaced| by.is_none_or(|by| replaced.by == *by))
            })
        };
        // An old one may have been rotated once more: it ends with whichever of the new ones ends.
        is_replaced(key, Some(other)) || is_replaced(other, None)
    }

    fn finish_one(&self, key: &SessionKey, commit: &Commit) -> Committed {
        self.sessions.update(key.as_str(), commit.now_ms, |slot| match slot {
            Some(Slot::Moved { to, until_ms }) => {
                let committed = Committed::moved(to.clone());
                (Some((Slot::Moved { to, until_ms }, until_ms)), committed)
            }
            Some(slot) => match slot.record().and_then(|record| linked(record)) {
                // Of a rotation that no client has confirmed, both sides end in one step.
                Some(with) if commit.linked.as_ref() != Some(&with) => {
                    (slot.kept(commit.lifetime), Committed::linked(with))
                }
                _ => (None, Committed::Done),
            },
            None => (None, Committed::Done),
        })
    }

    /// Changes a session that is there, under its key or another one. `again` where a rotation was done before.
    fn change(&self, key: &SessionKey, to: &SessionKey, commit: &Commit, again: bool) -> Committed {
        let Commit { now_ms, lifetime, .. } = *commit;
        let rotates = key != to;
        enum End {
            Answer(Committed),
            Moves(Arc<Record>),
        }
        let end = self.sessions.update(key.as_str(), now_ms, |slot| {
            let answer = |slot: Option<Slot>, answer| (slot.and_then(|slot| slot.kept(lifetime)), End::Answer(answer));
            let slot = match slot {
                None => return answer(None, Committed::Gone),
                Some(Slot::Moved { to: went, until_ms }) => {
                    // To where this one went before, and where nothing is any more.
                    let ended = rotates && went == *to;
                    let committed = if ended { Committed::Gone } else { Committed::moved(went.clone()) };
                    return answer(Some(Slot::Moved { to: went, until_ms }), committed);
                }
                Some(slot) => slot,
            };
            let Some(record) = slot.record().filter(|record| record.lives(lifetime, now_ms)) else {
                return answer(None, Committed::Gone);
            };
            if let Some(replaced) = &record.replaced {
                if rotates && replaced.by == *to {
                    return answer(Some(slot), Committed::Gone);
                }
                let is_late = commit.since_ms <= replaced.at_ms && !replaced.is_recent(now_ms);
                let is_moved = if rotates { is_late } else { replaced.is_recent(commit.since_ms) };
                if is_moved {
                    let moved = Committed::moved(replaced.by.clone());
                    return answer(Some(slot), moved);
                }
            }
            let asks = rotates || commit.new_principal.is_some() || commit.own_lifetime.is_some();
            if asks && record.principal != commit.principal {
                let is = Committed::principal(record.principal.clone());
                return answer(Some(slot), is);
            }
            if !again && record.replaces.is_some() && (rotates || commit.unread.is_some()) {
                // The load ends the session that it was rotated from.
                return answer(Some(slot), Committed::Unread);
            }
            if !holds(&commit.expect, record) {
                return answer(Some(slot), Committed::Conflict);
            }
            if commit.unread.is_some_and(|limit| wants_a_look(record, commit, limit)) {
                return answer(Some(slot), Committed::Unread);
            }
            let (Slot::Session(mut record) | Slot::Replaced { mut record, .. }) = slot else {
                return answer(None, Committed::Gone);
            };
            // What is shared is copied: only a rotation with a grace has to share it.
            let old = (rotates && commit.grace_ms > 0).then(|| Arc::clone(&record));
            let changed = Arc::make_mut(&mut record);
            changed.replaced = None;
            let is_touch = changed.is_touch(lifetime, now_ms);
            changed.apply(commit, commit.set.iter().cloned());
            if again {
                // The first time has raised it.
                changed.version -= 1;
                if commit.is_login() {
                    changed.created_ms = now_ms;
                }
            }
            if rotates || is_touch {
                changed.seen_ms = now_ms;
            }
            if !changed.lives(lifetime, now_ms) {
                return answer(None, Committed::Gone);
            }
            if !rotates {
                return answer(Some(Slot::Session(record)), Committed::Done);
            }
            let left = match old {
                Some(mut old) => {
                    changed.replaces = Some(key.clone());
                    // As long as other requests may be on their way, whatever is set.
                    let grace_ms = commit.grace_ms.max(MOVED_MS);
                    let until_ms = old.ends_ms(lifetime).min(now_ms.saturating_add(grace_ms));
                    Arc::make_mut(&mut old).replaced = Some(Replaced::new(to.clone(), now_ms));
                    Slot::Replaced { record: old, until_ms }
                }
                None => Slot::moved(to, now_ms),
            };
            (left.kept(lifetime), End::Moves(record))
        });
        match end {
            End::Answer(answer) => answer,
            End::Moves(record) => {
                self.sessions.update(to.as_str(), now_ms, |_| (Slot::Session(record).kept(lifetime), ()));
                Committed::Done
            }
        }
    }

    /// A rotation whose answer was lost: what is in it now is written where it went.
    fn change_again(&self, to: &SessionKey, commit: &Commit) -> Committed {
        let mut again = commit.clone();
        again.expect.version = None;
        again.action = Action::Update;
        self.change(to, to, &again, true)
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

    fn peek(&self, key: &SessionKey, now_ms: u64) -> Loaded {
        self.look(key.as_str(), now_ms, |slot| match slot {
            Some(Slot::Moved { .. }) => Loaded::Moved,
            Some(slot) => slot.record().map_or(Loaded::Absent, |record| Loaded::Found(Arc::clone(record))),
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

    /// The sessions of a principal. They are looked for among all: it is rare that anybody asks.
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

    fn list(&self, query: SessionsOf<'_>) -> Vec<(SessionKey, Record)> {
        let _alone = self.several.write().unwrap_or_else(PoisonError::into_inner);
        let without_fields = |record: Arc<Record>| Record { fields: BTreeMap::new(), ..(*record).clone() };
        let alive = self.of(query, |record| query.lives(record));
        alive.into_iter().map(|(key, record)| (key, without_fields(record))).collect()
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
        let mut ends = self.of(query, |record| record.lives(query.lifetime, query.now_ms));
        let is_one = match which {
            Which::One(key) => {
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
            Which::Others(keep) => {
                let keep = follow(keep);
                ends.retain(|(key, record)| {
                    // The kept session's own old key says where it went.
                    let is_old = record.replaced.as_ref().is_some_and(|replaced| replaced.by == keep);
                    if is_old {
                        let moved = || Slot::moved(&keep, query.now_ms).kept(query.lifetime);
                        self.sessions.update(key.as_str(), query.now_ms, |slot| (slot.and_then(|_| moved()), ()));
                    }
                    *key != keep && !is_old
                });
                false
            }
            Which::All => false,
        };
        ends.iter().for_each(|(key, _)| self.sessions.remove(key.as_str()));
        // One that was rotated a moment ago is there under both its keys, and counts once.
        let ended = ends.iter().filter(|(_, record)| record.replaced.is_none()).count();
        if is_one { ends.len().min(1) } else { ended }
    }
}

/// The other side of a rotation that no client has confirmed.
fn linked(record: &Record) -> Option<SessionKey> {
    record.replaced.as_ref().map(|replaced| replaced.by.clone()).or_else(|| record.replaces.clone())
}

/// A session that goes on under its old key.
fn restored(mut record: Arc<Record>, now_ms: u64) -> Arc<Record> {
    let session = Arc::make_mut(&mut record);
    (session.replaced, session.seen_ms) = (None, now_ms);
    record
}

fn holds(expect: &Expect, record: &Record) -> bool {
    let version = expect.version.is_none_or(|version| version == record.version);
    version && expect.fields.iter().all(|(name, text)| record.fields.get(name) == text.as_ref())
}

/// Whether a session that was not loaded has to be.
fn wants_a_look(record: &Record, commit: &Commit, limit: usize) -> bool {
    let own = commit.set.iter().map(|(name, text)| name.len() + text.len()).sum::<usize>();
    let rest = record.size_without(|name| commit.set.iter().any(|(set, _)| set == name));
    own + rest > limit || record.is_touch(commit.lifetime, commit.now_ms)
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

    fn confirm<'a>(&'a self, confirm: Confirm<'a>) -> BoxFuture<'a, Result<(), Error>> {
        self.confirmed(confirm);
        Box::pin(ready(Ok(())))
    }

    fn sessions_of<'a>(&'a self, query: SessionsOf<'a>) -> BoxFuture<'a, Result<Vec<(SessionKey, Record)>, Error>> {
        Box::pin(ready(Ok(self.list(query))))
    }

    fn end<'a>(&'a self, query: SessionsOf<'a>, which: Which<'a>) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(ready(Ok(self.end_some(query, which))))
    }
}
