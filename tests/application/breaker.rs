//! One circuit breaker for each store, shared by all its users.

use crate::support::{Wire, eventually};
use axum::{Router, body::Body, routing::get};
use axum_upstash::{
    client::RetryPolicy,
    local::LocalRedis,
    ratelimit::{FixedWindow, Ratelimit},
    redis::Redis,
    response_cache::{self, ResponseCacheLayer},
    session::{self, KeyRing, Session, SessionError, SessionLayer},
};
use http::{HeaderName, Request, StatusCode};
use std::{sync::atomic::Ordering, time::Duration};
use tower::ServiceExt;

const MINUTE: Duration = Duration::from_secs(60);

async fn status(app: &Router, path: &str, cookie: &str) -> (StatusCode, Option<String>) {
    let request = Request::get(path).header("cookie", cookie).header("x-client", "a").body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    (response.status(), crate::support::cookie(&response))
}

/// An application whose Redis is lost: requests of all kinds, and how many of them waited for it.
#[tokio::test]
async fn limits_sessions_and_cached_responses_leave_a_dead_store_alone_together() {
    let local = LocalRedis::start().await.unwrap();
    let wire = Wire::new();
    let redis = Redis::builder(local.url(), local.token()).transport(wire.clone());
    let redis = redis.retry(RetryPolicy::default().with_max_retries(0)).build().unwrap();
    let limiter = Ratelimit::new(redis.clone(), FixedWindow::new(1_000, MINUTE)).with_prefix("breaker");
    let limits = axum_upstash::ratelimit::RateLimitLayer::new("default", limiter)
        .with_key_from(HeaderName::from_static("x-client"));
    let sessions = SessionLayer::new(session::store::RedisSessionStore::new(redis.clone()), KeyRing::random().unwrap());
    let cache = ResponseCacheLayer::new(response_cache::store::RedisResponseStore::new(redis)).with_ttl(MINUTE);
    let app = Router::new()
        .route("/cached", get(|| async { "cached" }).layer(cache))
        .route("/limited", get(|| async { "limited" }).layer(limits))
        .route("/login", get(|session: Session| async move { session.insert("user", 7).await }))
        .route(
            "/me",
            get(|session: Session| async move {
                Ok::<_, SessionError>(session.get::<u64>("user").await?.unwrap_or(0).to_string())
            }),
        )
        .layer(sessions);
    let (_, cookie) = status(&app, "/login", "").await;
    let cookie = cookie.unwrap();

    for first in ["/cached", "/limited", "/me"] {
        wire.lose_requests.store(true, Ordering::SeqCst);
        wire.take();
        for _ in 0..20 {
            status(&app, first, &cookie).await;
        }
        for path in ["/cached", "/limited", "/me"] {
            let wanted = if path == "/me" { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
            assert_eq!(status(&app, path, &cookie).await.0, wanted, "{path}");
        }
        assert_eq!(wire.take(), 5, "{first} opens the circuit for all");
        wire.lose_requests.store(false, Ordering::SeqCst);
        eventually("recovery", || async { (status(&app, "/me", &cookie).await.0 == StatusCode::OK).then_some(()) })
            .await;
    }
}
