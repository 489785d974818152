//! Work that no request waits for, on a host that stops when a response has gone out.

use crate::support::upstash;
use axum::{Router, body::Body, routing::get};
use axum_upstash::{
    Upstash,
    background::Background,
    ratelimit::{Analytics, ConcurrencyLimiter, FixedWindow, RateLimitLayer, Ratelimit},
    redis::Redis,
    response_cache::{ResponseCacheLayer, store::RedisResponseStore},
    session::{Session, SessionError},
};
use futures_util::{FutureExt, StreamExt};
use http::{Request, StatusCode};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tower::ServiceExt;

const HOUR: Duration = Duration::from_secs(3600);

fn request(method: &str, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).header("host", "a.test").body(Body::empty()).unwrap()
}

/// The tests run on one thread: nothing is done between a response and the line that looks.
#[tokio::test]
async fn a_response_waits_for_the_work_if_the_layer_is_there() {
    let (local, _) = upstash().await;
    for waits in [false, true] {
        let upstash =
            Upstash::builder().redis(local.url(), local.token()).namespace(format!("{waits}")).build().unwrap();
        let layer =
            upstash.rate_limit_layer("refunds", FixedWindow::new(5, HOUR)).with_key(|_| "all").skip_successful();
        let limiter = layer.limiter("refunds").unwrap().clone();
        let app = Router::new().route("/", get(|| async { "ok" })).layer(layer);
        let app = if waits { app.layer(upstash.background().layer()) } else { app };
        assert_eq!(app.oneshot(request("GET", "/")).await.unwrap().status(), StatusCode::OK);
        let before = local.requests();
        upstash.background().finished().await;
        assert_eq!(local.requests() == before, waits, "the refund was made before the response");
        assert_eq!(limiter.remaining("all").await.unwrap().remaining, 5);
    }
}

/// Analytics collect events for an hour here. No response waits so long.
#[tokio::test]
async fn a_response_waits_for_analytics_and_not_for_their_interval() {
    let (_local, redis) = upstash().await;
    let background = Background::new();
    let analytics = Analytics::new(redis).with_interval(HOUR);
    let limiter = Ratelimit::memory(FixedWindow::new(5, HOUR)).with_background(background.clone());
    let limiter = limiter.with_analytics(analytics);
    let layer = RateLimitLayer::new("all", limiter).with_key(|_| "all");
    let limiter = layer.limiter("all").unwrap().clone();
    let app = Router::new().route("/", get(|| async { "ok" })).layer(layer).layer(background.layer());
    for successes in 1..=2 {
        assert_eq!(app.clone().oneshot(request("GET", "/")).await.unwrap().status(), StatusCode::OK);
        assert_eq!(limiter.usage(HOUR).await.unwrap()["all"].success, successes);
    }
}

#[tokio::test]
async fn the_end_of_a_body_waits_for_the_permit_that_it_held() {
    let (local, redis) = upstash().await;
    let background = Background::new();
    let exports = ConcurrencyLimiter::new(redis, 1).with_background(background.clone());
    let held = exports.clone();
    let export = move || async move {
        let permit = held.acquire("all").await.unwrap().unwrap();
        let lines = ["one,", "two"].map(Ok::<_, std::convert::Infallible>);
        Body::from_stream(futures_util::stream::iter(lines).inspect(move |_| drop(permit.renew())))
    };
    let app = Router::new().route("/", get(export)).layer(background.layer());
    let response = app.oneshot(request("GET", "/")).await.unwrap();
    assert!(exports.acquire("all").await.unwrap().is_none());
    assert_eq!(crate::support::text(response).await, "one,two");
    let before = local.requests();
    background.finished().await;
    assert_eq!(local.requests(), before, "the permit was given back before the end of the body");
    assert!(exports.acquire("all").await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_response_does_not_wait_for_ever() {
    let forgotten: Arc<Mutex<Vec<_>>> = Arc::default();
    let kept = Arc::clone(&forgotten);
    let background = Background::with_spawner(move |work| kept.lock().unwrap().push(work));
    let limiter = Ratelimit::memory(FixedWindow::new(5, HOUR)).with_background(background.clone());
    // Nothing listens there, and nothing is sent.
    let redis = Redis::builder("http://127.0.0.1:1", "token").build().unwrap();
    let limiter = limiter.with_analytics(Analytics::new(redis));
    let app = Router::new()
        .route("/", get(|| async { "ok" }))
        .layer(RateLimitLayer::new("all", limiter).with_key(|_| "all"))
        .layer(background.layer().with_timeout(Duration::from_secs(3)));
    let begun = tokio::time::Instant::now();
    let response = app.oneshot(request("GET", "/")).await.unwrap();
    assert_eq!((response.status(), begun.elapsed().as_secs()), (StatusCode::OK, 3));
    assert_eq!(forgotten.lock().unwrap().len(), 1);
}

/// One setting reaches limits, sessions and cached responses.
#[tokio::test]
async fn one_executor_gets_all_work() {
    let (local, redis) = upstash().await;
    let queue: Arc<Mutex<Vec<_>>> = Arc::default();
    let taken = Arc::clone(&queue);
    let background = Background::with_spawner(move |work| taken.lock().unwrap().push(work));
    let upstash = Upstash::builder().redis(local.url(), local.token()).background(background.clone()).build().unwrap();
    let limit = upstash.rate_limit_layer("refunds", FixedWindow::new(5, HOUR)).with_key(|_| "all").skip_successful();
    let cache = upstash.response_cache_layer(HOUR).with_deferred_invalidation(true);
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let page = move || async move { counter.fetch_add(1, Ordering::SeqCst).to_string() };
    let logout = |session: Session| async move {
        session.destroy()?;
        std::future::pending::<Result<(), SessionError>>().await
    };
    let app = Router::new()
        .route("/limited", get(|| async { "ok" }).layer(limit))
        .route("/page", get(page).post(|| async {}).layer(cache))
        .route("/login", get(|session: Session| async move { session.insert("user", 7).await }))
        .route("/logout", get(logout))
        .layer(upstash.session_layer());
    let drain = async |what: &str| {
        let work: Vec<_> = std::mem::take(&mut *queue.lock().unwrap());
        assert!(!work.is_empty(), "{what} came not to the executor");
        futures_util::future::join_all(work).await;
    };

    app.clone().oneshot(request("GET", "/limited")).await.unwrap();
    drain("the refund").await;

    let _ = app.clone().oneshot(request("GET", "/page")).await.unwrap();
    let posted = app.clone().oneshot(request("POST", "/page")).await.unwrap();
    assert_eq!(posted.status(), StatusCode::OK);
    drain("the invalidation").await;
    let other =
        ResponseCacheLayer::new(RedisResponseStore::new(redis)).with_ttl(HOUR).with_prefix("axum-upstash:cache");
    let other = Router::new().route("/page", get(|| async { "anew" })).layer(other);
    let response = other.oneshot(request("GET", "/page")).await.unwrap();
    assert_eq!(crate::support::text(response).await, "anew", "the store has it no more");

    let login = app.clone().oneshot(request("GET", "/login")).await.unwrap();
    let cookie = crate::support::cookie(&login).unwrap();
    let mut left = request("GET", "/logout");
    left.headers_mut().insert("cookie", cookie.parse().unwrap());
    // Its client goes away.
    assert!(app.clone().oneshot(left).now_or_never().is_none());
    drain("the logout").await;
    background.finished().await;
}
