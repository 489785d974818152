use super::{Commit, CommitAction, PrincipalKey, SessionKey};
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

/// What a store keeps of a session.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// When it began, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// When it was last used, in milliseconds since the Unix epoch; up to a tenth of the idle time ago.
    pub seen_ms: u64,
    /// Raised by every commit.
    pub version: u64,
    /// The attributes: JSON texts by name.
    pub fields: BTreeMap<String, String>,
    /// Whose it is.
    pub principal: Option<PrincipalKey>,
    /// When its principal was set, in milliseconds since the Unix epoch: the time of the login.
    pub authenticated_ms: Option<u64>,
    /// What is known of where it is used.
    pub details: DeviceInfo,
    /// Its own lifetime, in place of the layer's.
    pub lifetime: Option<Lifetime>,
    /// The key that it was rotated from, until a request with the new id [confirms](super::SessionStore::confirm) it.
    pub replaces: Option<SessionKey>,
    /// It was rotated, and no request with the new id has come yet.
    pub replaced: Option<Replaced>,
}

/// The rotation of a session that has not ended yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replaced {
    /// The new key.
    pub by: SessionKey,
    /// When that was, in milliseconds since the Unix epoch.
    pub at_ms: u64,
}

impl Replaced {
    /// By the session at `by`.
    #[must_use]
    pub fn new(by: SessionKey, at_ms: u64) -> Self {
        Self { by, at_ms }
    }

    /// Whether a request that arrived at `ms` may have been on its way during the rotation. A later one shows that the
    /// client never got the new id.
    pub(super) fn is_recent(&self, ms: u64) -> bool {
        ms < self.at_ms.saturating_add(MOVED_MS)
    }
}

impl Record {
    /// A record as it was stored, of nobody.
    #[must_use]
    pub fn new(created_ms: u64, version: u64, fields: BTreeMap<String, String>) -> Self {
        Self {
            created_ms,
            seen_ms: created_ms,
            version,
            fields,
            principal: None,
            authenticated_ms: None,
            details: DeviceInfo::default(),
            lifetime: None,
            replaces: None,
            replaced: None,
        }
    }
}

impl Record {
    /// Becomes what a commit makes of it, with the attributes of `set` in place of the commit's own.
    pub(super) fn apply(&mut self, commit: &Commit, set: impl IntoIterator<Item = (String, String)>) {
        let now_ms = commit.now_ms;
        self.version += 1;
        self.fields.extend(set);
        for name in &commit.remove {
            self.fields.remove(name);
        }
        if let Some(principal) = &commit.new_principal {
            let is_login = principal.is_some();
            self.principal.clone_from(principal);
            self.authenticated_ms = is_login.then_some(now_ms);
            if is_login && (commit.begins_anew || matches!(commit.action, CommitAction::Rotate { .. })) {
                self.created_ms = now_ms;
            }
        }
        if let Some(details) = &commit.details {
            self.details.clone_from(details);
        }
        if let Some(lifetime) = commit.own_lifetime {
            (self.lifetime, self.seen_ms) = (lifetime, now_ms);
        }
    }

    /// The size in bytes of its attributes, names and texts, but for those that are left out.
    pub(super) fn size_without(&self, leaves_out: impl Fn(&str) -> bool) -> usize {
        let counted = self.fields.iter().filter(|(name, _)| !leaves_out(name));
        counted.map(|(name, text)| name.len() + text.len()).sum()
    }

    /// How long it lives: its own lifetime, or the layer's.
    pub(super) fn lifetime(&self, layer: Lifetime) -> Lifetime {
        self.lifetime.unwrap_or(layer)
    }

    /// Whether it is alive.
    pub(super) fn lives(&self, layer: Lifetime, now_ms: u64) -> bool {
        let lifetime = self.lifetime(layer);
        lifetime.left_ms(self.created_ms, now_ms).is_some() && !lifetime.is_idle(self.seen_ms, now_ms)
    }

    /// Whether a use of it is worth a write.
    pub(super) fn is_touch(&self, layer: Lifetime, now_ms: u64) -> bool {
        self.lifetime(layer).is_touch(self.seen_ms, now_ms)
    }

    /// When it ends, if it is not used again.
    pub(super) fn ends_ms(&self, layer: Lifetime) -> u64 {
        let lifetime = self.lifetime(layer);
        let idle = self.seen_ms.saturating_add(lifetime.idle_ms);
        lifetime.absolute_ms.map_or(idle, |absolute| idle.min(self.created_ms.saturating_add(absolute)))
    }
}

/// The names alone: values are the application's.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("created_ms", &self.created_ms)
            .field("seen_ms", &self.seen_ms)
            .field("version", &self.version)
            .field("fields", &self.fields.keys())
            .field("principal", &self.principal.is_some())
            .finish_non_exhaustive()
    }
}

/// What is known of where a session is used.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// The browser, as it names itself.
    pub user_agent: Option<String>,
    /// The network it is used from, such as `203.0.113.0/24`: not the address, which is nobody's business later.
    pub network: Option<String>,
}

impl fmt::Debug for DeviceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceInfo").finish_non_exhaustive()
    }
}

/// What a store is asked for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Load<'a> {
    /// The session.
    pub key: &'a SessionKey,
    /// How long it lives from now, because it is used, if it has no lifetime of its own.
    pub lifetime: Lifetime,
    /// When the request arrived, in milliseconds since the Unix epoch. A session that was rotated goes on under its old key
    /// if that was more than ten seconds after the rotation: then its client never got the new id.
    pub since_ms: u64,
    /// Now, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// The other sessions that the client has cookies of. One that was rotated to one of these is [`Loaded::Moved`].
    pub others: &'a [SessionKey],
}

impl<'a> Load<'a> {
    /// The session at `key`.
    #[must_use]
    pub fn new(key: &'a SessionKey, lifetime: Lifetime, now_ms: u64) -> Self {
        Self { key, lifetime, since_ms: now_ms, now_ms, others: &[] }
    }
}

/// What a store answers to a [`Load`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loaded {
    /// The session, shared with a store that has it in memory.
    Found(Arc<Record>),
    /// There is no such session, or no longer.
    Absent,
    /// It got another key a moment ago. What it holds is not for those who know only the old one.
    Moved,
}

/// For how long after a rotation the old key says so, in milliseconds: long enough for requests that were on their way.
pub(super) const MOVED_MS: u64 = 10_000;

/// For so long after a session was known to be under a key it is sure that it would say where it went: a session that is not
/// there then has ended. Half of the time, because a request to the store takes its own.
pub(super) const SURE_MS: u64 = MOVED_MS / 2;

/// How long a session lives.
///
/// ```
/// use axum_upstash::session::Lifetime;
/// use std::time::Duration;
///
/// let day = Duration::from_secs(86_400);
/// let remembered = Lifetime::new(30 * day, Some(90 * day));
/// let on_this_visit = Lifetime::new(day / 24, Some(day)).until_closed();
/// # assert_ne!(remembered, on_this_visit);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    pub(super) idle_ms: u64,
    pub(super) absolute_ms: Option<u64>,
    pub(super) until_closed: bool,
}

impl Lifetime {
    /// It ends when it was not used for `idle`, and at `absolute` after it began, used or not.
    #[must_use]
    pub fn new(idle: Duration, absolute: Option<Duration>) -> Self {
        // Below 2^53, so that Lua's numbers are exact.
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 50);
        Self { idle_ms: ms(idle), absolute_ms: absolute.map(ms), until_closed: false }
    }

    /// The same for a session whose cookie the browser forgets when it is closed. It counts for a session's
    /// [own lifetime](super::Session::set_lifetime); of the layer's, the [cookie](super::SessionCookie) says it.
    #[must_use]
    pub fn until_closed(mut self) -> Self {
        self.until_closed = true;
        self
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

    /// Whether a session that was last used at `seen_ms` has ended for want of use.
    #[must_use]
    pub fn is_idle(&self, seen_ms: u64, now_ms: u64) -> bool {
        now_ms >= seen_ms.saturating_add(self.idle_ms)
    }

    /// Whether a use of it is worth a write: not where nine tenths of the idle time are left.
    pub(super) fn is_touch(&self, seen_ms: u64, now_ms: u64) -> bool {
        now_ms.saturating_sub(seen_ms) > self.idle_ms / 10
    }
}

impl Default for Lifetime {
    /// A day without use, 30 days at most.
    fn default() -> Self {
        let day = Duration::from_secs(24 * 3600);
        Self::new(day, Some(30 * day))
    }
}
