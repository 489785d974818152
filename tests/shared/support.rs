use axum::body::Body;
use axum_upstash::{
    client::{ReqwestTransport, Transport, TransportBody, TransportError, TransportErrorKind},
    local::LocalRedis,
    redis::Redis,
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{Request, Response, header};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// A local Upstash of its own, and a client for it.
pub async fn upstash() -> (LocalRedis, Redis) {
    let local = LocalRedis::start().await.unwrap();
    let redis = Redis::new(local.url(), local.token()).unwrap();
    (local, redis)
}

/// Sends, counts, and breaks the connection when told to: before anything is sent, or after the server has answered.
#[derive(Clone)]
pub struct Wire {
    inner: ReqwestTransport,
    pub requests: Arc<AtomicU64>,
    pub lose_requests: Arc<AtomicBool>,
    pub lose_answers: Arc<AtomicBool>,
    pub seen: Arc<std::sync::Mutex<Vec<http::HeaderMap>>>,
}

impl Wire {
    pub fn new() -> Self {
        Self {
            inner: ReqwestTransport::from_defaults().unwrap(),
            requests: Arc::default(),
            lose_requests: Arc::default(),
            lose_answers: Arc::default(),
            seen: Arc::default(),
        }
    }

    pub fn redis(&self, local: &LocalRedis) -> Redis {
        Redis::builder(local.url(), local.token()).transport(self.clone()).build().unwrap()
    }

    /// The number of requests since the last call.
    pub fn take(&self) -> u64 {
        self.requests.swap(0, Ordering::SeqCst)
    }
}

impl Transport for Wire {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<TransportBody>, TransportError>> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.seen.lock().unwrap().push(request.headers().clone());
        if self.lose_requests.load(Ordering::SeqCst) {
            return Box::pin(async { Err(TransportError::new(TransportErrorKind::Connect, "refused by the test")) });
        }
        let (lose, answer) = (Arc::clone(&self.lose_answers), self.inner.send(request));
        Box::pin(async move {
            let answer = answer.await?;
            if lose.swap(false, Ordering::SeqCst) {
                return Err(TransportError::new(TransportErrorKind::Interrupted, "lost by the test"));
            }
            Ok(answer)
        })
    }
}

pub async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.into()).unwrap()
}

/// The `name=value` of the response's `Set-Cookie`, if there is one with a value.
pub fn cookie(response: &Response<Body>) -> Option<String> {
    let line = response.headers().get(header::SET_COOKIE)?.to_str().unwrap();
    let pair = line.split(';').next().unwrap().to_owned();
    (!pair.ends_with('=')).then_some(pair)
}

pub fn removes_cookie(response: &Response<Body>) -> bool {
    response.headers().get(header::SET_COOKIE).is_some_and(|line| line.to_str().unwrap().contains("Max-Age=0"))
}

/// Asks again and again until the answer is `Some`, for at most ten seconds.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "{what} did not happen within ten seconds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
