use super::{
    Action, Details, Loaded, Record, SessionError,
    id::SessionId,
    pending::{Known, Pending, Plan},
};
use std::collections::BTreeMap;

/// What is known of a session, and what was done to it.
pub(super) struct State {
    /// The session's name: that of a cookie that we signed, or one that a commit gave it.
    pub(super) id: Option<SessionId>,
    /// The place of the key that signed the client's cookie, where it has this name.
    pub(super) signer: Option<usize>,
    pub(super) content: Content,
    pub(super) pending: Pending,
    /// The session was not there: the client's cookie goes.
    pub(super) stale: bool,
    /// The cookie has to be sent, because the client does not have it like this.
    pub(super) unsent: bool,
    pub(super) read_only: bool,
    pub(super) closed: bool,
    pub(super) detached: bool,
}

/// What is known of what the store has.
pub(super) enum Content {
    Unknown,
    Found(Box<Record>),
    Absent,
    Moved,
}

/// What is left to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    Changes,
    /// The session's id among them.
    Rotation,
}

/// What a client is told of its cookie.
pub(super) enum Told {
    Nothing,
    Removed,
    Named(SessionId, Details),
}

impl State {
    pub(super) fn check_open(&self) -> Result<(), SessionError> {
        match self {
            Self { closed: true, .. } => Err(SessionError::Closed),
            Self { read_only: true, .. } => Err(SessionError::ReadOnly),
            _ => Ok(()),
        }
    }

    pub(super) fn known(&self) -> Known<'_> {
        let record = match &self.content {
            Content::Found(record) => Some(&**record),
            _ => None,
        };
        Known {
            id: self.id.as_ref(),
            record,
            absent: matches!(self.content, Content::Absent),
            moved: matches!(self.content, Content::Moved),
            detached: self.detached,
        }
    }

    pub(super) fn details(&self) -> Details {
        match &self.content {
            Content::Found(record) => record.details.clone(),
            _ => Details::default(),
        }
    }

    pub(super) fn learn(&mut self, loaded: Loaded) {
        self.content = match loaded {
            Loaded::Found(record) => Content::Found(Box::new(record)),
            Loaded::Absent => {
                self.stale = true;
                Content::Absent
            }
            // The client has its new cookie from another response, or will have.
            Loaded::Moved => Content::Moved,
        };
    }

    /// There is no such session any more.
    pub(super) fn ended(&mut self) {
        self.stale = self.signer.is_some() || self.unsent || self.stale;
        self.unsent = false;
        self.content = Content::Absent;
        self.id = None;
    }

    /// The store has done it.
    pub(super) fn committed(&mut self, plan: Plan) {
        let Plan { commit, id, .. } = plan;
        let Some(id) = id else { return self.ended() };
        let goes_on = self.id.as_ref() == Some(&id);
        let begins = !matches!(commit.action, Action::Update | Action::Rotate { .. });
        let known = match &mut self.content {
            Content::Found(record) if !begins => Some(record),
            _ => None,
        };
        if begins {
            let record = Record::new(commit.now_ms, 0, BTreeMap::new());
            self.content = Content::Found(Box::new(record));
        } else if known.is_none() {
            // Not loaded, and not needed so far.
            self.content = Content::Unknown;
        }
        let details = commit.details.clone();
        if let Content::Found(record) = &mut self.content {
            record.version += 1;
            record.seen_ms = commit.now_ms;
            record.fields.extend(commit.set);
            for name in &commit.remove {
                record.fields.remove(name);
            }
            if let Some(principal) = commit.new_principal {
                record.principal = principal;
            }
            if let Some(details) = commit.details {
                record.details = details;
            }
        }
        self.stale = false;
        if !goes_on {
            (self.id, self.signer, self.unsent) = (Some(id), None, true);
        } else {
            let resigned = self.signer.is_some_and(|signer| signer > 0);
            self.unsent |= resigned || details.is_some_and(|details| details.max_age_s.is_some());
        }
    }
}
