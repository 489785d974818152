use super::{
    CommitAction, Loaded, Record, SessionError, attributes,
    changes::{Known, Pending, Plan},
    id::SessionId,
    record::SURE_MS,
};
use std::{collections::BTreeMap, sync::Arc};

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
    /// The client's copy could be better: signed by another key, or kept for longer.
    pub(super) resend: bool,
    /// The session was not there when it was looked for.
    pub(super) missing: bool,
    /// When that was, in milliseconds since the Unix epoch; before that, when the client came with its cookie.
    pub(super) looked_ms: u64,
    /// What else the client has under the cookie's name, signed by a key of ours: where the first is not there, the next
    /// one is looked for.
    pub(super) others: Vec<(SessionId, usize)>,
    /// Those of them that have another id since: what the client is told of them is on its way, and a logout follows them.
    pub(super) moved: Vec<(SessionId, usize)>,
    /// The client came with several cookies of the name. A removal could take away the one that is alive.
    pub(super) several: bool,
    /// The session was asked for, so the response depends on it.
    pub(super) used: bool,
    /// The head of the response is out, and says nothing of the session.
    pub(super) sealed: bool,
    /// It could not be loaded: what is put has to wait until it can.
    pub(super) unreadable: bool,
    pub(super) read_only: bool,
    pub(super) closed: bool,
    pub(super) detached: bool,
}

/// What is known of what the store has.
pub(super) enum Content {
    Unknown,
    Found(Arc<Record>),
    Absent,
    Moved,
}

impl Content {
    pub(super) fn record(&self) -> Option<&Arc<Record>> {
        match self {
            Self::Found(record) => Some(record),
            _ => None,
        }
    }
}

/// For so long it is news what was found when the session was looked for.
const NEWS_MS: u64 = 1_000;

/// What is left to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Uncommitted {
    Nothing,
    Changes,
    /// The session's id among them.
    Rotation,
}

/// What a client is told of its cookie.
pub(super) enum CookieUpdate {
    Nothing,
    Removed,
    /// The name, and what is known of the session: it may say how long the cookie is kept.
    Named(SessionId, Option<Arc<Record>>),
}

impl State {
    pub(super) fn new(id: Option<SessionId>) -> Self {
        Self {
            content: if id.is_some() { Content::Unknown } else { Content::Absent },
            id,
            signer: None,
            pending: Pending::default(),
            stale: false,
            unsent: false,
            resend: false,
            missing: false,
            looked_ms: 0,
            others: Vec::new(),
            moved: Vec::new(),
            several: false,
            used: false,
            sealed: false,
            unreadable: false,
            read_only: false,
            closed: false,
            detached: false,
        }
    }

    /// What is stored, as far as it is known and goes on, and what was changed.
    pub(super) fn view(&mut self) -> (Option<&Record>, &mut Pending) {
        let record = self.content.record().filter(|_| !self.pending.destroy).map(Arc::as_ref);
        (record, &mut self.pending)
    }

    pub(super) fn check_open(&self) -> Result<(), SessionError> {
        match self {
            Self { closed: true, .. } => Err(SessionError::Closed),
            Self { read_only: true, .. } => Err(SessionError::ReadOnly),
            _ => Ok(()),
        }
    }

    pub(super) fn known(&self) -> Known<'_> {
        Known {
            id: self.id.as_ref(),
            record: self.content.record(),
            absent: matches!(self.content, Content::Absent),
            moved: matches!(self.content, Content::Moved),
            detached: self.detached,
        }
    }

    /// Whether the session has to be loaded before what is pending can be committed.
    pub(super) fn has_to_look(&self, reject: bool) -> bool {
        let Pending { rotate, details, principal, lifetime, unread, .. } = &self.pending;
        // How long the browser keeps its cookie, and whose the session is; and which of several cookies names it.
        let known = *rotate || details.is_some() || principal.is_some() || lifetime.is_some();
        let known = known || (!self.others.is_empty() && !self.detached && !self.pending.is_empty());
        // What could not be read is not written; and who comes with an old key's signature gets a new one.
        let read = *unread && (reject || self.unreadable || self.signer.is_some_and(|signer| signer > 0));
        let unknown = matches!(self.content, Content::Unknown) && !self.read_only;
        unknown && (known || read) && !self.pending.destroy
    }

    /// What is pending, if it can be committed.
    pub(super) fn take_pending(&mut self, size_limit: usize) -> Result<Pending, SessionError> {
        let (record, pending) = self.view();
        // What was put in unread, or came back from a commit that failed, can be too much for what there is.
        let sets = pending.fields.values().any(Option::is_some);
        let too_large = sets && attributes::size(record, pending, None) > size_limit;
        let mut pending = std::mem::take(pending);
        self.pending.doubtful = pending.doubtful;
        // An id that the client was not told of yet is as good as another one.
        if self.unsent && self.signer.is_none() {
            pending.begins_anew |= std::mem::take(&mut pending.rotate);
        }
        if self.read_only && !pending.destroy && !pending.is_empty() {
            return Err(SessionError::ReadOnly);
        }
        if too_large {
            return Err(SessionError::TooLarge { limit: size_limit });
        }
        Ok(pending)
    }

    /// Whether a session that is not there may be somewhere else: the client had its cookie, and nobody has looked for so
    /// long that it may have got another one in the meantime.
    pub(super) fn is_lost(&self, now_ms: u64) -> bool {
        !self.detached && self.id.is_some() && now_ms.saturating_sub(self.looked_ms) >= SURE_MS
    }

    /// The session of another cookie takes the place of the one that was not found.
    pub(super) fn take_other(&mut self) -> Option<SessionId> {
        // A handle of its own has the session that it was made of, and no other one.
        if self.others.is_empty() || self.detached {
            return None;
        }
        let (id, signer) = self.others.remove(0);
        (self.id, self.signer) = (Some(id.clone()), Some(signer));
        Some(id)
    }

    /// What was looked for has another id since: the client has that from another response, or will have.
    pub(super) fn put_moved(&mut self) {
        if let (Some(id), Some(signer)) = (&self.id, self.signer) {
            self.moved.push((id.clone(), signer));
        }
    }

    /// Nothing was found. One that moved comes before one that is not there.
    pub(super) fn take_moved(&mut self) -> bool {
        if self.moved.is_empty() {
            return false;
        }
        let (id, signer) = self.moved.remove(0);
        (self.id, self.signer) = (Some(id), Some(signer));
        true
    }

    /// All other sessions that the client has cookies of.
    pub(super) fn other_ids(&self) -> Vec<SessionId> {
        self.others.iter().chain(&self.moved).map(|(id, _)| id.clone()).collect()
    }

    /// They have ended.
    pub(super) fn clear_others(&mut self) {
        (self.others, self.moved) = (Vec::new(), Vec::new());
    }

    /// What the store had at some time between `asked_ms` and `now_ms`.
    pub(super) fn learn(&mut self, loaded: Loaded, asked_ms: u64, now_ms: u64) {
        let lost = self.is_lost(now_ms);
        self.looked_ms = asked_ms;
        (self.missing, self.unreadable, self.pending.doubtful) = (false, false, false);
        self.content = match loaded {
            Loaded::Found(record) => {
                // Of one that was rotated, the client has a newer cookie, or may have.
                self.resend |= self.signer.is_some_and(|signer| signer > 0) && record.replaced.is_none();
                Content::Found(record)
            }
            Loaded::Absent if lost => Content::Moved,
            Loaded::Absent => {
                self.missing = true;
                Content::Absent
            }
            // The client has its new cookie from another response, or will have.
            Loaded::Moved => Content::Moved,
        };
    }

    /// Another request gave it a name that this one does not know. The client knows it, or will.
    pub(super) fn moved(&mut self) {
        (self.unsent, self.resend, self.missing, self.stale) = (false, false, false, false);
        self.content = Content::Moved;
    }

    /// Whether there may be anything to learn: of most requests there is not, and no clock is read.
    pub(super) fn has_news(&self) -> bool {
        self.stale || self.missing || self.unsent || self.resend
    }

    /// What the client has to learn.
    ///
    /// What could be better, or was not there, is told only while that is news: a request that took its time does not put
    /// an old cookie in the place of one that the client has got from another meanwhile.
    pub(super) fn told(&self, now_ms: u64) -> CookieUpdate {
        let news = now_ms.saturating_sub(self.looked_ms) <= NEWS_MS;
        match (&self.id, &self.content) {
            (_, Content::Moved) => CookieUpdate::Nothing,
            _ if self.stale || (self.missing && news) => match self.several {
                true => CookieUpdate::Nothing,
                false => CookieUpdate::Removed,
            },
            (Some(id), _) if self.unsent => CookieUpdate::Named(id.clone(), self.content.record().cloned()),
            (Some(id), Content::Found(record)) if self.resend && news => {
                CookieUpdate::Named(id.clone(), Some(Arc::clone(record)))
            }
            _ => CookieUpdate::Nothing,
        }
    }

    /// There is no such session any more.
    pub(super) fn ended(&mut self) {
        self.stale = self.signer.is_some() || self.unsent || self.stale;
        (self.unsent, self.resend, self.missing, self.unreadable) = (false, false, false, false);
        self.content = Content::Absent;
        self.id = None;
    }

    /// The store has done it.
    pub(super) fn committed(&mut self, plan: Plan) {
        let Plan { mut commit, id, known, .. } = plan;
        // Whoever shares the record makes a copy of it necessary.
        drop(known);
        let Some(id) = id else { return self.ended() };
        let (goes_on, commit_ms) = (self.id.as_ref() == Some(&id), commit.now_ms);
        let begins = !matches!(commit.action, CommitAction::Update | CommitAction::Rotate { .. });
        if begins {
            let record = Record::new(commit.now_ms, 0, BTreeMap::new());
            self.content = Content::Found(Arc::new(record));
            self.unreadable = false;
        } else if self.content.record().is_none() {
            // Not loaded, and not needed so far.
            self.content = Content::Unknown;
        }
        let mut changed = false;
        if let Content::Found(record) = &mut self.content {
            changed = commit.own_lifetime.is_some_and(|own| own != record.lifetime);
            let record = Arc::make_mut(record);
            // The client has the id that it came with, and no other one.
            record.replaced = None;
            let set = std::mem::take(&mut commit.set);
            record.apply(&commit, set);
        }
        (self.stale, self.missing, self.looked_ms) = (false, false, commit_ms);
        if !goes_on {
            (self.id, self.signer, self.unsent) = (Some(id), None, true);
        } else {
            self.resend |= self.signer.is_some_and(|signer| signer > 0);
            self.resend |= changed;
        }
    }
}
