use super::{Commit, CommitAction};
use crate::{
    rt::{from_unix_ms, unix_ms},
    session::{DeviceInfo, Lifetime, PrincipalKey, SessionKey},
};
use std::{collections::BTreeMap, fmt, sync::Arc, time::SystemTime};

/// A session as a store keeps it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// The number of commits so far.
    pub version: u64,
    /// The attributes: JSON texts by name.
    pub fields: BTreeMap<String, String>,
    /// The principal.
    pub principal: Option<PrincipalKey>,
    /// The device.
    pub device: DeviceInfo,
    /// The session's own lifetime, in place of the layer's.
    pub lifetime: Option<Lifetime>,
    /// The key that the session was rotated from, until a request with the new id
    /// [confirms](super::SessionStore::confirm) it.
    pub replaces: Option<SessionKey>,
    /// The rotation of the session, if no request with the new id has come yet.
    pub replaced: Option<Replaced>,
    pub(in crate::session) created_ms: u64,
    pub(in crate::session) seen_ms: u64,
    pub(in crate::session) authenticated_ms: Option<u64>,
}

/// The rotation of a session that has not ended yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replaced {
    /// The new key.
    pub by: SessionKey,
    pub(in crate::session) at_ms: u64,
}

impl Replaced {
    /// The rotation to the session at `by`.
    #[must_use]
    pub fn new(by: SessionKey, at: SystemTime) -> Self {
        Self { by, at_ms: unix_ms(at) }
    }

    /// The time of the rotation.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        from_unix_ms(self.at_ms)
    }

    /// Whether a request that arrived at `ms` may have been on its way during the rotation. A later one shows that the
    /// client never got the new id.
    pub(in crate::session) fn is_recent(&self, ms: u64) -> bool {
        ms < self.at_ms.saturating_add(MOVED_MS)
    }
}

impl Record {
    /// A record of a session without a principal, last used when it began.
    #[must_use]
    pub fn new(created_at: SystemTime, version: u64, fields: BTreeMap<String, String>) -> Self {
        Self::begun(unix_ms(created_at), version, fields)
    }

    /// Sets the time of the last use.
    #[must_use]
    pub fn with_seen_at(mut self, seen_at: SystemTime) -> Self {
        self.seen_ms = unix_ms(seen_at);
        self
    }

    /// Sets the time of the login.
    #[must_use]
    pub fn with_authenticated_at(mut self, authenticated_at: Option<SystemTime>) -> Self {
        self.authenticated_ms = authenticated_at.map(unix_ms);
        self
    }

    /// The time at which the session began.
    #[must_use]
    pub fn created_at(&self) -> SystemTime {
        from_unix_ms(self.created_ms)
    }

    /// The time of the last use, up to a tenth of the idle time ago.
    #[must_use]
    pub fn seen_at(&self) -> SystemTime {
        from_unix_ms(self.seen_ms)
    }

    /// The time of the login, when the principal was set.
    #[must_use]
    pub fn authenticated_at(&self) -> Option<SystemTime> {
        self.authenticated_ms.map(from_unix_ms)
    }

    pub(in crate::session) fn begun(created_ms: u64, version: u64, fields: BTreeMap<String, String>) -> Self {
        Self {
            created_ms,
            seen_ms: created_ms,
            version,
            fields,
            principal: None,
            authenticated_ms: None,
            device: DeviceInfo::default(),
            lifetime: None,
            replaces: None,
            replaced: None,
        }
    }
}

impl Record {
    /// Becomes what a commit makes of it, with the attributes of `set` in place of the commit's own.
    pub(in crate::session) fn apply(&mut self, commit: &Commit, set: impl IntoIterator<Item = (String, String)>) {
        let now_ms = commit.now_ms;
        self.version += 1;
        self.fields.extend(set);
        for name in &commit.remove {
            self.fields.remove(name);
        }
        if let Some(principal) = commit.new_principal.as_option() {
            let is_login = principal.is_some();
            self.principal = principal.cloned();
            self.authenticated_ms = is_login.then_some(now_ms);
            if is_login && (commit.begins_anew || matches!(commit.action, CommitAction::Rotate { .. })) {
                self.created_ms = now_ms;
            }
        }
        if let Some(device) = &commit.device {
            self.device.clone_from(device);
        }
        if let Some(lifetime) = commit.own_lifetime.as_option() {
            (self.lifetime, self.seen_ms) = (lifetime.copied(), now_ms);
        }
    }

    /// The size in bytes of its attributes, names and texts, but for those that are left out.
    pub(in crate::session) fn size_without(&self, leaves_out: impl Fn(&str) -> bool) -> usize {
        let counted = self.fields.iter().filter(|(name, _)| !leaves_out(name));
        counted.map(|(name, text)| name.len() + text.len()).sum()
    }

    /// How long it lives: its own lifetime, or the layer's.
    pub(in crate::session) fn lifetime(&self, layer: Lifetime) -> Lifetime {
        self.lifetime.unwrap_or(layer)
    }

    /// Whether it is alive.
    pub(in crate::session) fn lives(&self, layer: Lifetime, now_ms: u64) -> bool {
        let lifetime = self.lifetime(layer);
        lifetime.left_ms(self.created_ms, now_ms).is_some() && !lifetime.is_idle(self.seen_ms, now_ms)
    }

    /// Whether a use of it is worth a write.
    pub(in crate::session) fn is_touch(&self, layer: Lifetime, now_ms: u64) -> bool {
        self.lifetime(layer).is_touch(self.seen_ms, now_ms)
    }

    /// When it ends, if it is not used again.
    pub(in crate::session) fn ends_ms(&self, layer: Lifetime) -> u64 {
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

/// The request for a session.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Load<'a> {
    /// The key of the session.
    pub key: &'a SessionKey,
    /// The lifetime from now, of a session without a lifetime of its own.
    pub lifetime: Lifetime,
    /// The other sessions that the client has cookies of. A session that was rotated to one of these is
    /// [`Loaded::Moved`].
    pub others: &'a [SessionKey],
    pub(in crate::session) since_ms: u64,
    pub(in crate::session) now_ms: u64,
}

impl<'a> Load<'a> {
    /// A request for the session at `key`.
    #[must_use]
    pub fn new(key: &'a SessionKey, lifetime: Lifetime, now: SystemTime) -> Self {
        Self::at(key, lifetime, unix_ms(now))
    }

    pub(in crate::session) fn at(key: &'a SessionKey, lifetime: Lifetime, now_ms: u64) -> Self {
        Self { key, lifetime, since_ms: now_ms, now_ms, others: &[] }
    }

    /// Sets the time of the load.
    #[must_use]
    pub fn with_now(mut self, now: SystemTime) -> Self {
        self.now_ms = unix_ms(now);
        self
    }

    /// Sets the time at which the request arrived (now).
    #[must_use]
    pub fn with_since(mut self, since: SystemTime) -> Self {
        self.since_ms = unix_ms(since);
        self
    }

    /// The time at which the request arrived. A session that was rotated more than ten seconds before goes on under its
    /// old key: its client never got the new id.
    #[must_use]
    pub fn since(&self) -> SystemTime {
        from_unix_ms(self.since_ms)
    }

    /// The time of the load, at which the idle time begins anew.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        from_unix_ms(self.now_ms)
    }
}

/// The answer of a store to a [`Load`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loaded {
    /// The session, shared with a store that has it in memory.
    Found(Arc<Record>),
    /// There is no such session, or no longer.
    Absent,
    /// The session got another key a moment ago. Its content is not for a client that has only the old one.
    Moved,
}

/// The time after a rotation for which the old key reports it, in milliseconds: long enough for requests on their way.
pub(in crate::session) const MOVED_MS: u64 = 10_000;

/// Within this time of the last lookup, a missing key means that the session ended, because the redirect left by a rotation
/// would still exist. It is half of that time, because a request to the store takes its own.
pub(in crate::session) const SURE_MS: u64 = MOVED_MS / 2;
