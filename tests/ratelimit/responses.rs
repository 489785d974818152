//! What a response changes in what its request has cost.

use crate::support::{eventually, upstash};
use crate::times::ms;
use axum::{Router, body::Body, routing::get};
use axum_upstash::{
    Clock,
    local::LocalRedis,
    ratelimit::{
        Attempt, Decision, FixedWindow, Key, OutagePolicy, RateLimitLayer, Ratelimit, RequestHead, ResponseHead,
        SlidingWindow,
    },
};
use http::{Request, Response, StatusCode};
use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};
use tokio::sync::Semaphore;
use tower::{ServiceBuilder, ServiceExt, service_fn};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

fn user(_: RequestHead<'_>) -> Key {
    Key::Limit("a".to_owned())
}

fn memory(limit: u32) -> Ratelimit {
    Ratelimit::memory(FixedWindow::new(limit, HOUR)).with_prefix("layer")
}

/// The status of each answer, one request after the other.
async fn statuses(app: &Router, limiter: &Ratelimit, paths: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for path in paths {
        let request = Request::get(*path).body(Body::empty()).unwrap();
        statuses.push(app.clone().oneshot(request).await.unwrap().status().as_u16());
        limiter.background().finished().await;
    }
    statuses
}

#[tokio::test]
async fn failures_are_given_back_where_only_success_counts() {
    let limiter = memory(2);
    let layer = RateLimitLayer::new("default", limiter.clone()).with_key(user).skip_failed();
    let app = Router::new()
        .route("/ok", get(|| async {}))
        .route("/bad", get(|| async { StatusCode::BAD_REQUEST }))
        .layer(layer);
    let paths = ["/bad", "/bad", "/bad", "/ok", "/bad", "/ok", "/ok"];
    assert_eq!(statuses(&app, &limiter, &paths).await, [400, 400, 400, 200, 400, 200, 429]);
}

#[tokio::test]
async fn a_service_that_returns_an_error_is_a_failure() {
    let failing = |layer: RateLimitLayer| {
        ServiceBuilder::new().layer(layer).service(service_fn(|_: Request<Body>| async {
            Err::<Response<Body>, _>(std::io::Error::from(std::io::ErrorKind::TimedOut))
        }))
    };
    for (skip, left) in [(true, 5), (false, 3)] {
        let limiter = memory(5);
        let layer = RateLimitLayer::new("default", limiter.clone()).with_key(user);
        let service = failing(if skip { layer.skip_failed() } else { layer.skip_successful() });
        for _ in 0..2 {
            service.clone().oneshot(Request::new(Body::empty())).await.unwrap_err();
        }
        assert_eq!(limiter.remaining("a").await.unwrap().remaining, left);
    }
}

#[tokio::test]
async fn an_error_of_grpc_is_a_failure_though_its_status_is_200() {
    let limiter = memory(2);
    let layer = RateLimitLayer::new("default", limiter.clone()).with_key(user).skip_successful();
    let app = Router::new()
        .route("/wrong", get(|| async { [("grpc-status", "16")] }))
        .route("/right", get(|| async { [("grpc-status", "0")] }))
        .layer(layer);
    let paths = ["/right", "/wrong", "/right", "/right", "/wrong", "/right"];
    assert_eq!(statuses(&app, &limiter, &paths).await, [200, 200, 200, 200, 200, 429]);
}

#[tokio::test]
async fn an_inner_layer_can_have_a_request_given_back() {
    #[derive(Clone)]
    struct Hit;
    let limiter = memory(1);
    let layer = RateLimitLayer::new("default", limiter.clone())
        .with_key(user)
        .with_refund_if(|response: ResponseHead<'_>| response.extensions().get::<Hit>().is_some());
    let hit = || async {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(Hit);
        response
    };
    let app = Router::new().route("/hit", get(hit)).route("/miss", get(|| async {})).layer(layer);
    let paths = ["/hit", "/hit", "/miss", "/hit"];
    assert_eq!(statuses(&app, &limiter, &paths).await, [200, 200, 200, 429]);
}

#[tokio::test]
async fn what_is_given_back_after_its_window_makes_no_room_in_the_next() {
    for algorithm in
        [FixedWindow::new(2, HOUR).into(), axum_upstash::ratelimit::Algorithm::from(SlidingWindow::new(2, HOUR))]
    {
        let (clock, hands) = Clock::manual(ms(3_600_000 * 1_000 - 1));
        let limiter = Ratelimit::memory(algorithm).with_clock(clock).with_prefix("layer");
        let layer = RateLimitLayer::new("default", limiter.clone()).with_key(user).skip_successful();
        let gate = Arc::new(Semaphore::new(0));
        let slow = {
            let gate = Arc::clone(&gate);
            move || {
                let gate = Arc::clone(&gate);
                async move { gate.acquire().await.unwrap().forget() }
            }
        };
        let app = Router::new().route("/", get(slow)).layer(layer);
        let request = || Request::get("/").body(Body::empty()).unwrap();
        let on_their_way: Vec<_> = (0..2).map(|_| tokio::spawn(app.clone().oneshot(request()))).collect();
        eventually("both", || async { (limiter.remaining("a").await.unwrap().remaining == 0).then_some(()) }).await;
        // Two windows later, when none of them counts any more.
        hands.advance(2 * HOUR);
        gate.add_permits(2);
        for request in on_their_way {
            assert_eq!(request.await.unwrap().unwrap().status(), 200);
        }
        limiter.background().finished().await;
        assert_eq!(limiter.remaining("a").await.unwrap().remaining, 2, "{algorithm:?}");
    }
}

#[tokio::test]
async fn what_was_counted_by_the_outage_s_limit_is_given_back_there() {
    let local = LocalRedis::start().await.unwrap();
    let wire = crate::support::Wire::new();
    wire.lose_requests.store(true, Ordering::SeqCst);
    let limiter = Ratelimit::new(wire.redis(&local), SlidingWindow::new(100, HOUR))
        .with_outage_policy(OutagePolicy::MemoryLimit(FixedWindow::new(2, DAY).into()));
    let layer = RateLimitLayer::new("default", limiter.clone()).with_key(user).skip_successful();
    let app = Router::new().route("/", get(|| async {})).layer(layer);
    assert_eq!(statuses(&app, &limiter, &["/"; 6]).await, [200; 6]);
    // And forgotten there.
    for _ in 0..2 {
        assert!(limiter.limit("a").await.unwrap().allowed);
    }
    assert!(!limiter.limit("a").await.unwrap().allowed);
    limiter.reset_used_tokens("a").await.unwrap_err();
    assert!(limiter.limit("a").await.unwrap().allowed);
}

#[tokio::test]
async fn a_response_can_cost_more_and_takes_what_is_left_at_the_most() {
    let (_local, redis) = upstash().await;
    let redis_limiter = Ratelimit::new(redis, FixedWindow::new(10, DAY)).with_prefix("layer");
    let redis_limiter = redis_limiter.with_timeout(Duration::from_secs(20));
    for limiter in [memory(10), redis_limiter] {
        let length = |response: ResponseHead<'_>| -> u32 {
            let length = response.headers().get("content-length");
            length.and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0)
        };
        let layer = RateLimitLayer::new("default", limiter.clone()).with_key(user).with_response_cost(length);
        let app = Router::new()
            .route("/three", get(|| async { ([("content-length", "3")], "abc") }))
            .route("/large", get(|| async { ([("content-length", "100")], "") }))
            .layer(layer);
        assert_eq!(statuses(&app, &limiter, &["/three"]).await, [200]);
        assert_eq!(limiter.remaining("a").await.unwrap().remaining, 6);
        assert_eq!(statuses(&app, &limiter, &["/large", "/three"]).await, [200, 429]);
        assert_eq!(limiter.remaining("a").await.unwrap().remaining, 0);
        // One that was refused costs nothing more.
        limiter.refund("a", 1).await.unwrap();
        assert!(limiter.limit(Attempt::new("a")).await.unwrap().allowed);
    }
}

#[tokio::test]
async fn an_observer_sees_every_decision() {
    let seen: Arc<Mutex<Vec<(String, bool)>>> = Arc::default();
    let layer = RateLimitLayer::new("api", memory(1)).with_key(user).with_observer({
        let seen = Arc::clone(&seen);
        move |policy: &str, decision: &Decision| seen.lock().unwrap().push((policy.to_owned(), decision.allowed))
    });
    for shadow in [false, true] {
        let app = Router::new().route("/", get(|| async {})).layer(layer.clone().with_shadow_mode(shadow));
        app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    }
    assert_eq!(*seen.lock().unwrap(), [("api".to_owned(), true), ("api".to_owned(), false)]);
}
