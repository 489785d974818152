use super::{
    Action, Commit, Committed, Expect, Load, Loaded, PrincipalKey, Record, SessionKey, SessionStore, SessionsOf, Which,
    record::MOVED_MS,
};
use crate::{
    Error,
    expiring_map::{ExpiringMap, Name},
};
use futures_core::future::BoxFuture;
use std::{
    collections::{BTreeMap, HashSet},
    future::ready,
    sync::{PoisonError, RwLock},
};

/// Sessions in the memory of this process, bounded in number. They end with the process.
///
/// When it is full, the sessions that would expire soonest are given up.
#[derive(Debug)]
pub struct MemoryStore {
    sessions: ExpiringMap<Slot>,
    /// The sessions of each principal; some may have ended.
    of: ExpiringMap<HashSet<SessionKey>>,
    /// What writes more than one entry is alone.
    several: RwLock<()>,
}

enum Slot {
    Session(Record),
    Moved { to: SessionKey, until_ms: u64 },
}

/// So many sessions of one principal are not worth a look at who of them is still there.
const MANY: usize = 64;

impl MemoryStore {
    /// A store for 100 000 sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(100_000)
    }

    /// A store for `sessions` sessions.
    #[must_use]
    pub fn with_capacity(sessions: usize) -> Self {
        Self { sessions: ExpiringMap::new(sessions), of: ExpiringMap::new(sessions), several: RwLock::new(()) }
    }

    fn read(&self, Load { key, lifetime, now_ms }: Load<'_>) -> Loaded {
        self.sessions.update(key.as_str(), now_ms, |slot| match slot {
            Some(Slot::Session(mut record)) => match lifetime.left_ms(record.created_ms, now_ms) {
                Some(left) => {
                    let found = record.clone();
                    record.seen_ms = record.seen_ms.max(now_ms);
                    (Some((Slot::Session(record), now_ms + left)), Loaded::Found(found))
                }
                None => (None, Loaded::Absent),
            },
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
            Action::Create => self.begin(key, commit),
            Action::Fork { of } => match self.peek(of, commit.now_ms) {
                Loaded::Found(_) => self.begin(key, commit),
                Loaded::Absent => Committed::Gone,
                Loaded::Moved => self.where_to(of, commit.now_ms).map_or(Committed::Gone, Committed::moved),
            },
            Action::Replace { by } => match self.finish(key, commit) {
                Committed::Done => self.begin(by, commit),
                other => other,
            },
            Action::Destroy => self.finish(key, commit),
            Action::Update => self.change(key, key, commit),
            Action::Rotate { to } => self.change(key, to, commit),
        }
    }

    fn begin(&self, key: &SessionKey, commit: &Commit) -> Committed {
        let Some(left) = commit.lifetime.left_ms(commit.now_ms, commit.now_ms) else { return Committed::Gone };
        let mut record = Record::new(commit.now_ms, 0, BTreeMap::new());
        apply(&mut record, commit);
        let belongs = record.principal.clone();
        let begun = self.sessions.update(key.as_str(), commit.now_ms, |slot| match slot {
            None => (Some((Slot::Session(record), commit.now_ms + left)), true),
            Some(taken) => {
                let ends = end_of(&taken, commit);
                (Some((taken, ends)), false)
            }
        });
        if !begun {
            return Committed::Gone;
        }
        self.enlist(key, belongs, commit);
        Committed::Done
    }

    fn finish(&self, key: &SessionKey, commit: &Commit) -> Committed {
        let (committed, was) = self.sessions.update(key.as_str(), commit.now_ms, |slot| match slot {
            Some(Slot::Moved { to, until_ms }) => {
                let committed = Committed::moved(to.clone());
                (Some((Slot::Moved { to, until_ms }, until_ms)), (committed, None))
            }
            Some(Slot::Session(record)) => (None, (Committed::Done, record.principal)),
            None => (None, (Committed::Done, None)),
        });
        if let (Some(principal), true) = (was, commit.principal.is_some()) {
            self.delist(key, &principal, commit.now_ms);
        }
        committed
    }

    /// Changes a session that is there, under its key or another one.
    fn change(&self, key: &SessionKey, to: &SessionKey, commit: &Commit) -> Committed {
        let now_ms = commit.now_ms;
        let rotates = key != to;
        enum End {
            Answer(Committed),
            Changed(Record, Option<PrincipalKey>, u64),
        }
        let end = self.sessions.update(key.as_str(), now_ms, |slot| match slot {
            Some(Slot::Moved { to: went, until_ms }) => {
                let same = rotates && went == *to;
                let answer = if same { Committed::Done } else { Committed::moved(went.clone()) };
                (Some((Slot::Moved { to: went, until_ms }, until_ms)), End::Answer(answer))
            }
            None => (None, End::Answer(Committed::Gone)),
            Some(Slot::Session(record)) => {
                let ends = end_of(&Slot::Session(record.clone()), commit);
                if (rotates || commit.new_principal.is_some()) && record.principal != commit.principal {
                    let answer = Committed::principal(record.principal.clone());
                    return (Some((Slot::Session(record), ends)), End::Answer(answer));
                }
                if !holds(&commit.expect, &record) {
                    return (Some((Slot::Session(record), ends)), End::Answer(Committed::Conflict));
                }
                let Some(left) = commit.lifetime.left_ms(record.created_ms, now_ms) else {
                    return (None, End::Answer(Committed::Gone));
                };
                let (was, mut changed) = (record.principal.clone(), record);
                apply(&mut changed, commit);
                let kept = if rotates {
                    (Slot::Moved { to: to.clone(), until_ms: now_ms + MOVED_MS }, now_ms + MOVED_MS)
                } else {
                    (Slot::Session(changed.clone()), now_ms + left)
                };
                (Some(kept), End::Changed(changed, was, now_ms + left))
            }
        });
        let (record, was, ends) = match end {
            End::Answer(answer) => return answer,
            End::Changed(record, was, ends) => (record, was, ends),
        };
        if rotates || record.principal != was {
            if let Some(was) = was {
                self.delist(key, &was, now_ms);
            }
            self.enlist(to, record.principal.clone(), commit);
        }
        if rotates {
            self.sessions.update(to.as_str(), now_ms, |_| (Some((Slot::Session(record), ends)), ()));
        }
        Committed::Done
    }

    fn peek(&self, key: &SessionKey, now_ms: u64) -> Loaded {
        self.look(key.as_str(), now_ms, |slot| match slot {
            Some(Slot::Session(record)) => Loaded::Found(record.clone()),
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

    fn enlist(&self, key: &SessionKey, principal: Option<PrincipalKey>, commit: &Commit) {
        let Some(principal) = principal else { return };
        let now_ms = commit.now_ms;
        let lasts = commit.lifetime.absolute_ms.unwrap_or(commit.lifetime.idle_ms);
        self.of.update(principal.as_str(), now_ms, |keys| {
            let mut keys = keys.unwrap_or_default();
            if keys.len() >= MANY {
                keys.retain(|key| !matches!(self.peek(key, now_ms), Loaded::Absent));
            }
            keys.insert(key.clone());
            (Some((keys, now_ms.saturating_add(lasts))), ())
        });
    }

    fn delist(&self, key: &SessionKey, principal: &PrincipalKey, now_ms: u64) {
        self.of.change(Name::from(principal.as_str()), now_ms, |keys| {
            keys.remove(key);
        });
    }

    fn list(&self, query: SessionsOf<'_>) -> Vec<(SessionKey, Record)> {
        let _alone = self.several.write().unwrap_or_else(PoisonError::into_inner);
        let keys = self.of.get(query.principal.as_str(), query.now_ms).unwrap_or_default();
        let alive = keys.into_iter().filter_map(|key| match self.peek(&key, query.now_ms) {
            Loaded::Found(record) if record.principal.as_ref() == Some(query.principal) => {
                query.lifetime.left_ms(record.created_ms, query.now_ms)?;
                Some((key, Record { fields: BTreeMap::new(), ..record }))
            }
            _ => None,
        });
        alive.collect()
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
        let all = || self.of.get(query.principal.as_str(), query.now_ms).unwrap_or_default();
        let ends: Vec<SessionKey> = match which {
            Which::One(key) => vec![follow(key)],
            Which::Others(keep) => {
                let keep = follow(keep);
                all().into_iter().filter(|key| *key != keep).collect()
            }
            Which::All => all().into_iter().collect(),
        };
        let mut ended = 0;
        for key in ends {
            self.delist(&key, query.principal, query.now_ms);
            ended += usize::from(matches!(self.peek(&key, query.now_ms), Loaded::Found(_)));
            self.sessions.remove(key.as_str());
        }
        ended
    }
}

/// Until when what is there would be kept.
fn end_of(slot: &Slot, commit: &Commit) -> u64 {
    match slot {
        Slot::Moved { until_ms, .. } => *until_ms,
        Slot::Session(record) => {
            let left = commit.lifetime.left_ms(record.created_ms, record.seen_ms).unwrap_or(0);
            record.seen_ms.saturating_add(left)
        }
    }
}

fn holds(expect: &Expect, record: &Record) -> bool {
    let version = expect.version.is_none_or(|version| version == record.version);
    version && expect.fields.iter().all(|(name, text)| record.fields.get(name) == text.as_ref())
}

fn apply(record: &mut Record, commit: &Commit) {
    record.version += 1;
    record.seen_ms = record.seen_ms.max(commit.now_ms);
    record.fields.extend(commit.set.iter().cloned());
    for name in &commit.remove {
        record.fields.remove(name);
    }
    if let Some(principal) = &commit.new_principal {
        record.principal.clone_from(principal);
    }
    if let Some(details) = &commit.details {
        record.details.clone_from(details);
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

    fn sessions_of<'a>(&'a self, query: SessionsOf<'a>) -> BoxFuture<'a, Result<Vec<(SessionKey, Record)>, Error>> {
        Box::pin(ready(Ok(self.list(query))))
    }

    fn end<'a>(&'a self, query: SessionsOf<'a>, which: Which<'a>) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(ready(Ok(self.end_some(query, which))))
    }
}
