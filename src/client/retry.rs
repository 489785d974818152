use super::TransportErrorKind;
use crate::rt::random_u64;
use crate::{Error, ErrorKind};
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use std::time::Duration;

/// The number of retries of a request, and the waits between them.
///
/// Waits grow by a factor of two from the base, are drawn at random between zero and that value ("full jitter"), and
/// never pass the deadline of the call. If the service sends `Retry-After`, the policy waits for that time instead,
/// when the deadline allows it.
///
/// ```
/// use axum_upstash::{client::RetryPolicy, redis::Redis};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let policy = RetryPolicy::default().with_max_retries(5).with_backoff(Duration::from_millis(50), Duration::from_secs(2));
/// let redis = Redis::builder("https://eu1-example.upstash.io", "token").retry(policy).build()?;
/// # drop(redis);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct RetryPolicy {
    max_retries: u32,
    base: Duration,
    max: Duration,
}

impl RetryPolicy {
    /// Every request is sent once.
    pub const fn never() -> Self {
        Self { max_retries: 0, base: Duration::ZERO, max: Duration::ZERO }
    }

    /// Sets how many times a request may be sent again (3).
    pub const fn with_max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// The first wait's upper bound (50 ms), and the bound that no wait passes (1 s).
    pub const fn with_backoff(mut self, base: Duration, max: Duration) -> Self {
        self.base = base;
        self.max = max;
        self
    }

    /// The wait before another attempt, which counts from 0.
    pub(crate) fn backoff(&self, attempt: u32) -> Duration {
        let bound = self.base.saturating_mul(1u32.checked_shl(attempt).unwrap_or(u32::MAX)).min(self.max);
        let bound_us = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(random_u64() % bound_us.saturating_add(1).max(1))
    }

    /// The wait before sending again after `failure`, or `None` if it is final. `attempt` counts from 0.
    pub(crate) fn wait(&self, attempt: u32, repeat: Repeat, failure: Failure<'_>) -> Option<Duration> {
        if attempt >= self.max_retries {
            return None;
        }
        match failure {
            Failure::Transport(TransportErrorKind::Connect) => Some(self.backoff(attempt)),
            Failure::Transport(TransportErrorKind::Interrupted) if repeat == Repeat::Safe => {
                Some(self.backoff(attempt))
            }
            Failure::Transport(_) => None,
            // The service says it did nothing; without a time to come back there is no use in asking again.
            Failure::Status(StatusCode::TOO_MANY_REQUESTS, headers) => retry_after(headers),
            Failure::Status(status, headers) if repeat == Repeat::Safe && is_transient(status) => {
                Some(retry_after(headers).unwrap_or_else(|| self.backoff(attempt)))
            }
            Failure::Status(..) => None,
        }
    }
}

impl RetryPolicy {
    /// The wait before the attempt after `attempt`, which counts from 0, or `None` if it was the last.
    pub(crate) fn next_wait(&self, attempt: u32) -> Option<Duration> {
        (attempt < self.max_retries).then(|| self.backoff(attempt))
    }

    /// The wait before the caller itself sends once more what failed with `error` and is safe to repeat.
    pub(crate) fn wait_after(&self, error: &Error) -> Option<Duration> {
        let transient = matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Server);
        (transient && self.max_retries > 0).then(|| error.retry_after().unwrap_or_else(|| self.backoff(0)))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_retries: 3, base: Duration::from_millis(50), max: Duration::from_secs(1) }
    }
}

/// Whether sending a request twice is the same as sending it once. The caller knows, the transport cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// A repeat changes nothing: a read, or a write that leaves the same state and answer.
    Safe,
    /// Only what provably never arrived may be sent again.
    IfNotSent,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Failure<'a> {
    Transport(TransportErrorKind),
    Status(StatusCode, &'a HeaderMap),
}

fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 500 | 502 | 503 | 504)
}

/// `Retry-After` in seconds (RFC 9110 10.2.3). The HTTP-date form is read as absent: it needs two clocks to agree.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, retry_after: Option<&str>, repeat: Repeat) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, value.parse().unwrap());
        }
        let status = StatusCode::from_u16(code).unwrap();
        RetryPolicy::default().wait(0, repeat, Failure::Status(status, &headers))
    }

    #[test]
    fn what_never_left_is_sent_again_whatever_it_is() {
        let policy = RetryPolicy::default();
        for repeat in [Repeat::Safe, Repeat::IfNotSent] {
            assert!(policy.wait(0, repeat, Failure::Transport(TransportErrorKind::Connect)).is_some());
        }
    }

    #[test]
    fn what_may_have_arrived_is_sent_again_only_where_that_is_safe() {
        let policy = RetryPolicy::default();
        let interrupted = || Failure::Transport(TransportErrorKind::Interrupted);
        assert!(policy.wait(0, Repeat::Safe, interrupted()).is_some());
        assert!(policy.wait(0, Repeat::IfNotSent, interrupted()).is_none());
        assert!(status(503, None, Repeat::Safe).is_some());
        assert!(status(503, Some("1"), Repeat::IfNotSent).is_none());
        assert!(status(400, None, Repeat::Safe).is_none());
    }

    #[test]
    fn retry_after_is_honoured_and_429_without_it_is_final() {
        assert_eq!(status(429, Some("2"), Repeat::IfNotSent), Some(Duration::from_secs(2)));
        assert_eq!(status(503, Some("7"), Repeat::Safe), Some(Duration::from_secs(7)));
        assert_eq!(status(429, None, Repeat::Safe), None);
        assert_eq!(status(429, Some("soon"), Repeat::Safe), None);
    }

    #[test]
    fn waits_grow_to_the_bound_and_the_count_is_kept() {
        let policy = RetryPolicy::default()
            .with_max_retries(50)
            .with_backoff(Duration::from_millis(10), Duration::from_millis(80));
        for attempt in 0..50 {
            let wait = policy.wait(attempt, Repeat::Safe, Failure::Transport(TransportErrorKind::Connect)).unwrap();
            assert!(wait <= Duration::from_millis(80.min(10u64.saturating_mul(1 << attempt.min(20)))), "{attempt}");
        }
        assert!(policy.wait(50, Repeat::Safe, Failure::Transport(TransportErrorKind::Connect)).is_none());
    }
}
