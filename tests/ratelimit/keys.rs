//! Whose count is whose: names in Redis, and what a client can make of a header.

use crate::{
    layer::{by, send},
    support::upstash,
};
use axum::{Router, routing::get};
use axum_upstash::ratelimit::{
    Attempt, ConcurrencyLimiter, FixedWindow, Gcra, Rate, RateLimitLayer, Ratelimit, TokenBucket, store::DynamicLimits,
};
use http::Method;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn no_identifier_takes_the_place_of_another_s_key() {
    let (_local, redis) = upstash().await;
    let timeout = Duration::from_secs(20);
    let bucket = Ratelimit::new(redis.clone(), TokenBucket::new(5, Rate::new(5, HOUR))).with_timeout(timeout);
    let window =
        bucket.clone().with_algorithm(FixedWindow::new(5, HOUR)).with_dynamic_limits(DynamicLimits::Identifier);
    let gcra = bucket.clone().with_algorithm(Gcra::new(Rate::new(5, HOUR), 5));
    let concurrency = ConcurrencyLimiter::new(redis.clone(), 1).with_timeout(timeout);
    let own = ConcurrencyLimiter::new(redis.clone(), 1).with_timeout(timeout).with_prefix("@upstash/ratelimit");
    for (index, victim) in ["victim", "a:b"].into_iter().enumerate() {
        for pattern in ["concurrency:V", "V:gcra", "gcra:V", "dynamic:identifier:V", "dynamic:global", "denyList:all"] {
            let attacker = pattern.replace('V', victim);
            for limiter in [&bucket, &window, &gcra] {
                limiter.limit(attacker.as_str()).await.unwrap();
            }
            drop(own.acquire(&attacker).await.unwrap());
        }
        let permit = concurrency.acquire(victim).await.unwrap();
        assert!(permit.is_some() && concurrency.acquire(victim).await.unwrap().is_none(), "{index}");
        assert!(own.acquire(victim).await.is_ok(), "{index}");
        for limiter in [&bucket, &gcra] {
            let decision = limiter.limit(Attempt::new(victim).with_cost(2)).await.unwrap();
            let counted = axum_upstash::ratelimit::Reason::Counted;
            assert!(decision.allowed && decision.reason == counted, "{victim}: {decision:?}");
        }
        assert_eq!(window.limit(victim).await.unwrap().limit, 5, "{victim}");
    }
}

#[tokio::test]
async fn one_credential_is_one_client_however_it_is_written() {
    let limiter = Ratelimit::memory(FixedWindow::new(100, HOUR));
    let layer = RateLimitLayer::new("default", limiter.clone()).with_key_from(by("authorization"));
    let app = Router::new().route("/", get(|| async {})).layer(layer);
    let left = |value: &'static str| {
        let app = app.clone();
        async move {
            let response = send(&app, Method::GET, "/", &[("authorization", value)]).await;
            let field = response.headers()["ratelimit"].to_str().unwrap().to_owned();
            field.split(";r=").nth(1).unwrap().split(';').next().unwrap().parse::<u32>().unwrap()
        }
    };
    let mut all = Vec::new();
    for value in ["Bearer k1", "bearer k1", "BEARER k1", "Bearer  k1", "Bearer \t k1"] {
        all.push(left(value).await);
    }
    assert_eq!(all, [99, 98, 97, 96, 95]);
    // Values that are written differently and mean different clients.
    for value in ["Bearer K1", "Bearer k1 k2", "Basic k1", "Bearerk1", "Bearer"] {
        assert_eq!(left(value).await, 99, "{value}");
    }
}
