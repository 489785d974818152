use crate::{
    rt::{from_unix_ms, unix_ms},
    session::{DeviceInfo, Lifetime, PrincipalKey, SessionKey},
};
use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// The changes of a request to its session, which the store makes in one step.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Commit {
    /// Whether the session is new, stays, gets another key, or ends.
    pub action: CommitAction,
    /// The attributes to write: names and JSON texts.
    pub set: Vec<(String, String)>,
    /// The attributes to remove.
    pub remove: Vec<String>,
    /// The conditions of the commit. If one does not hold, nothing is written.
    pub expect: Expect,
    /// The session's principal, as far as the request knows. A store that has to know better answers
    /// [`CommitOutcome::Principal`].
    pub principal: Option<PrincipalKey>,
    /// The change of the principal.
    pub new_principal: Change<PrincipalKey>,
    /// The device to store in place of the known one.
    pub device: Option<DeviceInfo>,
    /// The lifetime from now, of a session without a lifetime of its own.
    pub lifetime: Lifetime,
    /// The change of the session's own lifetime.
    pub own_lifetime: Change<Lifetime>,
    /// Begins the session's lifetime anew, as a rotation does, with a new principal. It is set if the client has not
    /// received the id yet, which is then as good as a new one.
    pub begins_anew: bool,
    /// The other side of a rotation that no client has confirmed. It ends in the same step, at the end of a session. If
    /// it has to be named, the store answers [`CommitOutcome::Linked`].
    pub linked: Option<SessionKey>,
    /// If the session was not loaded: the number of bytes of names and JSON texts that it may have. A store answers
    /// [`CommitOutcome::Unread`] if the session would have more, or if its idle time is due to begin anew.
    pub unread: Option<usize>,
    pub(in crate::session) grace_ms: u64,
    pub(in crate::session) since_ms: u64,
    pub(in crate::session) now_ms: u64,
}

/// A change of a value that may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// The value stays as it is.
    #[default]
    Keep,
    /// The value is removed.
    Clear,
    /// The value is set.
    Set(T),
}

impl<T> Change<T> {
    /// Whether the value stays as it is.
    #[must_use]
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// This change, or `older` if this one keeps the value.
    pub(in crate::session) fn or(self, older: Self) -> Self {
        if self.is_keep() { older } else { self }
    }

    /// The value after the change, if there is a change.
    pub(in crate::session) fn as_option(&self) -> Option<Option<&T>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }
}

impl Commit {
    /// A commit that writes nothing yet.
    #[must_use]
    pub fn new(action: CommitAction, lifetime: Lifetime, now: SystemTime) -> Self {
        Self::at(action, lifetime, unix_ms(now))
    }

    pub(in crate::session) fn at(action: CommitAction, lifetime: Lifetime, now_ms: u64) -> Self {
        Self {
            action,
            set: Vec::new(),
            remove: Vec::new(),
            expect: Expect::default(),
            principal: None,
            new_principal: Change::Keep,
            device: None,
            lifetime,
            own_lifetime: Change::Keep,
            grace_ms: 0,
            begins_anew: false,
            linked: None,
            since_ms: now_ms,
            now_ms,
            unread: None,
        }
    }

    /// Sets how long the old key of a rotation goes on, with what it held, until a request with the new one
    /// [confirms](super::SessionStore::confirm) it (0). At 0 it ends with the rotation.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Sets the time of the commit.
    #[must_use]
    pub fn with_now(mut self, now: SystemTime) -> Self {
        self.now_ms = unix_ms(now);
        self
    }

    /// Sets the time at which the request arrived (that of the commit).
    #[must_use]
    pub fn with_since(mut self, since: SystemTime) -> Self {
        self.since_ms = unix_ms(since);
        self
    }

    /// The time for which the old key of a rotation goes on.
    #[must_use]
    pub fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }

    /// The time at which the request arrived. A change under a key that was rotated since, or up to ten seconds before, is
    /// [`CommitOutcome::Moved`].
    #[must_use]
    pub fn since(&self) -> SystemTime {
        from_unix_ms(self.since_ms)
    }

    /// The time of the commit.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        from_unix_ms(self.now_ms)
    }

    /// Whether the commit names a principal.
    pub(in crate::session) fn is_login(&self) -> bool {
        matches!(self.new_principal, Change::Set(_))
    }
}

/// The names alone: values are the application's.
impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commit")
            .field("action", &self.action)
            .field("set", &self.set.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("remove", &self.remove)
            .field("lifetime", &self.lifetime)
            .field("now_ms", &self.now_ms)
            .finish_non_exhaustive()
    }
}

/// The contents that must be unchanged since the request loaded them.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expect {
    /// The version of the session.
    pub version: Option<u64>,
    /// Attributes and their values; `None` if they are absent.
    pub fields: Vec<(String, Option<String>)>,
}

impl fmt::Debug for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.fields.iter().map(|(name, _)| name).collect::<Vec<_>>();
        f.debug_struct("Expect").field("version", &self.version).field("fields", &names).finish()
    }
}

/// The change to the session itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitAction {
    /// It begins. A key that is taken is never adopted.
    Create,
    /// It begins beside another one, which has to live and to belong to the commit's [principal](Commit::principal): what
    /// is written was known of that, and ends when that would have.
    #[non_exhaustive]
    Fork {
        /// The other one's key.
        of: SessionKey,
        /// Nothing that is written was known of the other one: whose that is makes no difference.
        afresh: bool,
    },
    /// It goes on under its key.
    Update,
    /// It goes on under another key, in the same step. The old one goes on beside it for the commit's
    /// [grace](Commit::grace); without one it says for ten seconds that it moved. Done again with the same key, it is
    /// done. With a new principal the lifetime begins anew.
    #[non_exhaustive]
    Rotate {
        /// The other key.
        to: SessionKey,
    },
    /// It ends, and another one begins, in the same step.
    #[non_exhaustive]
    Replace {
        /// The other one's key.
        by: SessionKey,
    },
    /// It ends.
    Destroy,
}

impl CommitAction {
    /// Moves the session to the key `to`.
    #[must_use]
    pub fn rotate(to: SessionKey) -> Self {
        Self::Rotate { to }
    }

    /// Begins a session beside the one at `of`.
    #[must_use]
    pub fn fork(of: SessionKey) -> Self {
        Self::Fork { of, afresh: false }
    }

    /// Begins a session beside the one at `of`, without its attributes.
    #[must_use]
    pub fn fork_afresh(of: SessionKey) -> Self {
        Self::Fork { of, afresh: true }
    }

    /// Ends the session, and begins the one at `by`.
    #[must_use]
    pub fn replace(by: SessionKey) -> Self {
        Self::Replace { by }
    }
}

/// A store's answer to a [`Commit`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitOutcome {
    /// It is done.
    Done,
    /// The session was not there any more: nothing was written, and it stays gone.
    Gone,
    /// Something was not as [expected](Commit::expect): nothing was written.
    Conflict,
    /// The session belongs to another principal than the [commit's](Commit::principal): nothing was written.
    #[non_exhaustive]
    Principal {
        /// Whose it is.
        is: Option<PrincipalKey>,
    },
    /// The session has to be [loaded](Commit::unread) first: nothing was written.
    Unread,
    /// The session is one side of a rotation that no client has confirmed: both have to end in one step, and nothing was
    /// done yet.
    #[non_exhaustive]
    Linked {
        /// The other side, for [`Commit::linked`].
        with: SessionKey,
    },
    /// The session got another key a moment ago: nothing was written.
    #[non_exhaustive]
    Moved {
        /// The key to which the session moved.
        to: SessionKey,
    },
}

impl CommitOutcome {
    /// The session went on under the key `to`.
    #[must_use]
    pub fn moved(to: SessionKey) -> Self {
        Self::Moved { to }
    }

    /// The session ends with the one at `with`.
    #[must_use]
    pub fn linked(with: SessionKey) -> Self {
        Self::Linked { with }
    }

    /// The session belongs to `is`.
    #[must_use]
    pub fn principal(is: Option<PrincipalKey>) -> Self {
        Self::Principal { is }
    }
}
