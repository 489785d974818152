//! Layers and extractors with stores in memory.
#![cfg(target_arch = "wasm32")]

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode, header},
    routing::{get, post},
};
use axum_upstash::{
    Upstash,
    client_ip::ClientIpSource,
    qstash::{QStash, Signer},
    ratelimit::{self, FixedWindow, store::MemoryRateLimitStore},
    response_cache::{self, store::MemoryResponseStore},
    session::{self, Session, SessionError, store::MemorySessionStore},
};
use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tower::ServiceExt;
use wasm_bindgen_test::wasm_bindgen_test;

const HOUR: Duration = Duration::from_secs(3_600);

fn upstash() -> Upstash {
    Upstash::builder()
        .or_memory()
        .client_ip(ClientIpSource::cloudflare())
        .session_secret("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
        .qstash_signing_keys("sig_current", "sig_next")
        .public_url("https://app.example.com")
        .build()
        .unwrap()
}

fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "app.example.com")
        .header("cf-connecting-ip", "203.0.113.7")
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().into()).unwrap()
}

#[wasm_bindgen_test]
async fn stores_in_memory_pass_their_suites() {
    ratelimit::conformance::run(&MemoryRateLimitStore::new(), "whole").await;
    for seed in 0..20 {
        ratelimit::conformance::run_walk(&MemoryRateLimitStore::new(), "walk", seed).await;
    }
    session::conformance::run(&MemorySessionStore::new()).await;
    response_cache::conformance::run(&MemoryResponseStore::new(), gloo_timers::future::sleep).await;
}

#[wasm_bindgen_test]
async fn a_limit_refuses_the_request_after_the_last_one() {
    let upstash = upstash();
    let layer = upstash.rate_limit_layer("all", FixedWindow::new(2, HOUR));
    let app = Router::new().route("/", get(|| async { "ok" })).layer(layer).layer(upstash.background().layer());
    for left in [1, 0] {
        let response = app.clone().oneshot(request("GET", "/").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.headers()["ratelimit"].to_str().unwrap().contains(&format!("r={left}")));
    }
    let response = app.oneshot(request("GET", "/").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(response.headers().contains_key(header::RETRY_AFTER));
}

#[wasm_bindgen_test]
async fn a_session_is_there_in_the_next_request() {
    let visit = |session: Session| async move {
        let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1).await?;
        Ok::<_, SessionError>(visits.to_string())
    };
    let app = Router::new().route("/", get(visit)).layer(upstash().session_layer());
    let response = app.clone().oneshot(request("GET", "/").body(Body::empty()).unwrap()).await.unwrap();
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(text(response).await, "1");
    let next = request("GET", "/").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    assert_eq!(text(app.oneshot(next).await.unwrap()).await, "2");
}

#[wasm_bindgen_test]
async fn a_page_is_made_once() {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let page = || async { (MADE.fetch_add(1, Ordering::Relaxed) + 1).to_string() };
    let app = Router::new().route("/", get(page)).layer(upstash().response_cache_layer(HOUR));
    for _ in 0..3 {
        let response = app.clone().oneshot(request("GET", "/").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(text(response).await, "1");
    }
}

#[wasm_bindgen_test]
async fn a_webhook_is_verified() {
    let app = Router::new().route("/hook", post(|QStash(body): QStash<String>| async { body })).with_state(upstash());
    let signature = Signer::new("sig_current").unwrap().sign("https://app.example.com/hook", "hello");
    for (body, status) in [("hello", StatusCode::OK), ("hallo", StatusCode::UNAUTHORIZED)] {
        let signed = request("POST", "/hook").header("upstash-signature", &signature).body(Body::from(body)).unwrap();
        assert_eq!(app.clone().oneshot(signed).await.unwrap().status(), status);
    }
}

/// The host's clock is read, and its timers fire.
#[wasm_bindgen_test]
async fn a_limiter_waits_until_its_window_ends() {
    let limiter = upstash().ratelimit(FixedWindow::new(1, Duration::from_millis(300)));
    let allowed = Cell::new(0);
    for _ in 0..3 {
        let decision = limiter.block_until_ready("all", Duration::from_secs(5)).await.unwrap();
        allowed.set(allowed.get() + u32::from(decision.allowed));
    }
    assert_eq!(allowed.get(), 3);
}
