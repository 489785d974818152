//! Refusals that pass with time.

use crate::server::{Answer, Server, answer};
use axum_upstash::{
    Error, ErrorKind,
    qstash::{LimitReached, LimitScope, LogFilter, Message},
};
use std::time::{Duration, SystemTime};

async fn refused(answer: Answer) -> Error {
    let server = Server::giving([answer]).await;
    let error = server.client().publish(Message::to_url("https://example.com/")).await.unwrap_err();
    assert_eq!(server.count(), 1);
    error
}

fn in_a_minute() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + 60
}

#[tokio::test]
async fn a_day_a_second_and_a_model_are_told_apart() {
    let reset = in_a_minute();
    let daily = answer(429, r#"{"error":"daily limit"}"#)
        .with("ratelimit-limit", 1000)
        .with("ratelimit-remaining", 0)
        .with("ratelimit-reset", reset);
    let error = refused(daily).await;
    let limit = LimitReached::of(&error).unwrap();
    assert_eq!((error.kind(), limit.scope), (ErrorKind::QuotaExceeded, LimitScope::Daily));
    assert_eq!((limit.requests.limit, limit.requests.remaining), (Some(1000), Some(0)));
    assert_eq!(limit.requests.reset_at, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(reset)));
    assert!(error.is_outage());
    let wait = error.retry_after().unwrap();
    assert!((Duration::from_secs(50)..=Duration::from_secs(60)).contains(&wait), "{wait:?}");

    let burst = answer(429, r#"{"error":"slow down"}"#)
        .with("burst-ratelimit-limit", 100)
        .with("burst-ratelimit-remaining", 0)
        .with("burst-ratelimit-reset", reset);
    let error = refused(burst).await;
    let limit = LimitReached::of(&error).unwrap();
    assert_eq!((error.kind(), limit.scope), (ErrorKind::RateLimited, LimitScope::Burst));
    assert_eq!((limit.requests.limit, limit.tokens), (Some(100), None));
    assert!(error.retry_after().is_some());

    let chat = answer(429, "not JSON")
        .with("x-ratelimit-limit-requests", 60)
        .with("x-ratelimit-remaining-requests", 59)
        .with("x-ratelimit-limit-tokens", 150_000)
        .with("x-ratelimit-remaining-tokens", 0)
        .with("x-ratelimit-reset-requests", "1s")
        .with("x-ratelimit-reset-tokens", "30s");
    let error = refused(chat).await;
    let limit = LimitReached::of(&error).unwrap();
    assert_eq!((error.kind(), limit.scope), (ErrorKind::RateLimited, LimitScope::Chat));
    assert_eq!(limit.tokens.unwrap().limit, Some(150_000));
    assert!(error.retry_after().unwrap() > Duration::from_secs(20));

    let error = refused(answer(412, r#"{"error":"plan"}"#)).await;
    assert_eq!((error.kind(), LimitReached::of(&error), error.retry_after()), (ErrorKind::LimitExceeded, None, None));
}

#[tokio::test]
async fn a_wait_that_the_service_asks_for_is_waited_for() {
    let limited = answer(429, "{}").with("retry-after", 0).with("burst-ratelimit-limit", 1);
    let server = Server::giving([limited, answer(200, r#"{"events":[]}"#)]).await;
    server.client().logs().list(LogFilter::new()).page().await.unwrap();
    assert_eq!(server.count(), 2);
}
