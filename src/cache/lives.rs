use std::time::Duration;

/// The times for which a value may be used, each from the moment at which it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lives {
    /// The time as a fresh value.
    pub fresh: Duration,
    /// The time in which it may be used while another is computed.
    pub stale: Duration,
    /// The time in which it may be used if its computation fails.
    pub on_error: Duration,
}

/// What a value may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Freshness {
    /// Of nothing.
    Over,
    /// If its computation fails.
    OnError,
    /// While it is computed.
    Stale,
    Fresh,
}

impl Lives {
    /// A value that is fresh for so long, and is not used afterwards.
    #[must_use]
    pub fn of(fresh: Duration) -> Self {
        Self { fresh, stale: fresh, on_error: fresh }
    }

    /// The longest of them.
    #[must_use]
    pub fn longest(self) -> Duration {
        self.fresh.max(self.stale).max(self.on_error)
    }
}

/// The ends of the lives of a value, in milliseconds of this process's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    /// A clock that was set back before this has no fresh values.
    pub(super) since_ms: u64,
    pub(super) fresh_ms: u64,
    pub(super) stale_ms: u64,
    pub(super) on_error_ms: u64,
}

impl Ends {
    pub(super) fn of(lives: Lives, now_ms: u64) -> Self {
        Self {
            since_ms: now_ms,
            fresh_ms: after(now_ms, lives.fresh),
            stale_ms: after(now_ms, lives.stale),
            on_error_ms: after(now_ms, lives.on_error),
        }
    }

    pub(super) fn freshness(&self, now_ms: u64) -> Freshness {
        if now_ms < self.since_ms {
            return Freshness::Over;
        }
        match now_ms {
            now if now < self.fresh_ms => Freshness::Fresh,
            now if now < self.stale_ms => Freshness::Stale,
            now if now < self.on_error_ms => Freshness::OnError,
            _ => Freshness::Over,
        }
    }

    /// Whether so much of the fresh life has passed that the value is refreshed ahead of its end.
    #[allow(clippy::cast_precision_loss, reason = "a life is below 2^53 milliseconds")]
    pub(super) fn is_late(&self, now_ms: u64, part: f64) -> bool {
        let life = self.fresh_ms.saturating_sub(self.since_ms) as f64;
        now_ms.saturating_sub(self.since_ms) as f64 >= life * part
    }
}

/// The time that is so much later, in milliseconds; the last one, if there is none.
pub(super) fn after(now_ms: u64, time: Duration) -> u64 {
    now_ms.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ages() {
        let seconds = Duration::from_secs;
        let lives = Lives { fresh: seconds(1), stale: seconds(3), on_error: seconds(10) };
        let ends = Ends::of(lives, 5_000);
        for (now_ms, expected) in [
            (4_999, Freshness::Over),
            (5_000, Freshness::Fresh),
            (5_999, Freshness::Fresh),
            (6_000, Freshness::Stale),
            (7_999, Freshness::Stale),
            (8_000, Freshness::OnError),
            (15_000, Freshness::Over),
        ] {
            assert_eq!(ends.freshness(now_ms), expected, "{now_ms}");
        }
        assert!(!ends.is_late(5_899, 0.9) && ends.is_late(5_900, 0.9));
        assert_eq!(Ends::of(Lives { fresh: Duration::MAX, ..lives }, 1).fresh_ms, u64::MAX);
    }
}
