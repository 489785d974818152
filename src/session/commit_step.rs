//! From changes to the commits that a store makes of them, one step after the other.

use super::{
    Lifetime, PrincipalKey, SessionError, SessionKey,
    changes::Changes,
    id::SessionId,
    store::{Change, Commit, CommitAction, CommitOutcome, Expect, MOVED_MS, Record},
};
use std::sync::Arc;

/// The facts of a session when its changes are committed.
pub(super) struct Known<'a> {
    pub(super) id: Option<&'a SessionId>,
    /// `None` if it was not loaded.
    pub(super) record: Option<&'a Arc<Record>>,
    pub(super) absent: bool,
    pub(super) moved: bool,
    /// The session outlives the response, so that no client can be told of a new id.
    pub(super) detached: bool,
}

impl Known<'_> {
    /// A session that was not loaded is taken to exist: the store will say otherwise.
    fn may_exist(&self) -> bool {
        !self.absent && !self.moved
    }

    fn principal(&self) -> Option<PrincipalKey> {
        self.record?.principal.clone()
    }

    fn version(&self, reject: bool) -> Option<u64> {
        self.record.filter(|_| reject).map(|record| record.version)
    }
}

/// The time and the rules of a commit.
#[derive(Clone, Copy)]
pub(super) struct When {
    pub(super) lifetime: Lifetime,
    pub(super) now_ms: u64,
    /// The time at which the request arrived.
    pub(super) since_ms: u64,
    /// The time for which a rotated session goes on beside the new one.
    pub(super) grace_ms: u64,
    /// A session that another request has changed since is a conflict.
    pub(super) reject: bool,
    pub(super) size_limit: usize,
}

/// One commit, and what follows from its outcome.
pub(super) struct CommitStep {
    pub(super) key: SessionKey,
    pub(super) commit: Commit,
    /// The session's id after the commit, if there is a session.
    pub(super) id: Option<SessionId>,
    /// The session before the commit.
    pub(super) known: Option<Arc<Record>>,
    /// The session was not loaded: if there is none, one begins.
    begins: bool,
}

/// What follows from the outcome of a step.
pub(super) enum Next {
    Done(Box<CommitStep>),
    Again(Box<CommitStep>),
    /// The session has to be loaded first.
    Unread,
    Failed(SessionError),
}

impl CommitStep {
    /// The first step for these changes: `None` if there is nothing to do.
    pub(super) fn first(
        changes: &mut Changes,
        known: &Known<'_>,
        when: When,
    ) -> Result<Option<Box<Self>>, SessionError> {
        let commit = |action| {
            let mut commit = Commit::at(action, when.lifetime, when.now_ms);
            commit.since_ms = when.since_ms;
            commit
        };
        let existing = known.id.filter(|_| known.may_exist());
        if changes.destroy {
            let Some(id) = existing.or(known.id.filter(|_| known.moved)) else {
                return if changes.begins() && !known.detached {
                    Self::create(changes, commit(CommitAction::Create)).map(Some)
                } else {
                    Ok(None)
                };
            };
            let begins = changes.begins() && !known.detached;
            let (action, next) = if begins {
                // An id whose answer was lost is taken.
                changes.next = None;
                let next = changes.next_id()?;
                (CommitAction::replace(next.key().clone()), Some(next))
            } else {
                (CommitAction::Destroy, None)
            };
            let mut commit = commit(action);
            commit.principal = known.principal();
            let commit = if begins { fill(changes, commit) } else { commit };
            return Ok(Some(Box::new(Self::new(id.key(), commit, next))));
        }
        match existing {
            Some(_) if changes.is_empty() => Ok(None),
            Some(id) => {
                let (action, id, key) = if changes.rotate {
                    let next = changes.next_id()?;
                    (CommitAction::rotate(next.key().clone()), next, id.key().clone())
                } else {
                    (CommitAction::Update, id.clone(), id.key().clone())
                };
                let mut commit = commit(action);
                commit.grace_ms = if changes.rotate { when.grace_ms } else { 0 };
                commit.principal = known.principal();
                commit.expect = Expect { version: known.version(when.reject), fields: changes.expect.clone() };
                let unread = changes.unread && known.record.is_none();
                commit.unread = unread.then_some(when.size_limit);
                // Only if it may have to begin anew.
                let begins = unread && !known.detached;
                let known = known.record.filter(|_| changes.rotate).cloned();
                Ok(Some(Box::new(Self { known, begins, ..Self::new(&key, fill(changes, commit), Some(id)) })))
            }
            None if !changes.begins() => Ok(None),
            // A new session's cookie would take the place of the one that the client has or will have.
            None if known.moved && !changes.rotate => Err(SessionError::Moved),
            None if known.detached => Err(SessionError::Gone),
            None => Self::create(changes, commit(CommitAction::Create)).map(Some),
        }
    }

    pub(super) fn new(key: &SessionKey, commit: Commit, id: Option<SessionId>) -> Self {
        Self { key: key.clone(), commit, id, known: None, begins: false }
    }

    fn create(changes: &mut Changes, commit: Commit) -> Result<Box<Self>, SessionError> {
        // An id whose answer was lost is taken.
        changes.next = None;
        let id = changes.next_id()?;
        Ok(Box::new(Self::new(id.key(), fill(changes, commit), Some(id.clone()))))
    }

    /// The next step after the store's answer. A session that is not there may be somewhere else if it is `lost`.
    ///
    /// If another request rotated the session in the meantime, only its end is followed there: the client of that request
    /// may be another one, and what this request writes is for its own client.
    pub(super) fn next(mut self: Box<Self>, outcome: CommitOutcome, lost: bool) -> Next {
        match (outcome, &self.commit.action) {
            (CommitOutcome::Done, _) => Next::Done(self),
            // The other session is gone; of this one's cookie the client has a newer copy.
            (CommitOutcome::Gone, CommitAction::Fork { .. }) => Next::Failed(SessionError::Moved),
            (CommitOutcome::Gone, CommitAction::Update) if self.begins && !lost => match SessionId::random() {
                Ok(id) => {
                    (self.key, self.begins) = (id.key().clone(), false);
                    (self.commit.action, self.commit.unread) = (CommitAction::Create, None);
                    self.id = Some(id);
                    Next::Again(self)
                }
                Err(error) => Next::Failed(SessionError::no_randomness(error)),
            },
            (CommitOutcome::Gone, _) => Next::Failed(SessionError::Gone),
            (CommitOutcome::Unread, _) => Next::Unread,
            (CommitOutcome::Conflict, _) => Next::Failed(SessionError::Conflict),
            (CommitOutcome::Principal { is }, _) => {
                self.commit.principal = is;
                Next::Again(self)
            }
            (CommitOutcome::Moved { to }, CommitAction::Destroy | CommitAction::Replace { .. }) => {
                (self.key, self.commit.linked) = (to, None);
                Next::Again(self)
            }
            (CommitOutcome::Linked { with }, _) => {
                self.commit.linked = Some(with);
                Next::Again(self)
            }
            // A second login at once: it goes on by itself, beside the other one and while that lives.
            (CommitOutcome::Moved { to }, CommitAction::Rotate { to: own })
                if self.known.is_some() && !self.is_late() =>
            {
                self.key = own.clone();
                let beside = self.beside(to);
                self.commit = beside;
                Next::Again(self)
            }
            (CommitOutcome::Moved { to }, CommitAction::Fork { afresh, .. }) => {
                self.commit.action = CommitAction::Fork { of: to, afresh: *afresh };
                Next::Again(self)
            }
            (CommitOutcome::Moved { .. }, _) => Next::Failed(SessionError::Moved),
        }
    }

    /// Whether the request took so long that its client may have the cookie of the other one.
    fn is_late(&self) -> bool {
        self.commit.now_ms.saturating_sub(self.commit.since_ms) >= MOVED_MS
    }

    /// The same commit for a session of its own.
    ///
    /// It begins with the whole content of this one. A login begins with its own changes only, because the other session
    /// may belong to another user by now.
    fn beside(&self, of: SessionKey) -> Commit {
        let own = &self.commit;
        let principal = self.known.as_ref().and_then(|known| known.principal.as_ref());
        if matches!(&own.new_principal, Change::Set(new) if Some(new) != principal) {
            return Commit {
                action: CommitAction::fork_afresh(of),
                principal: None,
                expect: Expect::default(),
                ..own.clone()
            };
        }
        let mut commit = Commit::at(CommitAction::fork(of), own.lifetime, own.now_ms);
        commit.since_ms = own.since_ms;
        let mut fields = std::collections::BTreeMap::new();
        commit.own_lifetime = own.own_lifetime;
        if let Some(known) = self.known.as_deref() {
            let stored = known.lifetime.map_or(Change::Clear, Change::Set);
            commit.own_lifetime = own.own_lifetime.or(stored);
            fields.clone_from(&known.fields);
            commit.principal.clone_from(&known.principal);
            commit.device = Some(known.device.clone());
        }
        fields.extend(own.set.iter().cloned());
        for name in &own.remove {
            fields.remove(name);
        }
        commit.set = fields.into_iter().collect();
        let kept = commit.principal.clone().map_or(Change::Keep, Change::Set);
        commit.new_principal = match &own.new_principal {
            Change::Keep => kept,
            // A session that begins has no principal to remove.
            Change::Clear => Change::Keep,
            set @ Change::Set(_) => set.clone(),
        };
        commit.device = own.device.clone().or(commit.device).or_else(|| Some(super::DeviceInfo::default()));
        commit
    }
}

fn fill(changes: &Changes, mut commit: Commit) -> Commit {
    for (name, value) in &changes.fields {
        match value {
            Some(text) => commit.set.push((name.clone(), text.clone())),
            None => commit.remove.push(name.clone()),
        }
    }
    commit.new_principal.clone_from(&changes.principal);
    commit.device.clone_from(&changes.device);
    commit.own_lifetime = changes.lifetime;
    commit.begins_anew = changes.begins_anew;
    commit
}
