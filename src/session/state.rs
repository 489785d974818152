use super::{
    SessionError,
    changes::Changes,
    commit_step::{CommitStep, Known},
    id::SessionId,
    presented::Presented,
    store::{Change, CommitAction, Loaded, Record, SURE_MS},
};
use std::{collections::BTreeMap, sync::Arc};

/// The state of a session during a request.
pub(super) struct State {
    /// The session's id: that of a cookie that we signed, or one that a commit gave it.
    pub(super) id: Option<SessionId>,
    /// The index of the key that signed the client's cookie, if the cookie has this id.
    signer: Option<usize>,
    pub(super) content: Content,
    pub(super) changes: Changes,
    cookie: CookieUpdate,
    pub(super) access: Access,
    pub(super) owner: Owner,
    pub(super) head: Head,
    /// The time at which the session was last looked up, in milliseconds since the Unix epoch; before that, the time at
    /// which the client came with its cookie.
    looked_ms: u64,
    /// The client's other cookies of the name, signed by a key of ours. If the first session does not exist, the next one
    /// is loaded.
    pub(super) others: Vec<(SessionId, usize)>,
    /// Those of them that have another id since. The client's new cookie is on its way, and a logout follows them.
    moved: Vec<(SessionId, usize)>,
    /// The client came with several cookies of the name. A removal could take away the one that is alive.
    several: bool,
}

/// The contents of the store, as far as the request knows them.
pub(super) enum Content {
    Unknown,
    Found(Arc<Record>),
    Absent,
    /// The session got another id, which this request does not know.
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

/// The operations that the request may do on the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Open,
    /// A load failed. Nothing is written before a load succeeds.
    Unreadable,
    /// A load failed, and the request goes on with an empty session.
    ReadOnly,
}

/// The part of the program that commits the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The layer, when the handler is done.
    Layer,
    /// The layer, at this moment: the time for changes is over.
    Closed,
    /// A handle of its own, which outlives the response.
    Detached,
}

/// Whether the response head says that the response depends on the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    Unused,
    Used,
    /// The head is sent, and says nothing of the session.
    Sent,
}

/// The change of the client's cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CookieUpdate {
    None,
    /// The client's copy could be better: signed by another key, or kept for longer.
    Refresh,
    /// The client does not have the id.
    Set,
    /// The session ended in this request.
    Remove,
    /// The session was not there when it was looked up.
    RemoveMissing,
}

/// The cookie of a response.
pub(super) enum Cookie {
    Remove,
    /// The id, and the known record: it may say how long the cookie is kept.
    Set(SessionId, Option<Arc<Record>>),
}

/// The time for which the result of a lookup is news to the client.
const NEWS_MS: u64 = 1_000;

/// The changes that are left to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Uncommitted {
    Nothing,
    Changes,
    /// The session's id among them.
    Rotation,
}

impl State {
    /// The state of a request that came at `since_ms` with these cookies.
    pub(super) fn presented(presented: Presented, since_ms: u64) -> Self {
        let Presented { first, others, several } = presented;
        let (id, signer) = first.unzip();
        Self { signer, looked_ms: since_ms, others, several, ..Self::new(id) }
    }

    /// The state of a handle of its own, which knows nothing of this request's changes.
    pub(super) fn detached(&self, head: Head) -> Self {
        let access = if self.access == Access::Open { Access::Open } else { Access::Unreadable };
        let (signer, others) = (self.signer, self.others.clone());
        Self { signer, others, head, access, owner: Owner::Detached, ..Self::new(self.id.clone()) }
    }

    fn new(id: Option<SessionId>) -> Self {
        Self {
            content: if id.is_some() { Content::Unknown } else { Content::Absent },
            id,
            signer: None,
            changes: Changes::default(),
            cookie: CookieUpdate::None,
            access: Access::Open,
            owner: Owner::Layer,
            head: Head::Unused,
            looked_ms: 0,
            others: Vec::new(),
            moved: Vec::new(),
            several: false,
        }
    }

    /// The stored record, as far as it is known and goes on, and the changes.
    pub(super) fn view(&mut self) -> (Option<&Record>, &mut Changes) {
        let record = self.content.record().filter(|_| !self.changes.destroy).map(Arc::as_ref);
        (record, &mut self.changes)
    }

    pub(super) fn check_open(&self) -> Result<(), SessionError> {
        match (self.owner, self.access) {
            (Owner::Closed, _) => Err(SessionError::Closed),
            (_, Access::ReadOnly) => Err(SessionError::ReadOnly),
            _ => Ok(()),
        }
    }

    fn is_detached(&self) -> bool {
        self.owner == Owner::Detached
    }

    fn is_read_only(&self) -> bool {
        self.access == Access::ReadOnly
    }

    /// Whether a load would tell nothing new.
    pub(super) fn is_loaded(&self) -> bool {
        self.is_read_only() || !matches!(self.content, Content::Unknown)
    }

    pub(super) fn known(&self) -> Known<'_> {
        Known {
            id: self.id.as_ref(),
            record: self.content.record(),
            absent: matches!(self.content, Content::Absent),
            moved: matches!(self.content, Content::Moved),
            detached: self.is_detached(),
        }
    }

    /// Ends the time for changes. If `keep` is false, only a logout is kept.
    pub(super) fn close(&mut self, keep: bool) -> Result<Uncommitted, SessionError> {
        self.owner = Owner::Closed;
        if !keep {
            // The client of a failed request is told that nothing was done. A logout holds all the same.
            self.changes = Changes { destroy: self.changes.destroy, ..Changes::default() };
        }
        if self.is_read_only() && !self.changes.destroy {
            let lost = !std::mem::take(&mut self.changes).is_empty();
            return if lost { Err(SessionError::ReadOnly) } else { Ok(Uncommitted::Nothing) };
        }
        Ok(match &self.changes {
            changes if changes.is_empty() => Uncommitted::Nothing,
            changes if changes.rotate => Uncommitted::Rotation,
            _ => Uncommitted::Changes,
        })
    }

    /// Whether the session has to be loaded before its changes can be committed.
    pub(super) fn must_load(&self, reject: bool) -> bool {
        let Changes { rotate, device, principal, lifetime, unread, .. } = &self.changes;
        // The time that the browser keeps its cookie, and the principal; and which of several cookies names the session.
        let known = *rotate || device.is_some() || !principal.is_keep() || !lifetime.is_keep();
        let known = known || (!self.others.is_empty() && !self.is_detached() && !self.changes.is_empty());
        // A session that could not be read is not written; and a client with an old key's signature gets a new one.
        let is_unreadable = self.access == Access::Unreadable;
        let read = *unread && (reject || is_unreadable || self.signer.is_some_and(|signer| signer > 0));
        !self.is_loaded() && (known || read) && !self.changes.destroy
    }

    /// Takes the changes, if they can be committed.
    pub(super) fn take_changes(&mut self, size_limit: usize) -> Result<Changes, SessionError> {
        let (record, changes) = self.view();
        // Changes that were made without a load, or came back from a commit that failed, can be too large.
        let sets = changes.fields.values().any(Option::is_some);
        let too_large = sets && changes.size(record, None) > size_limit;
        let mut changes = std::mem::take(changes);
        self.changes.doubtful = changes.doubtful;
        // An id that the client was not told of yet is as good as another one.
        if self.cookie == CookieUpdate::Set && self.signer.is_none() {
            changes.begins_anew |= std::mem::take(&mut changes.rotate);
        }
        if self.is_read_only() && !changes.destroy && !changes.is_empty() {
            return Err(SessionError::ReadOnly);
        }
        if too_large {
            return Err(SessionError::TooLarge { limit: size_limit });
        }
        Ok(changes)
    }

    /// Whether a session that is not there may be somewhere else: the client had its cookie, and the last lookup is so
    /// long ago that the session may have got another id in the meantime.
    pub(super) fn is_lost(&self, now_ms: u64) -> bool {
        !self.is_detached() && self.id.is_some() && now_ms.saturating_sub(self.looked_ms) >= SURE_MS
    }

    /// Goes on with the session of the client's next cookie.
    pub(super) fn take_other(&mut self) -> Option<SessionId> {
        // A handle of its own has the session that it was made of, and no other one.
        if self.others.is_empty() || self.is_detached() {
            return None;
        }
        let (id, signer) = self.others.remove(0);
        (self.id, self.signer) = (Some(id.clone()), Some(signer));
        Some(id)
    }

    /// Whether the client came with a cookie of this session.
    pub(super) fn is_presented(&self) -> bool {
        self.signer.is_some()
    }

    /// Remembers that the session got another id. The client has its new cookie from another response, or will have.
    pub(super) fn put_moved(&mut self) {
        if let (Some(id), Some(signer)) = (&self.id, self.signer) {
            self.moved.push((id.clone(), signer));
        }
    }

    /// Goes back to a session that moved, if no session was found. It comes before one that is not there.
    pub(super) fn take_moved(&mut self) -> bool {
        if self.moved.is_empty() {
            return false;
        }
        let (id, signer) = self.moved.remove(0);
        (self.id, self.signer) = (Some(id), Some(signer));
        true
    }

    /// The ids of the client's other cookies.
    pub(super) fn other_ids(&self) -> Vec<SessionId> {
        self.others.iter().chain(&self.moved).map(|(id, _)| id.clone()).collect()
    }

    /// Forgets the client's other cookies, whose sessions have ended.
    pub(super) fn clear_others(&mut self) {
        (self.others, self.moved) = (Vec::new(), Vec::new());
    }

    /// Asks for a better copy of the cookie, if nothing else is to be sent.
    pub(super) fn refresh_cookie(&mut self) {
        if self.cookie == CookieUpdate::None {
            self.cookie = CookieUpdate::Refresh;
        }
    }

    /// Learns what the store had at some time between `asked_ms` and `now_ms`.
    pub(super) fn learn(&mut self, loaded: Loaded, asked_ms: u64, now_ms: u64) {
        let lost = self.is_lost(now_ms);
        self.looked_ms = asked_ms;
        self.changes.doubtful = false;
        if self.access == Access::Unreadable {
            self.access = Access::Open;
        }
        if self.cookie == CookieUpdate::RemoveMissing {
            self.cookie = CookieUpdate::None;
        }
        self.content = match loaded {
            Loaded::Found(record) => {
                // The client of a rotated session has a newer cookie, or may have.
                if self.signer.is_some_and(|signer| signer > 0) && record.replaced.is_none() {
                    self.refresh_cookie();
                }
                Content::Found(record)
            }
            Loaded::Absent if lost => Content::Moved,
            Loaded::Absent => {
                self.cookie = CookieUpdate::RemoveMissing;
                Content::Absent
            }
            // The client has its new cookie from another response, or will have.
            Loaded::Moved => Content::Moved,
        };
    }

    /// The load failed, and the request goes on with an empty session.
    pub(super) fn make_read_only(&mut self) {
        self.access = Access::ReadOnly;
    }

    /// The load failed.
    pub(super) fn make_unreadable(&mut self) {
        if self.access == Access::Open {
            self.access = Access::Unreadable;
        }
    }

    /// Another request gave the session an id that this one does not know. The client knows it, or will.
    pub(super) fn moved(&mut self) {
        self.cookie = CookieUpdate::None;
        self.content = Content::Moved;
    }

    /// Whether there may be a cookie to send: most requests have none, and no clock is read.
    pub(super) fn has_news(&self) -> bool {
        self.cookie != CookieUpdate::None
    }

    /// The cookie to send.
    ///
    /// A refresh, or the removal of a missing session, is sent only while it is news: a request that took its time does not
    /// put an old cookie in the place of one that the client has got from another response meanwhile.
    pub(super) fn cookie(&self, now_ms: u64) -> Option<Cookie> {
        let is_news = now_ms.saturating_sub(self.looked_ms) <= NEWS_MS;
        let set = |record: Option<&Arc<Record>>| Some(Cookie::Set(self.id.clone()?, record.cloned()));
        match (self.cookie, &self.content) {
            (_, Content::Moved) => None,
            (CookieUpdate::Remove, _) => (!self.several).then_some(Cookie::Remove),
            (CookieUpdate::RemoveMissing, _) => (is_news && !self.several).then_some(Cookie::Remove),
            (CookieUpdate::Set, content) => set(content.record()),
            (CookieUpdate::Refresh, Content::Found(record)) if is_news => set(Some(record)),
            _ => None,
        }
    }

    /// There is no such session any more.
    pub(super) fn ended(&mut self) {
        let has_cookie = self.signer.is_some() || matches!(self.cookie, CookieUpdate::Set | CookieUpdate::Remove);
        self.cookie = if has_cookie { CookieUpdate::Remove } else { CookieUpdate::None };
        if self.access == Access::Unreadable {
            self.access = Access::Open;
        }
        self.content = Content::Absent;
        self.id = None;
    }

    /// The store has made the commit.
    pub(super) fn committed(&mut self, step: CommitStep) {
        let CommitStep { mut commit, id, known, .. } = step;
        // A shared record would have to be copied.
        drop(known);
        let Some(id) = id else { return self.ended() };
        let (goes_on, commit_ms) = (self.id.as_ref() == Some(&id), commit.now_ms);
        let begins = !matches!(commit.action, CommitAction::Update | CommitAction::Rotate { .. });
        if begins {
            let record = Record::begun(commit.now_ms, 0, BTreeMap::new());
            self.content = Content::Found(Arc::new(record));
            if self.access == Access::Unreadable {
                self.access = Access::Open;
            }
        } else if self.content.record().is_none() {
            // Not loaded, and not needed so far.
            self.content = Content::Unknown;
        }
        let mut is_lifetime_new = false;
        if let Content::Found(record) = &mut self.content {
            is_lifetime_new = match commit.own_lifetime {
                Change::Keep => false,
                Change::Clear => record.lifetime.is_some(),
                Change::Set(own) => record.lifetime != Some(own),
            };
            let record = Arc::make_mut(record);
            // The client has the id that it came with, and no other one.
            record.replaced = None;
            let set = std::mem::take(&mut commit.set);
            record.apply(&commit, set);
        }
        self.looked_ms = commit_ms;
        if matches!(self.cookie, CookieUpdate::Remove | CookieUpdate::RemoveMissing) {
            self.cookie = CookieUpdate::None;
        }
        if !goes_on {
            (self.id, self.signer, self.cookie) = (Some(id), None, CookieUpdate::Set);
        } else if is_lifetime_new || self.signer.is_some_and(|signer| signer > 0) {
            self.refresh_cookie();
        }
    }
}
