use super::{RawOutcome, state::OUT_OF_ORDER_MS, window_ms};
use std::time::Duration;

/// The generic cell rate algorithm: a burst, and then one request after each equal step of time.
///
/// Where a token bucket refills in jumps, this one does so continuously, with a single number for each client: the
/// theoretical arrival time (ITU-T I.371; the name is from there). In a first period up to `burst` and the rate can
/// pass, which is what a burst means. `@upstash/ratelimit` has no such algorithm: the key is this crate's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gcra {
    pub(super) burst: u64,
    /// The step from one request to the next, in microseconds.
    pub(super) emission_us: u64,
}

/// Times stay exact in Lua's numbers.
const LONGEST_US: u64 = 1 << 52;

impl Gcra {
    /// `rate` requests in each `period`, evenly spread, and up to `burst` of them at once.
    ///
    /// A rate or a burst of nothing counts as one. The step between two requests is a whole number of microseconds.
    #[must_use]
    pub fn new(rate: u32, period: Duration, burst: u32) -> Self {
        let burst = u64::from(burst.max(1));
        let period_us = window_ms(period).saturating_mul(1_000);
        let emission_us = (period_us / u64::from(rate.max(1))).clamp(1, LONGEST_US / burst);
        Self { burst, emission_us }
    }

    pub(super) fn tolerance_us(&self) -> u64 {
        self.burst.saturating_mul(self.emission_us)
    }

    /// Decides with the theoretical arrival time before the request, not earlier than now.
    pub(super) fn judge(&self, now_ms: u64, tat_us: u64, cost: i64) -> RawOutcome {
        let left = self.left(now_ms, tat_us);
        let after = self.after(now_ms, tat_us, cost);
        let allowed = cost <= 0 || left >= cost;
        let reset_us = if allowed { after } else { tat_us };
        let judged = RawOutcome::of(self.burst, left, cost, reset_us.div_ceil(1_000), || {
            Some(after.saturating_sub(self.tolerance_us()).div_ceil(1_000))
        });
        // A refund fills the burst and no more.
        RawOutcome { left: if cost < 0 { self.left(now_ms, after) } else { judged.left }, ..judged }
    }

    /// An arrival time that is not in the past. A clock ahead can have used the whole burst up, and no more.
    pub(super) fn bounded(&self, tat_us: u64, now_us: u64) -> u64 {
        let full = now_us.saturating_add(self.tolerance_us());
        if tat_us > full.saturating_add(OUT_OF_ORDER_MS * 1_000) { full } else { tat_us.max(now_us) }
    }

    /// What the burst still has room for. Room that is lacking counts downward.
    fn left(&self, now_ms: u64, tat_us: u64) -> i64 {
        let ahead = tat_us.saturating_sub(now_ms.saturating_mul(1_000));
        match self.tolerance_us().checked_sub(ahead) {
            Some(room) => to_i64(room / self.emission_us),
            None => -to_i64((ahead - self.tolerance_us()).div_ceil(self.emission_us)),
        }
    }

    /// The arrival time after a request; a refund leads back to now and no further.
    pub(super) fn after(&self, now_ms: u64, tat_us: u64, cost: i64) -> u64 {
        let now = now_ms.saturating_mul(1_000);
        let step = cost.unsigned_abs().saturating_mul(self.emission_us);
        if cost < 0 { tat_us.saturating_sub(step).max(now) } else { tat_us.max(now).saturating_add(step) }
    }
}

fn to_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_whole_microseconds_and_bounded() {
        assert_eq!(Gcra::new(3, Duration::from_secs(1), 1).emission_us, 333_333);
        assert_eq!(Gcra::new(u32::MAX, Duration::from_secs(1), 1).emission_us, 1);
        assert_eq!(Gcra::new(0, Duration::ZERO, 0), Gcra { burst: 1, emission_us: 1_000 });
        let longest = Gcra::new(1, Duration::MAX, u32::MAX);
        assert!(longest.tolerance_us() <= LONGEST_US);
    }
}
