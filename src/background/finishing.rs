use super::Background;
use crate::rt::timeout;
use futures_core::future::BoxFuture;
use std::{
    fmt,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

/// A wait for the work that there is when it is first polled.
#[derive(Default)]
pub(super) struct Finishing {
    /// Until the wait begins.
    waits_for: Option<(Background, Duration)>,
    /// Behind a lock that is never taken, so that a body can be `Sync`.
    wait: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Finishing {
    pub(super) fn new(background: Background, limit: Duration) -> Self {
        Self { waits_for: Some((background, limit)), wait: Mutex::default() }
    }

    /// Whether a poll would be ready at once.
    pub(super) fn is_done(&self) -> bool {
        let is_waiting = || self.wait.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        !self.waits_for.as_ref().is_some_and(|(background, _)| background.is_busy()) && !is_waiting()
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let wait = self.wait.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((background, limit)) = self.waits_for.take().filter(|(background, _)| background.is_busy()) {
            *wait = Some(Box::pin(async move {
                if timeout(limit, background.done_so_far()).await.is_err() {
                    tracing::warn!(?limit, "a response does not wait any longer for work in the background");
                }
            }));
        }
        if let Some(future) = wait {
            ready!(future.as_mut().poll(cx));
            *wait = None;
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for Finishing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finishing").field("waits_for", &self.waits_for).finish_non_exhaustive()
    }
}
