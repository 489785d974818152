//! A store whose answers are late, as late as a test wants them.

use axum_upstash::{
    Error,
    ratelimit::store::{CheckRequest, CheckResponse, MemoryRateLimitStore, RateLimitStore},
};
use futures_core::future::BoxFuture;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;

/// Counts at once, and answers when it is let or when time has passed.
#[derive(Debug, Clone)]
pub struct Slow {
    inner: Arc<MemoryRateLimitStore>,
    pub takes: Arc<AtomicU32>,
    gate: Option<Arc<Semaphore>>,
    round_trip: Duration,
}

impl Slow {
    /// Answers after so long.
    pub fn after(round_trip: Duration) -> Self {
        Self { inner: Arc::default(), takes: Arc::default(), gate: None, round_trip }
    }

    /// Answers once for each permit that is added.
    pub fn gated() -> (Self, Arc<Semaphore>) {
        let gate = Arc::new(Semaphore::new(0));
        (Self { gate: Some(Arc::clone(&gate)), ..Self::after(Duration::ZERO) }, gate)
    }

    pub fn takes(&self) -> u32 {
        self.takes.load(Ordering::SeqCst)
    }

    async fn late(&self) {
        match &self.gate {
            Some(gate) => gate.acquire().await.unwrap().forget(),
            None => tokio::time::sleep(self.round_trip).await,
        }
    }
}

impl RateLimitStore for Slow {
    fn check<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<CheckResponse, Error>> {
        self.takes.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            let answer = self.inner.check(request).await;
            self.late().await;
            answer
        })
    }

    fn reset<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        self.inner.reset(request)
    }
}
