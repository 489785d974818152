//! Signed deliveries, and a handler that counts them.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::StatusCode,
    response::Response,
    routing::post,
};
use axum_upstash::qstash::{IdempotencyGuard, QStashLayer, Receiver, Signer};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::Semaphore;
use tower::ServiceExt;

pub(crate) const URL: &str = "https://app.example.com/hook";

pub(crate) fn receiver() -> Receiver {
    Receiver::new("sig_current", "sig_next").unwrap()
}

pub(crate) fn signer() -> Signer {
    Signer::new("sig_current").unwrap()
}

/// A delivery of a message, signed anew.
pub(crate) fn delivery(id: &str) -> Request {
    let mut request = signed("x");
    request.headers_mut().insert("upstash-message-id", id.parse().unwrap());
    request
}

/// A delivery without an id.
pub(crate) fn signed(body: impl Into<Bytes>) -> Request {
    let body = body.into();
    let signature = signer().sign(URL, &body);
    Request::post("/hook").header("upstash-signature", signature).body(Body::from(body)).unwrap()
}

pub(crate) async fn text(response: Response) -> String {
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(body.into()).unwrap()
}

/// A handler: it counts, and answers as it is told. Clones are one.
#[derive(Clone, Default)]
pub(crate) struct Handler {
    bodies: Arc<Mutex<Vec<Bytes>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
    held: Arc<Mutex<Option<Arc<Semaphore>>>>,
    ended: Arc<Mutex<usize>>,
}

impl Handler {
    /// The next answers, before all others are 200.
    pub(crate) fn answers(&self, statuses: impl IntoIterator<Item = u16>) {
        self.answers.lock().unwrap().extend(statuses);
    }

    /// Lets it wait for a permit each time.
    pub(crate) fn hold(&self) -> Arc<Semaphore> {
        let held = Arc::new(Semaphore::new(0));
        *self.held.lock().unwrap() = Some(Arc::clone(&held));
        held
    }

    pub(crate) fn runs(&self) -> usize {
        self.bodies.lock().unwrap().len()
    }

    pub(crate) fn ended(&self) -> usize {
        *self.ended.lock().unwrap()
    }

    pub(crate) async fn run(&self, body: Bytes) -> (StatusCode, Bytes) {
        self.bodies.lock().unwrap().push(body.clone());
        let held = self.held.lock().unwrap().clone();
        if let Some(held) = held {
            held.acquire().await.unwrap().forget();
        }
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(200);
        *self.ended.lock().unwrap() += 1;
        assert_ne!(answer, 0, "a handler that panics");
        (StatusCode::from_u16(answer).unwrap(), body)
    }
}

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// An application behind the layer with this guard.
pub(crate) fn app(guard: IdempotencyGuard, handler: &Handler) -> Router {
    let handler = handler.clone();
    Router::new()
        .route("/hook", post(async move |body: Bytes| handler.run(body).await))
        .layer(QStashLayer::new(receiver()).with_idempotency_guard(guard))
}

pub(crate) async fn send(app: &Router, id: &str) -> Response {
    app.clone().oneshot(delivery(id)).await.unwrap()
}

/// The seconds after which a refused delivery comes again.
pub(crate) fn retry_after(response: &Response) -> u64 {
    assert_eq!(response.status(), 503);
    response.headers()["retry-after"].to_str().unwrap().parse().unwrap()
}

/// Waits until a condition holds.
pub(crate) async fn eventually(holds: impl Fn() -> bool) {
    let waits = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waits).await.expect("it never came");
}
