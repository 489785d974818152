use crate::{Error, ErrorKind};
use std::{future::Future, time::Duration};
#[cfg(not(target_arch = "wasm32"))]
use tokio::time::Instant;
#[cfg(target_arch = "wasm32")]
use web_time::Instant;

/// The deadline passed.
#[derive(Debug)]
pub(crate) struct Elapsed;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[cfg(target_arch = "wasm32")]
pub(crate) fn sleep(duration: Duration) -> impl Future<Output = ()> + Send {
    // The host counts milliseconds in 32 signed bits, some 24 days; a longer timer would fire at once.
    let longest = Duration::from_millis(i32::MAX as u64);
    send_wrapper::SendWrapper::new(gloo_timers::future::sleep(duration.min(longest)))
}

/// Runs `future`, but no longer than `duration`.
pub(crate) async fn timeout<F: Future>(duration: Duration, future: F) -> Result<F::Output, Elapsed> {
    use std::task::Poll;
    let mut future = std::pin::pin!(future);
    // A store in memory is never late: no timer is made for what is there at once.
    if let Poll::Ready(output) = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
        return Ok(output);
    }
    let mut timer = std::pin::pin!(sleep(duration));
    std::future::poll_fn(|cx| {
        // The work first: an answer that is there counts, however late it is looked at.
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        timer.as_mut().poll(cx).map(|()| Err(Elapsed))
    })
    .await
}

/// Time that only moves forward, for deadlines.
///
/// Paused test time counts: on native targets this is tokio's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    limit: Duration,
}

impl Deadline {
    pub(crate) fn after(duration: Duration) -> Self {
        Self { at: Instant::now().checked_add(duration), limit: duration }
    }

    /// The remaining time. If the deadline is too far to be represented, a year remains.
    pub(crate) fn remaining(self) -> Duration {
        const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
        self.at.map_or(FAR, |at| at.saturating_duration_since(Instant::now())).min(FAR)
    }

    /// The later of two.
    pub(crate) fn latest(self, other: Self) -> Self {
        match (self.at, other.at) {
            (Some(one), Some(two)) if one >= two => self,
            (Some(_), _) => other,
            (None, _) => self,
        }
    }

    /// The earlier of two.
    pub(crate) fn earliest(self, other: Self) -> Self {
        match (self.at, other.at) {
            (Some(one), Some(two)) if one > two => other,
            (None, Some(_)) => other,
            _ => self,
        }
    }

    /// The error of what did not come in time.
    pub(crate) fn passed(self) -> Error {
        Error::new(ErrorKind::Timeout, format!("no answer within {:?}", self.limit))
    }
}

/// Measures how long something took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
