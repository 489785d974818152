//! Requests that wait, and as many at a time as may be.

use crate::times::ms;
use crate::{
    layer::{by, send, status},
    support::{eventually, text, upstash},
};
use axum::{Router, routing::get};
use axum_upstash::{
    Clock,
    ratelimit::{
        AllowList, ConcurrencyLimiter, FixedWindow, Gcra, Key, OutagePolicy, Rate, RateLimitLayer, Ratelimit,
        RequestHead,
    },
};
use http::{Method, StatusCode};
use std::{sync::atomic::Ordering, time::Duration};

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test(start_paused = true)]
async fn requests_wait_in_line_and_no_longer_than_they_may() {
    let (clock, hands) = Clock::manual(ms(1_000_000));
    let limiter = Ratelimit::memory(Gcra::new(Rate::new(1, Duration::from_secs(1)), 1)).with_clock(clock);
    let layer =
        RateLimitLayer::new("default", limiter).with_key_from(by("x-user")).with_queue(Duration::from_secs(5), 1);
    let app = Router::new().route("/", get(|| async {})).layer(layer);
    assert_eq!(status(&app, "/", "a").await, 200);
    let waiting = tokio::spawn({
        let app = app.clone();
        async move { status(&app, "/", "a").await }
    });
    tokio::task::yield_now().await;
    assert_eq!(status(&app, "/", "a").await, 429, "the line is full");
    hands.advance(Duration::from_secs(1));
    assert_eq!(waiting.await.unwrap(), 200);
}

#[tokio::test(start_paused = true)]
async fn who_would_wait_too_long_is_refused_at_once_and_who_waits_keeps_nobody_from_working() {
    let (clock, hands) = Clock::manual(ms(1_000_000));
    let limiter = Ratelimit::memory(Gcra::new(Rate::new(1, Duration::from_secs(6)), 1)).with_clock(clock);
    let layer = |longest| {
        let layer = RateLimitLayer::new("default", limiter.clone()).with_key_from(by("x-user")).with_queue(longest, 5);
        let app = Router::new().route("/", get(|| async {}));
        app.layer(layer.with_concurrency(ConcurrencyLimiter::memory(1)))
    };
    let app = layer(Duration::from_secs(5));
    assert_eq!(status(&app, "/", "a").await, 200);
    let begun = tokio::time::Instant::now();
    assert_eq!(status(&app, "/", "a").await, 429, "six seconds are more than five");
    assert!(begun.elapsed() < Duration::from_secs(1));

    let app = layer(Duration::from_secs(60));
    let wait = || {
        let app = app.clone();
        tokio::spawn(async move { status(&app, "/", "a").await })
    };
    let waiting = [wait(), wait()];
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
    assert!(waiting.iter().all(|request| !request.is_finished()), "who only waits takes no place from another");
    hands.advance(Duration::from_secs(6));
    let [one, two] = waiting;
    let passed = tokio::select! { status = one => status, status = two => status };
    assert_eq!(passed.unwrap(), 200);
}

#[tokio::test]
async fn who_is_known_to_be_refused_or_let_pass_needs_no_permit() {
    let (local, redis) = upstash().await;
    let limiter = Ratelimit::new(redis.clone(), FixedWindow::new(2, Duration::from_secs(86_400)))
        .with_timeout(Duration::from_secs(20))
        .with_allow_list(AllowList::new().with_identifiers(["us"]));
    let layer = RateLimitLayer::new("default", limiter)
        .with_key(|head: RequestHead<'_>| Key::Limit(head.header("x-user").unwrap_or_default().to_owned()))
        .with_concurrency(ConcurrencyLimiter::new(redis, 1).with_timeout(Duration::from_secs(20)));
    let held = Router::new().route("/", get(|| async { "a body" })).layer(layer);
    let first = send(&held, Method::GET, "/", &[("x-user", "a")]).await;
    let busy = send(&held, Method::GET, "/", &[("x-user", "a")]).await;
    let problem: serde_json::Value = serde_json::from_str(&text(busy).await).unwrap();
    assert_eq!((problem["status"].as_u64(), problem.get("violated-policies")), (Some(429), None));
    drop(first);
    eventually("the permit", || async { (status(&held, "/", "a").await == 200).then_some(()) }).await;
    let before = local.requests();
    for (user, wanted) in [("a", 429), ("us", 200)] {
        assert_eq!([status(&held, "/", user).await, status(&held, "/", user).await], [wanted; 2]);
    }
    assert_eq!(local.requests(), before);
}

#[tokio::test]
async fn only_so_many_at_a_time_until_their_bodies_are_sent() {
    let layer = RateLimitLayer::new("default", Ratelimit::memory(FixedWindow::new(100, HOUR)))
        .with_key_from(by("x-user"))
        .with_concurrency(ConcurrencyLimiter::memory(1));
    let app = Router::new().route("/", get(|| async { "a body" })).layer(layer);
    let first = send(&app, Method::GET, "/", &[("x-user", "a")]).await;
    let busy = send(&app, Method::GET, "/", &[("x-user", "a")]).await;
    assert_eq!((busy.status(), &busy.headers()["retry-after"]), (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap()));
    assert_eq!(status(&app, "/", "b").await, 200);
    assert_eq!(text(first).await, "a body");
    let last = send(&app, Method::GET, "/", &[("x-user", "a")]).await;
    assert_eq!(
        last.headers()["ratelimit"].to_str().unwrap().split(';').nth(1),
        Some("r=98"),
        "the busy one was not counted"
    );
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_no_permit_behind() {
    let (_local, redis) = upstash().await;
    let limit = ConcurrencyLimiter::new(redis, 1).with_timeout(Duration::from_secs(20));
    let layer = RateLimitLayer::new("default", Ratelimit::memory(FixedWindow::new(100, HOUR)))
        .with_key_from(by("x-user"))
        .with_concurrency(limit.clone());
    let app = Router::new().route("/", get(std::future::pending::<()>)).layer(layer);
    let gone = tokio::time::timeout(Duration::from_millis(200), send(&app, Method::GET, "/", &[]));
    assert!(gone.await.is_err());
    drop(eventually("the permit", || async { limit.acquire("x-user-absent").await.unwrap() }).await);
}

#[tokio::test]
async fn without_the_store_of_permits_the_limiter_s_policy_holds() {
    let local = axum_upstash::local::LocalRedis::start().await.unwrap();
    let wire = crate::support::Wire::new();
    wire.lose_requests.store(true, Ordering::SeqCst);
    let app = |policy| {
        let limiter = Ratelimit::memory(FixedWindow::new(100, HOUR)).with_outage_policy(policy);
        let limit = ConcurrencyLimiter::new(wire.redis(&local), 1);
        let layer = RateLimitLayer::new("default", limiter).with_key_from(by("x-user")).with_concurrency(limit);
        Router::new().route("/", get(|| async {})).layer(layer)
    };
    assert_eq!(status(&app(OutagePolicy::Memory), "/", "a").await, 200);
    let closed = app(OutagePolicy::Closed);
    wire.take();
    for _ in 0..20 {
        assert_eq!(status(&closed, "/", "a").await, 503);
    }
    // Each attempt is sent up to four times, because nothing arrived, and each permit is given back once. After five
    // failures the store is left alone.
    assert!(wire.take() <= 5 * 2 * 4, "the circuit to the dead store is open");
}
