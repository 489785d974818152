use super::Decision;
use crate::rt::{Deadline, random_u64};
use std::time::Duration;

/// The wait before a refused request is tried again: `None` if it passed, never can, or cannot before the deadline.
///
/// It is the exact time, and up to a tenth of it (a second at most) longer, so that requests that wait together do not
/// come back together.
pub(super) fn pause(decision: &Decision, deadline: Deadline) -> Option<Duration> {
    let wait = decision.retry_after.filter(|_| !decision.allowed)?.max(Duration::from_millis(1));
    let left = deadline.remaining();
    (wait <= left).then(|| (wait + jitter(wait)).min(left))
}

#[allow(clippy::cast_precision_loss, reason = "a fraction needs no more than 53 bits")]
fn jitter(wait: Duration) -> Duration {
    let max = (wait / 10).min(Duration::from_secs(1));
    max.mul_f64((random_u64() >> 11) as f64 / (1u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratelimit::{Reason, store::Outcome};

    #[test]
    fn a_refused_request_waits_a_little_longer_than_it_must() {
        let deadline = Deadline::after(Duration::from_secs(3_600));
        let decision = |outcome: Outcome| Decision::new(&outcome, 0, Reason::Counted);
        let refused = decision(Outcome::unknown(false, 1, 0, 0).with_retry_after(Duration::from_secs(60)));
        for _ in 0..100 {
            let wait = pause(&refused, deadline).unwrap();
            assert!(wait >= Duration::from_secs(60) && wait <= Duration::from_secs(61), "{wait:?}");
        }
        assert_eq!(pause(&refused, Deadline::after(Duration::from_secs(59))), None, "too late");
        assert_eq!(pause(&decision(Outcome::unknown(true, 1, 0, 0)), deadline), None, "it passed");
        assert_eq!(pause(&decision(Outcome::unknown(false, 1, 0, 0)), deadline), None, "it never can");
    }
}
