use super::SessionKey;
use std::{collections::BTreeMap, fmt, time::Duration};

/// What a store keeps of a session.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// When it began, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// Raised by every commit.
    pub version: u64,
    /// The attributes: JSON texts by name.
    pub fields: BTreeMap<String, String>,
}

impl Record {
    /// A record as it was stored.
    #[must_use]
    pub fn new(created_ms: u64, version: u64, fields: BTreeMap<String, String>) -> Self {
        Self { created_ms, version, fields }
    }
}

/// The names alone: values are the application's.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("created_ms", &self.created_ms)
            .field("version", &self.version)
            .field("fields", &self.fields.keys())
            .finish()
    }
}

/// What a store is asked for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Load<'a> {
    /// The session.
    pub key: &'a SessionKey,
    /// How long it lives from now, because it is used.
    pub lifetime: Lifetime,
    /// Now, in milliseconds since the Unix epoch.
    pub now_ms: u64,
}

impl<'a> Load<'a> {
    /// The session at `key`.
    #[must_use]
    pub fn new(key: &'a SessionKey, lifetime: Lifetime, now_ms: u64) -> Self {
        Self { key, lifetime, now_ms }
    }
}

/// What a store answers to a [`Load`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loaded {
    /// The session.
    Found(Record),
    /// There is no such session, or no longer.
    Absent,
    /// It got another key a moment ago. What it holds is not for those who know only the old one.
    Moved,
}

/// For how long after a rotation the old key says so, in milliseconds: long enough for requests that were on their way.
pub(super) const MOVED_MS: u64 = 10_000;

/// How long a session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    pub(super) idle_ms: u64,
    pub(super) absolute_ms: Option<u64>,
}

impl Lifetime {
    /// It ends when it was not used for `idle`, and at `absolute` after it began, used or not.
    #[must_use]
    pub fn new(idle: Duration, absolute: Option<Duration>) -> Self {
        // Below 2^53, so that Lua's numbers are exact.
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 50);
        Self { idle_ms: ms(idle), absolute_ms: absolute.map(ms) }
    }

    /// What is left at `now_ms` of a session that is used now; `None` where it is over.
    #[must_use]
    pub fn left_ms(&self, created_ms: u64, now_ms: u64) -> Option<u64> {
        match self.absolute_ms {
            Some(absolute) => {
                let left = (created_ms.saturating_add(absolute)).saturating_sub(now_ms);
                (left > 0).then(|| left.min(self.idle_ms))
            }
            None => Some(self.idle_ms),
        }
    }
}

impl Default for Lifetime {
    /// A day without use, 30 days at most.
    fn default() -> Self {
        let day = Duration::from_secs(24 * 3600);
        Self::new(day, Some(30 * day))
    }
}

/// What a request did to its session, for the store to do in one step.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Commit {
    /// Whether the session is new, stays, gets another id, or ends.
    pub action: Action,
    /// Attributes to write: names and JSON texts.
    pub set: Vec<(String, String)>,
    /// Attributes to remove.
    pub remove: Vec<String>,
    /// How long the session lives from now.
    pub lifetime: Lifetime,
    /// Now, in milliseconds since the Unix epoch.
    pub now_ms: u64,
}

impl Commit {
    /// A commit that writes nothing yet.
    #[must_use]
    pub fn new(action: Action, lifetime: Lifetime, now_ms: u64) -> Self {
        Self { action, set: Vec::new(), remove: Vec::new(), lifetime, now_ms }
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
            .finish()
    }
}

/// What becomes of the session itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// It begins. A key that is taken is never adopted.
    Create,
    /// It goes on under its key.
    Update,
    /// It goes on under another key, in the same step. For ten seconds the old one says that it moved.
    #[non_exhaustive]
    Rotate {
        /// The other key.
        to: SessionKey,
    },
    /// It ends.
    Destroy,
}

impl Action {
    /// It goes on under the key `to`.
    #[must_use]
    pub fn rotate(to: SessionKey) -> Self {
        Self::Rotate { to }
    }
}

/// What a store answers to a [`Commit`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Committed {
    /// It is done.
    Done,
    /// The session was not there any more: nothing was written, and it stays gone.
    Gone,
    /// The session got another key a moment ago: nothing was written.
    #[non_exhaustive]
    Moved {
        /// Where it went on.
        to: SessionKey,
    },
}

impl Committed {
    /// The session went on under the key `to`.
    #[must_use]
    pub fn moved(to: SessionKey) -> Self {
        Self::Moved { to }
    }
}
