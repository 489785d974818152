//! Shadow mode changes nothing for anybody.

use crate::slow::Slow;
use axum::{Router, body::Body, routing::get};
use axum_upstash::ratelimit::{
    Basis, ConcurrencyLimit, Decision, FixedWindow, OnOutage, RateLimitLayer, Ratelimit, Rule,
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
    let handler = |decision: Decision| async move { format!("{} {:?}", decision.allowed, decision.basis) };
    let app = Router::new().route("/", get(handler)).layer(layer.clone().with_shadow_mode(true));
    let response = app.oneshot(Request::get("/").header(USER, "a").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().keys().all(|name| !name.as_str().contains("rate") && name != "retry-after"));
    let text = crate::support::text(response).await;
    let (allowed, basis) = text.split_once(' ').unwrap();
    (allowed == "true", basis.to_owned())
}

fn basis(basis: &Basis) -> String {
    format!("{basis:?}")
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_in_line() {
    let layer = RateLimitLayer::new(limiter(1)).with_key(USER).with_queue(HOUR * 2, 10);
    assert_eq!(found(&layer).await, (true, basis(&Basis::Counted)));
    let begun = tokio::time::Instant::now();
    assert_eq!(found(&layer).await, (false, basis(&Basis::Counted)));
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_handler_finds_a_decision_whatever_is_wrong() {
    let no_key = RateLimitLayer::new(limiter(5));
    assert_eq!(found(&no_key).await, (true, basis(&Basis::Exempt)));

    let (store, _gate) = Slow::gated();
    let down = Ratelimit::with_store(store, FixedWindow::new(5, HOUR)).with_timeout(Duration::from_millis(5));
    let down = RateLimitLayer::new(down.with_on_outage(OnOutage::Error)).with_key(USER);
    assert_eq!(found(&down).await, (false, basis(&Basis::Outage)));

    let one = limiter(5);
    let wrong = RateLimitLayer::new(one.clone()).with_key(USER).with_rule(Rule::new("same", one).with_key(USER));
    assert_eq!(found(&wrong).await, (true, basis(&Basis::Exempt)));

    let busy = RateLimitLayer::new(limiter(5)).with_key(USER).with_concurrency(ConcurrencyLimit::memory(0));
    assert_eq!(found(&busy).await, (true, basis(&Basis::Counted)));
}
