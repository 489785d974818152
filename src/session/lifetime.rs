use crate::rt::unix_ms;
use std::time::{Duration, SystemTime};

/// The time for which a session lives (a day without use, 30 days at most).
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
    /// Ends a session that was not used for `idle`, and every session at `absolute` after it began.
    #[must_use]
    pub fn new(idle: Duration, absolute: Option<Duration>) -> Self {
        // Below 2^53, so that Lua's numbers are exact.
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 50);
        Self { idle_ms: ms(idle), absolute_ms: absolute.map(ms), until_closed: false }
    }

    /// Makes the browser forget the cookie when it is closed. It applies to a session's
    /// [own lifetime](super::Session::set_lifetime); for the layer's lifetime, set the [cookie](super::SessionCookie).
    #[must_use]
    pub fn until_closed(mut self) -> Self {
        self.until_closed = true;
        self
    }

    /// The idle time, after which an unused session ends.
    #[must_use]
    pub fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }

    /// The absolute time, after which a session ends, used or not.
    #[must_use]
    pub fn absolute(&self) -> Option<Duration> {
        self.absolute_ms.map(Duration::from_millis)
    }

    /// The rest at `now` of a session that is used now: `None` if it is over.
    #[must_use]
    pub fn left(&self, created_at: SystemTime, now: SystemTime) -> Option<Duration> {
        self.left_ms(unix_ms(created_at), unix_ms(now)).map(Duration::from_millis)
    }

    pub(super) fn left_ms(&self, created_ms: u64, now_ms: u64) -> Option<u64> {
        match self.absolute_ms {
            Some(absolute) => {
                let left = (created_ms.saturating_add(absolute)).saturating_sub(now_ms);
                (left > 0).then(|| left.min(self.idle_ms))
            }
            None => Some(self.idle_ms),
        }
    }

    /// Whether the idle time of a session that was last used at `seen_ms` is over.
    pub(super) fn is_idle(&self, seen_ms: u64, now_ms: u64) -> bool {
        now_ms >= seen_ms.saturating_add(self.idle_ms)
    }

    /// Whether a use is worth a write: not while nine tenths of the idle time are left.
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
