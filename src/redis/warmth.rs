use crate::rt::{sleep, spawn};
use futures_core::future::BoxFuture;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Keeps a client's connection open by pings, if it is told to.
#[derive(Debug)]
pub(super) struct Warmth {
    every: Option<Duration>,
    begun: AtomicBool,
    /// There was a command since the last look.
    used: AtomicBool,
}

impl Warmth {
    pub(super) fn new(every: Option<Duration>) -> Self {
        // A host of wasm32 ends the task with the request that began it, and keeps connections by itself.
        let every = every.filter(|_| cfg!(not(target_arch = "wasm32")));
        Self { every, begun: AtomicBool::new(false), used: AtomicBool::new(false) }
    }

    /// Notes a command: there is no need of a ping soon.
    pub(super) fn used(&self) {
        // Read first: many tasks write nothing then.
        if self.every.is_some() && !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// Begins to ping, until `owner` is dropped.
    pub(super) fn begin<T: AsRef<Self> + Send + Sync + 'static>(
        &self,
        owner: &Arc<T>,
        ping: impl Fn(Arc<T>) -> BoxFuture<'static, ()> + Send + 'static,
    ) {
        let Some(every) = self.every.filter(|_| !self.begun.swap(true, Ordering::Relaxed)) else { return };
        let owner = Arc::downgrade(owner);
        let begun = spawn(async move {
            loop {
                sleep(every).await;
                let Some(owner) = owner.upgrade() else { return };
                if !owner.as_ref().as_ref().used.swap(false, Ordering::Relaxed) {
                    ping(owner).await;
                }
            }
        });
        if begun.is_err() {
            self.begun.store(false, Ordering::Relaxed);
        }
    }
}
