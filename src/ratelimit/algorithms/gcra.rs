use super::{CounterName, OUT_OF_ORDER_MS, Rate, RawOutcome, Rules, State};
use std::time::Duration;

/// The generic cell rate algorithm: a burst, and then one request after each equal step of time.
///
/// A token bucket refills in jumps; this algorithm refills continuously, with a single number for each client: the
/// theoretical arrival time (ITU-T I.371; the name is from there). In a first period up to `burst` and the rate can
/// pass, which is what a burst means. `@upstash/ratelimit` has no such algorithm: the key is this crate's own.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::{Gcra, Rate}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), axum_upstash::Error> {
/// // One each second, and up to 3 at once.
/// let upstash = Upstash::builder().or_memory().build()?;
/// let limiter = upstash.ratelimit(Gcra::new(Rate::per_minute(60), 3));
/// for left in [2, 1, 0] {
///     assert_eq!(limiter.limit("user:7").await?.remaining, left);
/// }
/// let wait = limiter.limit("user:7").await?.retry_after.expect("refused");
/// assert!(wait <= std::time::Duration::from_secs(1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gcra {
    rate: Rate,
    burst: u64,
}

/// Times stay exact in Lua's numbers.
const LONGEST_US: u64 = 1 << 52;

impl Gcra {
    /// Requests at `rate`, evenly spread, and up to `burst` of them at once.
    ///
    /// The step between two requests is a whole number of microseconds. A burst of zero is an error of the limiter that
    /// has it.
    #[must_use]
    pub const fn new(rate: Rate, burst: u32) -> Self {
        Self { rate, burst: burst as u64 }
    }

    pub(super) fn with_limit(self, limit: u32) -> Self {
        Self { burst: limit.into(), ..self }
    }

    /// The step from one request to the next, in microseconds.
    fn emission_us(&self) -> u64 {
        let period_us = self.rate.interval_ms.max(1).saturating_mul(1_000);
        (period_us / u64::from(self.rate.amount.max(1))).clamp(1, LONGEST_US / self.burst.max(1))
    }

    fn tolerance_us(&self) -> u64 {
        self.burst.saturating_mul(self.emission_us())
    }

    /// Decides with the theoretical arrival time before the request, not earlier than now.
    fn decide_with(&self, now_ms: u64, tat_us: u64, cost: i64) -> RawOutcome {
        let left = self.left(now_ms, tat_us);
        let after = self.after(now_ms, tat_us, cost);
        let allowed = cost <= 0 || left >= cost;
        let reset_us = if allowed { after } else { tat_us };
        let raw = RawOutcome::of(self.burst, left, cost, reset_us.div_ceil(1_000), || {
            Some(after.saturating_sub(self.tolerance_us()).div_ceil(1_000))
        });
        // A refund fills the burst and no more.
        RawOutcome { left: if cost < 0 { self.left(now_ms, after) } else { raw.left }, ..raw }
    }

    /// An arrival time that is not in the past. A clock ahead can have used the whole burst up, and no more.
    fn bounded(&self, tat_us: u64, now_us: u64) -> u64 {
        let full = now_us.saturating_add(self.tolerance_us());
        if tat_us > full.saturating_add(OUT_OF_ORDER_MS * 1_000) { full } else { tat_us.max(now_us) }
    }

    /// Remaining room of the burst. A lack of room is negative.
    fn left(&self, now_ms: u64, tat_us: u64) -> i64 {
        let ahead = tat_us.saturating_sub(now_ms.saturating_mul(1_000));
        match self.tolerance_us().checked_sub(ahead) {
            Some(room) => to_i64(room / self.emission_us()),
            None => -to_i64((ahead - self.tolerance_us()).div_ceil(self.emission_us())),
        }
    }

    /// The arrival time after a request; a refund leads back to now and no further.
    fn after(&self, now_ms: u64, tat_us: u64, cost: i64) -> u64 {
        let now = now_ms.saturating_mul(1_000);
        let step = cost.unsigned_abs().saturating_mul(self.emission_us());
        if cost < 0 { tat_us.saturating_sub(step).max(now) } else { tat_us.max(now).saturating_add(step) }
    }
}

impl Rules for Gcra {
    fn problem(&self) -> Option<&'static str> {
        self.rate.problem().or_else(|| (self.burst == 0).then_some("the burst is zero"))
    }

    fn limit(&self) -> u64 {
        self.burst
    }

    fn window(&self) -> Duration {
        Duration::from_micros(self.tolerance_us())
    }

    fn decide(&self, now_ms: u64, state: Option<State>, cost: i64) -> (RawOutcome, State) {
        let now_us = now_ms.saturating_mul(1_000);
        let arrival = match state {
            Some(State::Arrival(arrival)) => self.bounded(arrival, now_us),
            _ => now_us,
        };
        let raw = self.decide_with(now_ms, arrival, cost);
        let after = if raw.allowed { self.after(now_ms, arrival, cost) } else { arrival };
        (raw, State::Arrival(after))
    }

    fn expires_ms(&self, state: State) -> u64 {
        match state {
            State::Arrival(arrival) => arrival.div_ceil(1_000),
            _ => 0,
        }
    }

    fn namespace(&self) -> u64 {
        u64::MAX
    }

    fn counters(&self, _: u64) -> Vec<CounterName> {
        vec![CounterName::Tagged("gcra")]
    }

    fn script_arguments(&self) -> (u8, u64, u64) {
        (4, self.emission_us(), 0)
    }

    fn state_from_reply(&self, arrival: i64, _: i64, _: u64) -> State {
        State::Arrival(u64::try_from(arrival).unwrap_or(0))
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
        assert_eq!(Gcra::new(Rate::per_second(3), 1).emission_us(), 333_333);
        assert_eq!(Gcra::new(Rate::per_second(u32::MAX), 1).emission_us(), 1);
        let longest = Gcra::new(Rate::new(1, Duration::MAX), u32::MAX);
        assert!(longest.tolerance_us() <= LONGEST_US);
    }
}
