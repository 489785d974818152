use super::Decision;
use crate::rt::{Deadline, random_u64};
use std::time::Duration;

/// How long to wait before a refused request is tried again: `None` where it passed, never can, or not in time.
///
/// It is the exact time, and up to a tenth of it (a second at most) longer, so that those who wait together do not all
/// come back together.
pub(super) fn pause(decision: &Decision, deadline: Deadline) -> Option<Duration> {
    let wait = decision.retry_after.filter(|_| !decision.allowed)?.max(Duration::from_millis(1));
    let left = deadline.remaining();
    (wait <= left).then(|| (wait + jitter(wait)).min(left))
}

#[allow(clippy::cast_precision_loss, reason = "a fraction needs no more than 53 bits")]
fn jitter(wait: Duration) -> Duration {
    let most = (wait / 10).min(Duration::from_secs(1));
    most.mul_f64((random_u64() >> 11) as f64 / (1u64 << 53) as f64)
}
