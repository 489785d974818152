use super::network::Path;
use crate::{
    Error,
    rt::{Deadline, timeout},
};
use std::{fmt, future::Future};
use tokio::sync::Semaphore;

/// A bound on requests at a time, for commands that are requests of their own, each of which takes a connection of
/// HTTP/1.1. Others queue in their order.
///
/// A slow request makes room for others, up to as many again: commands do not wait for a connection that is dead.
pub(super) struct Bound {
    requests: Semaphore,
    slow: Semaphore,
}

impl Bound {
    pub(super) fn new(requests: usize) -> Self {
        let requests = requests.clamp(1, Semaphore::MAX_PERMITS);
        Self { requests: Semaphore::new(requests), slow: Semaphore::new(requests) }
    }

    /// Runs a request when there is room for it, if that is before its deadline.
    pub(super) async fn run<F: Future>(&self, path: Path, deadline: Deadline, request: F) -> Result<F::Output, Error> {
        // HTTP/2 needs one connection, and has its own bound on streams. The host of wasm32 has one, too, and a request
        // that ends there takes its tasks along.
        if path.is_multiplexed() || cfg!(target_arch = "wasm32") {
            return Ok(request.await);
        }
        let room = match self.requests.try_acquire() {
            Ok(room) => room,
            Err(_) => {
                let room = timeout(deadline.remaining(), self.requests.acquire()).await;
                room.ok().and_then(Result::ok).ok_or_else(|| deadline.passed())?
            }
        };
        let mut request = std::pin::pin!(request);
        if let Ok(output) = timeout(path.slow_after(), request.as_mut()).await {
            return Ok(output);
        }
        let slow = self.slow.try_acquire();
        if slow.is_ok() {
            drop(room);
        }
        Ok(request.await)
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").field("room", &self.requests.available_permits()).finish_non_exhaustive()
    }
}
