//! A Redis for guards, whose requests can be counted, held up and lost.

use axum_upstash::{
    background::Background,
    client::{ReqwestTransport, Transport, TransportBody, TransportError, TransportErrorKind},
    local::LocalRedis,
    qstash::IdempotencyGuard,
    redis::Redis,
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{Request, Response};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};
use tokio::sync::Semaphore;

/// The way to Redis.
#[derive(Clone)]
pub(crate) struct Wire {
    inner: ReqwestTransport,
    switches: Arc<Switches>,
}

#[derive(Default)]
struct Switches {
    requests: AtomicUsize,
    lose_requests: AtomicBool,
    lose_answers: AtomicBool,
    held_before: Mutex<Option<Arc<Semaphore>>>,
    held_after: Mutex<Option<Arc<Semaphore>>>,
    /// Requests that Redis has answered.
    answered: AtomicUsize,
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self { inner: ReqwestTransport::from_defaults().unwrap(), switches: Arc::default() }
    }

    pub(crate) fn redis(&self, local: &LocalRedis) -> Redis {
        Redis::builder(local.url(), local.token()).transport(self.clone()).build().unwrap()
    }

    /// The requests since the last call.
    pub(crate) fn take(&self) -> usize {
        self.switches.answered.store(0, SeqCst);
        self.switches.requests.swap(0, SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.switches.requests.load(SeqCst)
    }

    pub(crate) fn answered(&self) -> usize {
        self.switches.answered.load(SeqCst)
    }

    pub(crate) fn lose_requests(&self, lose: bool) {
        self.switches.lose_requests.store(lose, SeqCst);
    }

    /// Loses the answer to the next request.
    pub(crate) fn lose_next_answer(&self) {
        self.switches.lose_answers.store(true, SeqCst);
    }

    /// Holds requests up, before Redis has them, or after it has answered. Permits let them go.
    pub(crate) fn hold(&self, is_before: bool) -> Arc<Semaphore> {
        let held = Arc::new(Semaphore::new(0));
        let place = if is_before { &self.switches.held_before } else { &self.switches.held_after };
        *place.lock().unwrap() = Some(Arc::clone(&held));
        held
    }
}

impl Transport for Wire {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<TransportBody>, TransportError>> {
        let Self { inner, switches } = self.clone();
        Box::pin(async move {
            switches.requests.fetch_add(1, SeqCst);
            if switches.lose_requests.load(SeqCst) {
                return Err(TransportError::new(TransportErrorKind::Connect, "refused by the test"));
            }
            let held = switches.held_before.lock().unwrap().clone();
            if let Some(held) = held {
                held.acquire().await.unwrap().forget();
            }
            let answer = inner.send(request).await?;
            switches.answered.fetch_add(1, SeqCst);
            let held = switches.held_after.lock().unwrap().clone();
            if let Some(held) = held {
                held.acquire().await.unwrap().forget();
            }
            if switches.lose_answers.swap(false, SeqCst) {
                return Err(TransportError::new(TransportErrorKind::Interrupted, "lost by the test"));
            }
            Ok(answer)
        })
    }
}

/// A Redis of its own, the way to it, and the work in the background.
pub(crate) struct Shared {
    pub(crate) local: LocalRedis,
    pub(crate) wire: Wire,
    pub(crate) redis: Redis,
    pub(crate) background: Background,
}

impl Shared {
    pub(crate) async fn start() -> Self {
        let local = LocalRedis::start().await.unwrap();
        let wire = Wire::new();
        let redis = wire.redis(&local);
        Self { local, wire, redis, background: Background::new() }
    }

    /// A client past the switches.
    pub(crate) fn direct(&self) -> Redis {
        Redis::new(self.local.url(), self.local.token()).unwrap()
    }
}

pub(crate) fn guard(shared: &Shared) -> IdempotencyGuard {
    IdempotencyGuard::new(shared.redis.clone()).with_background(shared.background.clone())
}

/// Both stores.
pub(crate) async fn guards() -> Vec<(IdempotencyGuard, Option<Shared>)> {
    let shared = Shared::start().await;
    vec![(IdempotencyGuard::memory(), None), (guard(&shared), Some(shared))]
}
