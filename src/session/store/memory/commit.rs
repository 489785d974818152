//! Writes: each is one step for those who look at the store meanwhile.

use super::{
    super::{Commit, CommitAction, CommitOutcome, Expect, Loaded, MOVED_MS, Record, Replaced},
    MemorySessionStore,
    slot::{Slot, linked},
};
use crate::session::SessionKey;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

impl MemorySessionStore {
    pub(super) fn write(&self, key: &SessionKey, commit: &Commit) -> CommitOutcome {
        let alone = !matches!(commit.action, CommitAction::Create | CommitAction::Update | CommitAction::Destroy)
            || commit.linked.is_some()
            || commit.principal.is_some()
            || !commit.new_principal.is_keep();
        // Held, whichever it is, until all is written.
        let (_alone, _shared) = if alone {
            (Some(self.several.write().unwrap_or_else(PoisonError::into_inner)), None)
        } else {
            (None, Some(self.several.read().unwrap_or_else(PoisonError::into_inner)))
        };
        match &commit.action {
            CommitAction::Create => self.begin(key, commit, commit.now_ms),
            CommitAction::Fork { of, afresh } => match self.peek(of, commit.now_ms) {
                Loaded::Found(_) if *afresh => self.begin(key, commit, commit.now_ms),
                // The principal applies to this session, in this state and for as long as it lives.
                Loaded::Found(other) if other.principal == commit.principal => {
                    self.begin(key, commit, other.created_ms)
                }
                Loaded::Found(_) | Loaded::Absent => CommitOutcome::Gone,
                Loaded::Moved => self.where_to(of, commit.now_ms).map_or(CommitOutcome::Gone, CommitOutcome::moved),
            },
            CommitAction::Replace { by } => match self.finish(key, commit) {
                CommitOutcome::Done => self.begin(by, commit, commit.now_ms),
                other => other,
            },
            CommitAction::Destroy => self.finish(key, commit),
            CommitAction::Update => self.change(key, key, commit, false),
            CommitAction::Rotate { to } => {
                // One that is there already is this one, whose answer was lost.
                match self.peek(to, commit.now_ms) {
                    Loaded::Absent => self.change(key, to, commit, false),
                    _ => self.change_again(to, commit),
                }
            }
        }
    }

    fn begin(&self, key: &SessionKey, commit: &Commit, created_ms: u64) -> CommitOutcome {
        let mut record = Record::begun(created_ms, 0, BTreeMap::new());
        record.seen_ms = commit.now_ms;
        record.apply(commit, commit.set.iter().cloned());
        if !record.lives(commit.lifetime, commit.now_ms) {
            return CommitOutcome::Gone;
        }
        let begun = self.sessions.update(key.as_str(), commit.now_ms, |slot| match slot {
            None => (Slot::Session(Arc::new(record)).kept(commit.lifetime), true),
            Some(taken) => (taken.kept(commit.lifetime), false),
        });
        if begun { CommitOutcome::Done } else { CommitOutcome::Gone }
    }

    fn finish(&self, key: &SessionKey, commit: &Commit) -> CommitOutcome {
        let other = commit.linked.as_ref().filter(|other| self.is_linked(key, other, commit.now_ms));
        let done = self.finish_one(key, commit);
        if let (CommitOutcome::Done, Some(other)) = (&done, other) {
            self.sessions.remove(other.as_str());
        }
        done
    }

    /// Whether both are sides of one rotation: one that was restored goes its own way.
    pub(super) fn is_linked(&self, key: &SessionKey, other: &SessionKey, now_ms: u64) -> bool {
        let is_replaced = |key: &SessionKey, by: Option<&SessionKey>| {
            self.look(key.as_str(), now_ms, |slot| {
                let replaced = slot.and_then(Slot::record).and_then(|record| record.replaced.as_ref());
                replaced.is_some_and(|replaced| by.is_none_or(|by| replaced.by == *by))
            })
        };
        // An old one may have been rotated once more: it ends with whichever of the new ones ends.
        is_replaced(key, Some(other)) || is_replaced(other, None)
    }

    fn finish_one(&self, key: &SessionKey, commit: &Commit) -> CommitOutcome {
        self.sessions.update(key.as_str(), commit.now_ms, |slot| match slot {
            Some(Slot::Moved { to, until_ms }) => {
                let committed = CommitOutcome::moved(to.clone());
                (Some((Slot::Moved { to, until_ms }, until_ms)), committed)
            }
            Some(slot) => match slot.record().and_then(|record| linked(record)) {
                // Of a rotation that no client has confirmed, both sides end in one step.
                Some(with) if commit.linked.as_ref() != Some(&with) => {
                    (slot.kept(commit.lifetime), CommitOutcome::linked(with))
                }
                _ => (None, CommitOutcome::Done),
            },
            None => (None, CommitOutcome::Done),
        })
    }

    /// Changes an existing session, under its key or another one. `again` if a rotation was done before.
    fn change(&self, key: &SessionKey, to: &SessionKey, commit: &Commit, again: bool) -> CommitOutcome {
        let Commit { now_ms, lifetime, .. } = *commit;
        let rotates = key != to;
        enum End {
            Answer(CommitOutcome),
            Moves(Arc<Record>),
        }
        let end = self.sessions.update(key.as_str(), now_ms, |slot| {
            let answer = |slot: Option<Slot>, answer| (slot.and_then(|slot| slot.kept(lifetime)), End::Answer(answer));
            let slot = match slot {
                None => return answer(None, CommitOutcome::Gone),
                Some(Slot::Moved { to: went, until_ms }) => {
                    // The target of the earlier rotation, which has ended.
                    let ended = rotates && went == *to;
                    let committed = if ended { CommitOutcome::Gone } else { CommitOutcome::moved(went.clone()) };
                    return answer(Some(Slot::Moved { to: went, until_ms }), committed);
                }
                Some(slot) => slot,
            };
            let Some(record) = slot.record().filter(|record| record.lives(lifetime, now_ms)) else {
                return answer(None, CommitOutcome::Gone);
            };
            if let Some(replaced) = &record.replaced {
                if rotates && replaced.by == *to {
                    return answer(Some(slot), CommitOutcome::Gone);
                }
                let is_late = commit.since_ms <= replaced.at_ms && !replaced.is_recent(now_ms);
                let is_moved = if rotates { is_late } else { replaced.is_recent(commit.since_ms) };
                if is_moved {
                    let moved = CommitOutcome::moved(replaced.by.clone());
                    return answer(Some(slot), moved);
                }
            }
            let asks = rotates || !commit.new_principal.is_keep() || !commit.own_lifetime.is_keep();
            if asks && record.principal != commit.principal {
                let is = CommitOutcome::principal(record.principal.clone());
                return answer(Some(slot), is);
            }
            if !again && record.replaces.is_some() && (rotates || commit.unread.is_some()) {
                // The load ends the session that it was rotated from.
                return answer(Some(slot), CommitOutcome::Unread);
            }
            if !holds(&commit.expect, record) {
                return answer(Some(slot), CommitOutcome::Conflict);
            }
            if commit.unread.is_some_and(|limit| wants_a_look(record, commit, limit)) {
                return answer(Some(slot), CommitOutcome::Unread);
            }
            let (Slot::Session(mut record) | Slot::Replaced { mut record, .. }) = slot else {
                return answer(None, CommitOutcome::Gone);
            };
            // The record is copied only if it is shared, as by a rotation with a grace.
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
                return answer(None, CommitOutcome::Gone);
            }
            if !rotates {
                return answer(Some(Slot::Session(record)), CommitOutcome::Done);
            }
            let left = match old {
                Some(mut old) => {
                    changed.replaces = Some(key.clone());
                    // As long as other requests may be on their way, whatever is set.
                    let grace_ms = commit.grace_ms.max(MOVED_MS);
                    let until_ms = old.ends_ms(lifetime).min(now_ms.saturating_add(grace_ms));
                    Arc::make_mut(&mut old).replaced = Some(Replaced { by: to.clone(), at_ms: now_ms });
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
                CommitOutcome::Done
            }
        }
    }

    /// A rotation whose answer was lost: the present contents are written to the session's new key.
    fn change_again(&self, to: &SessionKey, commit: &Commit) -> CommitOutcome {
        let mut again = commit.clone();
        again.expect.version = None;
        again.action = CommitAction::Update;
        self.change(to, to, &again, true)
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
    own + rest > limit || record.is_touch(commit.lifetime, commit.now_ms)
}
