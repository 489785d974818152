use std::time::Duration;

/// A number of requests or tokens in each interval, at which a [`TokenBucket`](super::TokenBucket) refills and
/// [`Gcra`](super::Gcra) admits.
///
/// ```
/// use axum_upstash::ratelimit::Rate;
/// use std::time::Duration;
///
/// assert_eq!(Rate::per_minute(100), Rate::new(100, Duration::from_secs(60)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub(super) amount: u32,
    pub(super) interval_ms: u64,
}

impl Rate {
    /// `amount` in each `interval`, in whole milliseconds.
    ///
    /// A rate of zero, or an interval of less than a millisecond, is an error of the limiter that has it.
    #[must_use]
    pub const fn new(amount: u32, interval: Duration) -> Self {
        Self { amount, interval_ms: whole_ms(interval) }
    }

    /// `amount` in each second.
    #[must_use]
    pub const fn per_second(amount: u32) -> Self {
        Self { amount, interval_ms: 1_000 }
    }

    /// `amount` in each minute.
    #[must_use]
    pub const fn per_minute(amount: u32) -> Self {
        Self { amount, interval_ms: 60_000 }
    }

    /// `amount` in each hour.
    #[must_use]
    pub const fn per_hour(amount: u32) -> Self {
        Self { amount, interval_ms: 3_600_000 }
    }

    pub(super) const fn problem(self) -> Option<&'static str> {
        if self.amount == 0 {
            return Some("the rate is zero");
        }
        if self.interval_ms == 0 { Some("the interval of the rate is shorter than a millisecond") } else { None }
    }
}

/// Whole milliseconds, below 2^52 so that Lua's numbers are exact.
#[allow(clippy::cast_possible_truncation, reason = "bounded before")]
pub(super) const fn whole_ms(duration: Duration) -> u64 {
    const LONGEST: u64 = 1 << 52;
    let ms = duration.as_millis();
    if ms > LONGEST as u128 { LONGEST } else { ms as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_milliseconds_and_bounded() {
        assert_eq!(whole_ms(Duration::from_micros(1_999)), 1);
        assert_eq!(whole_ms(Duration::MAX), 1 << 52);
        assert_eq!(Rate::new(0, Duration::from_secs(1)).problem(), Some("the rate is zero"));
        assert!(Rate::new(1, Duration::from_micros(999)).problem().is_some());
        assert_eq!(Rate::per_hour(1).problem(), None);
    }
}
