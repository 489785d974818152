//! Shadow mode changes nothing for any client.

use crate::slow::Slow;
use axum::{Router, body::Body, routing::get};
use axum_upstash::ratelimit::{
    ConcurrencyLimiter, Decision, FixedWindow, OutagePolicy, RateLimitLayer, Ratelimit, Reason, Rule,
};
use http::{HeaderName, Request};
use std::time::Duration;
use tower::ServiceExt;

const HOUR: Duration = Duration::from_secs(3_600);
const USER: HeaderName = HeaderName::from_static("x-user");

fn limiter(limit: u32) -> Ratelimit {
    Ratelimit::memory(FixedWindow::new(limit, HOUR))
}

/// The decision that a handler finds, which insists on one.
async fn found(layer: &RateLimitLayer) -> (bool, String) {
    let handler = |decision: Decision| async move { format!("{} {:?}", decision.allowed, decision.reason) };
    let app = Router::new().route("/", get(handler)).layer(layer.clone().with_shadow_mode(true));
    let response = app.oneshot(Request::get("/").header(USER, "a").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().keys().all(|name| !name.as_str().contains("rate") && name != "retry-after"));
    let text = crate::support::text(response).await;
    let (allowed, reason) = text.split_once(' ').unwrap();
    (allowed == "true", reason.to_owned())
}

fn reason(reason: &Reason) -> String {
    format!("{reason:?}")
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_in_line() {
    let layer = RateLimitLayer::new("default", limiter(1)).with_key_from(USER).with_queue(HOUR * 2, 10);
    assert_eq!(found(&layer).await, (true, reason(&Reason::Counted)));
    let begun = tokio::time::Instant::now();
    assert_eq!(found(&layer).await, (false, reason(&Reason::Counted)));
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_handler_finds_a_decision_whatever_is_wrong() {
    let no_key = RateLimitLayer::new("default", limiter(5));
    assert_eq!(found(&no_key).await, (true, reason(&Reason::Exempt)));

    let (store, _gate) = Slow::gated();
    let down = Ratelimit::with_store(store, FixedWindow::new(5, HOUR)).with_timeout(Duration::from_millis(5));
    let down = RateLimitLayer::new("default", down.with_outage_policy(OutagePolicy::Error)).with_key_from(USER);
    assert_eq!(found(&down).await, (false, reason(&Reason::Outage)));

    let one = limiter(5).with_prefix("one");
    let wrong = RateLimitLayer::new("default", one.clone())
        .with_key_from(USER)
        .with_rule(Rule::new("same", one).with_key_from(USER));
    assert_eq!(found(&wrong).await, (true, reason(&Reason::Exempt)));

    let busy =
        RateLimitLayer::new("default", limiter(5)).with_key_from(USER).with_concurrency(ConcurrencyLimiter::memory(0));
    assert_eq!(found(&busy).await, (true, reason(&Reason::Counted)));
}
