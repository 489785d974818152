use super::{
    Commit, CommitAction, CommitOutcome, DeviceInfo, Expect, Lifetime, PrincipalKey, Record, SessionError, SessionKey,
    id::SessionId, record::MOVED_MS,
};
use std::{collections::BTreeMap, sync::Arc};

/// What a request has changed and not yet committed.
#[derive(Default, Clone)]
pub(super) struct Pending {
    /// A JSON text, or `None` where the attribute is removed.
    pub(super) fields: BTreeMap<String, Option<String>>,
    pub(super) expect: Vec<(String, Option<String>)>,
    pub(super) principal: Option<Option<PrincipalKey>>,
    pub(super) details: Option<DeviceInfo>,
    /// A lifetime of its own, or none any more.
    pub(super) lifetime: Option<Option<Lifetime>>,
    pub(super) rotate: bool,
    pub(super) destroy: bool,
    /// Some of it was put in without a look at the rest.
    pub(super) unread: bool,
    /// Something is on its way to the store, or may have got there: what was loaded is not what there is, and a value that
    /// is equal to it is a change all the same.
    pub(super) doubtful: bool,
    /// A rotation was asked for of an id that the client was not told of: another one would be no better.
    pub(super) begins_anew: bool,
    /// The name that the session gets, so that a commit that is tried again is the same.
    pub(super) next: Option<SessionId>,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        let Self { fields, principal, details, lifetime, rotate, destroy, .. } = self;
        fields.is_empty() && principal.is_none() && details.is_none() && lifetime.is_none() && !rotate && !destroy
    }

    /// Whether there is anything in it for a session that does not exist.
    fn begins(&self) -> bool {
        self.fields.values().any(Option::is_some) || matches!(self.principal, Some(Some(_)))
    }

    /// Puts back what could not be committed, beneath what was changed since.
    pub(super) fn put_back(&mut self, older: Self) {
        if !self.destroy {
            for (name, text) in older.fields {
                self.fields.entry(name).or_insert(text);
            }
            self.principal = self.principal.take().or(older.principal);
            self.details = self.details.take().or(older.details);
            self.lifetime = self.lifetime.or(older.lifetime);
        }
        self.rotate |= older.rotate;
        self.begins_anew |= older.begins_anew;
        self.unread |= older.unread && !self.destroy;
        self.destroy |= older.destroy;
        // Only a rotation is the same when it is done again; another beginning needs another name.
        self.next = self.next.take().or(older.next.filter(|_| older.rotate));
    }

    fn next(&mut self) -> Result<SessionId, SessionError> {
        if let Some(next) = &self.next {
            return Ok(next.clone());
        }
        let next = SessionId::random().map_err(SessionError::no_randomness)?;
        self.next = Some(next.clone());
        Ok(next)
    }

    /// What the store is to do, and the session's name after it; `None` where nothing is to be done.
    pub(super) fn plan(&mut self, known: &Known<'_>, when: When) -> Result<Option<Box<Plan>>, SessionError> {
        let commit = |action| {
            let mut commit = Commit::new(action, when.lifetime, when.now_ms);
            commit.since_ms = when.since_ms;
            commit
        };
        let existing = known.id.filter(|_| known.may_exist());
        if self.destroy {
            let Some(id) = existing.or(known.id.filter(|_| known.moved)) else {
                return if self.begins() && !known.detached {
                    self.create(commit(CommitAction::Create)).map(Some)
                } else {
                    Ok(None)
                };
            };
            let begins = self.begins() && !known.detached;
            let (action, next) = if begins {
                // One whose answer was lost has taken its name.
                self.next = None;
                let next = self.next()?;
                (CommitAction::replace(next.key().clone()), Some(next))
            } else {
                (CommitAction::Destroy, None)
            };
            let mut commit = commit(action);
            commit.principal = known.principal();
            let commit = if begins { self.fill(commit) } else { commit };
            return Ok(Some(Box::new(Plan::new(id.key(), commit, next))));
        }
        match existing {
            Some(_) if self.is_empty() => Ok(None),
            Some(id) => {
                let (action, id, key) = if self.rotate {
                    let next = self.next()?;
                    (CommitAction::rotate(next.key().clone()), next, id.key().clone())
                } else {
                    (CommitAction::Update, id.clone(), id.key().clone())
                };
                let mut commit = commit(action);
                commit.grace_ms = if self.rotate { when.grace_ms } else { 0 };
                commit.principal = known.principal();
                commit.expect = Expect { version: known.version(when.reject), fields: self.expect.clone() };
                let unread = self.unread && known.record.is_none();
                commit.unread = unread.then_some(when.size_limit);
                // Only where it may have to begin anew.
                let begins = unread && !known.detached;
                let known = known.record.filter(|_| self.rotate).cloned();
                Ok(Some(Box::new(Plan { known, begins, ..Plan::new(&key, self.fill(commit), Some(id)) })))
            }
            None if !self.begins() => Ok(None),
            // A new session's cookie would take the place of the one the client has or will have.
            None if known.moved && !self.rotate => Err(SessionError::Moved),
            None if known.detached => Err(SessionError::Gone),
            None => self.create(commit(CommitAction::Create)).map(Some),
        }
    }

    fn create(&mut self, commit: Commit) -> Result<Box<Plan>, SessionError> {
        // One whose answer was lost has taken its name.
        self.next = None;
        let id = self.next()?;
        Ok(Box::new(Plan::new(id.key(), self.fill(commit), Some(id.clone()))))
    }

    fn fill(&self, mut commit: Commit) -> Commit {
        for (name, value) in &self.fields {
            match value {
                Some(text) => commit.set.push((name.clone(), text.clone())),
                None => commit.remove.push(name.clone()),
            }
        }
        commit.new_principal.clone_from(&self.principal);
        commit.details.clone_from(&self.details);
        commit.own_lifetime = self.lifetime;
        commit.begins_anew = self.begins_anew;
        commit
    }
}

/// A change that is committed by itself.
pub(super) struct Alone {
    pub(super) name: String,
    pub(super) text: String,
    /// What the store has to hold.
    pub(super) stored: Option<String>,
    /// What was pending of it, which goes with it.
    pub(super) mine: Option<Option<String>>,
}

impl Alone {
    pub(super) fn pending(&self) -> Pending {
        let mut pending = Pending::default();
        pending.fields.insert(self.name.clone(), Some(self.text.clone()));
        pending.expect.push((self.name.clone(), self.stored.clone()));
        pending
    }
}

/// What is known of the session when its changes are committed.
pub(super) struct Known<'a> {
    pub(super) id: Option<&'a SessionId>,
    /// `None` where it was not loaded.
    pub(super) record: Option<&'a Arc<Record>>,
    pub(super) absent: bool,
    pub(super) moved: bool,
    /// It outlives the response, so that no client can be told of a new id.
    pub(super) detached: bool,
}

impl Known<'_> {
    /// What was not loaded is taken to exist: the store will say otherwise.
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

/// When a commit is made, and by which rules.
#[derive(Clone, Copy)]
pub(super) struct When {
    pub(super) lifetime: Lifetime,
    pub(super) now_ms: u64,
    /// When the request arrived.
    pub(super) since_ms: u64,
    /// How long a rotated session goes on beside the new one.
    pub(super) grace_ms: u64,
    /// A session that another request has changed since is a conflict.
    pub(super) reject: bool,
    pub(super) size_limit: usize,
}

/// What the store is to do.
pub(super) struct Plan {
    pub(super) key: SessionKey,
    pub(super) commit: Commit,
    /// The session's name after it, where there is one.
    pub(super) id: Option<SessionId>,
    /// What it held before.
    pub(super) known: Option<Arc<Record>>,
    /// Nobody has looked: where there is no session, one begins.
    begins: bool,
}

/// What becomes of a plan.
pub(super) enum Next {
    /// It was carried out.
    Done(Box<Plan>),
    Again(Box<Plan>),
    /// The session has to be loaded first.
    Unread,
    Failed(SessionError),
}

impl Plan {
    pub(super) fn new(key: &SessionKey, commit: Commit, id: Option<SessionId>) -> Self {
        Self { key: key.clone(), commit, id, known: None, begins: false }
    }

    /// What to do after the store's answer. A session that is not there may be somewhere else, where it is `lost`.
    ///
    /// Where another request rotated the session in the meantime, only its end is followed there: whoever did it may hold
    /// the new id, and what this request writes is for its own client.
    pub(super) fn next(mut self: Box<Self>, answer: CommitOutcome, lost: bool) -> Next {
        match (answer, &self.commit.action) {
            (CommitOutcome::Done, _) => Next::Done(self),
            // The other one is; of this one's cookie the client has a newer copy.
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

    /// Whether the request took so long that its client may have the other one's cookie.
    fn is_late(&self) -> bool {
        self.commit.now_ms.saturating_sub(self.commit.since_ms) >= MOVED_MS
    }

    /// The same for a session of its own.
    ///
    /// It begins with all that this one knows; but whoever has just logged in begins with what is said now, because the
    /// other one may be somebody else's by now.
    fn beside(&self, of: SessionKey) -> Commit {
        let own = &self.commit;
        let whose = self.known.as_ref().and_then(|known| known.principal.as_ref());
        if matches!(&own.new_principal, Some(Some(new)) if Some(new) != whose) {
            return Commit {
                action: CommitAction::fork_afresh(of),
                principal: None,
                expect: Expect::default(),
                ..own.clone()
            };
        }
        let mut commit = Commit::new(CommitAction::fork(of), own.lifetime, own.now_ms);
        let known = self.known.as_deref().cloned();
        commit.since_ms = own.since_ms;
        commit.own_lifetime = own.own_lifetime.or(known.as_ref().map(|known| known.lifetime));
        let (mut fields, principal, details) =
            known.map(|known| (known.fields, known.principal, known.details)).unwrap_or_default();
        fields.extend(own.set.iter().cloned());
        for name in &own.remove {
            fields.remove(name);
        }
        commit.set = fields.into_iter().collect();
        commit.new_principal =
            Some(own.new_principal.clone().unwrap_or_else(|| principal.clone())).filter(Option::is_some);
        commit.principal = principal;
        commit.details = own.details.clone().or(Some(details));
        commit
    }
}
