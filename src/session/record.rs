use super::{PrincipalKey, SessionKey};
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
    /// What is known of where it is used.
    pub details: Details,
}

impl Record {
    /// A record as it was stored, of nobody.
    #[must_use]
    pub fn new(created_ms: u64, version: u64, fields: BTreeMap<String, String>) -> Self {
        Self { created_ms, seen_ms: created_ms, version, fields, principal: None, details: Details::default() }
    }
}

impl Record {
    /// Becomes what a commit makes of it.
    pub(super) fn apply(
        &mut self,
        set: impl IntoIterator<Item = (String, String)>,
        remove: &[String],
        principal: Option<Option<PrincipalKey>>,
        details: Option<Details>,
    ) {
        self.version += 1;
        self.fields.extend(set);
        for name in remove {
            self.fields.remove(name);
        }
        self.principal = principal.unwrap_or_else(|| self.principal.take());
        self.details = details.unwrap_or_else(|| std::mem::take(&mut self.details));
    }

    /// The size in bytes of its attributes, names and texts, but for those that are left out.
    pub(super) fn size_without(&self, leaves_out: impl Fn(&str) -> bool) -> usize {
        let counted = self.fields.iter().filter(|(name, _)| !leaves_out(name));
        counted.map(|(name, text)| name.len() + text.len()).sum()
    }

    /// When it ends, if it is not used again.
    pub(super) fn ends_ms(&self, lifetime: Lifetime) -> u64 {
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

/// What is known of where a session is used, and how long its cookie is kept there.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Details {
    /// The browser, as it names itself.
    pub user_agent: Option<String>,
    /// The network it is used from, such as `203.0.113.0/24`: not the address, which is nobody's business later.
    pub network: Option<String>,
    /// For how many seconds the browser keeps the cookie; 0 until it is closed. As the layer's cookie says, if nothing
    /// else was said for this session.
    pub max_age_s: Option<u64>,
}

impl fmt::Debug for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Details").field("max_age_s", &self.max_age_s).finish_non_exhaustive()
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
