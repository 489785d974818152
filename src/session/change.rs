use super::{DeviceInfo, Lifetime, PrincipalKey, SessionKey};
use std::fmt;

/// What a request did to its session, for the store to do in one step.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Commit {
    /// Whether the session is new, stays, gets another id, or ends.
    pub action: CommitAction,
    /// Attributes to write: names and JSON texts.
    pub set: Vec<(String, String)>,
    /// Attributes to remove.
    pub remove: Vec<String>,
    /// What has to be as it was, or nothing is written.
    pub expect: Expect,
    /// Whose the session is, as far as is known. A store may answer [`CommitOutcome::Principal`] where it has to know better.
    pub principal: Option<PrincipalKey>,
    /// Whose it becomes, or that it is nobody's any more.
    pub new_principal: Option<Option<PrincipalKey>>,
    /// What is known of where it is used, in place of what was known.
    pub details: Option<DeviceInfo>,
    /// How long the session lives from now, if it has no lifetime of its own.
    pub lifetime: Lifetime,
    /// The session's own lifetime from now on, or that it has none any more.
    pub own_lifetime: Option<Option<Lifetime>>,
    /// For a rotation: how long the old key goes on, with what it held, until a request with the new one
    /// [confirms](super::SessionStore::confirm) it. At 0 it ends with the rotation.
    pub grace_ms: u64,
    /// With a new principal: the session's lifetime begins anew, as it does with a rotation. Of an id that the client was not
    /// told of yet, which is as good as another one.
    pub begins_anew: bool,
    /// For the end of a session: the other side of a rotation that no client has confirmed, which ends in the same step. A
    /// store answers [`CommitOutcome::Linked`] if it has to be named.
    pub linked: Option<SessionKey>,
    /// When the request arrived, in milliseconds since the Unix epoch. A change under a key that was rotated since, or up
    /// to ten seconds before, is [`CommitOutcome::Moved`].
    pub since_ms: u64,
    /// Now, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// Where the session was not loaded: how many bytes of names and JSON texts it may have. A store answers
    /// [`CommitOutcome::Unread`] where it would have more, or where its use is news.
    pub unread: Option<usize>,
}

impl Commit {
    /// A commit that writes nothing yet.
    #[must_use]
    pub fn new(action: CommitAction, lifetime: Lifetime, now_ms: u64) -> Self {
        Self {
            action,
            set: Vec::new(),
            remove: Vec::new(),
            expect: Expect::default(),
            principal: None,
            new_principal: None,
            details: None,
            lifetime,
            own_lifetime: None,
            grace_ms: 0,
            begins_anew: false,
            linked: None,
            since_ms: now_ms,
            now_ms,
            unread: None,
        }
    }

    /// Whether it says whose the session is.
    pub(super) fn is_login(&self) -> bool {
        matches!(self.new_principal, Some(Some(_)))
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

/// What has to be as it was when the request looked.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expect {
    /// The version of the session.
    pub version: Option<u64>,
    /// Attributes and what they hold; `None` where they are absent.
    pub fields: Vec<(String, Option<String>)>,
}

impl fmt::Debug for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.fields.iter().map(|(name, _)| name).collect::<Vec<_>>();
        f.debug_struct("Expect").field("version", &self.version).field("fields", &names).finish()
    }
}

/// What becomes of the session itself.
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
    /// [grace](Commit::grace_ms); without one it says for ten seconds that it moved. Done again with the same key, it is
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
    /// It goes on under the key `to`.
    #[must_use]
    pub fn rotate(to: SessionKey) -> Self {
        Self::Rotate { to }
    }

    /// It begins beside the session at `of`.
    #[must_use]
    pub fn fork(of: SessionKey) -> Self {
        Self::Fork { of, afresh: false }
    }

    /// It begins beside the session at `of`, and knows nothing of it.
    #[must_use]
    pub fn fork_afresh(of: SessionKey) -> Self {
        Self::Fork { of, afresh: true }
    }

    /// It ends, and the one at `by` begins.
    #[must_use]
    pub fn replace(by: SessionKey) -> Self {
        Self::Replace { by }
    }
}

/// What a store answers to a [`Commit`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitOutcome {
    /// It is done.
    Done,
    /// The session was not there any more: nothing was written, and it stays gone.
    Gone,
    /// Something was not as [expected](Commit::expect): nothing was written.
    Conflict,
    /// The session is somebody else's than the commit [says](Commit::principal): nothing was written.
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
        /// Where it went on.
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
