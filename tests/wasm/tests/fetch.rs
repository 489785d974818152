//! The host's `fetch` as transport, against a real server.
#![cfg(target_arch = "wasm32")]

use axum_upstash::{
    ErrorKind,
    ratelimit::{self, store::RedisRateLimitStore},
    redis::{PubSubEvent, Redis},
    response_cache::{self, store::RedisResponseStore},
    session::{self, store::RedisSessionStore},
};
use axum_upstash_wasm_tests::variable;
use futures_util::{StreamExt, future::join_all};
use std::time::Duration;
use wasm_bindgen_test::wasm_bindgen_test;

fn redis() -> Redis {
    Redis::new(variable("UPSTASH_REDIS_REST_URL"), variable("UPSTASH_REDIS_REST_TOKEN")).unwrap()
}

#[wasm_bindgen_test]
async fn stores_in_redis_pass_their_suites() {
    ratelimit::conformance::run(&RedisRateLimitStore::new(redis()), "wasm").await;
    ratelimit::conformance::run_walk(&RedisRateLimitStore::new(redis()), "wasm-walk", 7).await;
    session::conformance::run(&RedisSessionStore::new(redis())).await;
    response_cache::conformance::run(&RedisResponseStore::new(redis()), gloo_timers::future::sleep).await;
}

#[wasm_bindgen_test]
async fn bytes_come_back_as_they_were() {
    let (redis, bytes) = (redis(), (0..=255).collect::<Vec<u8>>());
    redis.set("wasm:bytes", &bytes[..]).await.unwrap();
    assert_eq!(redis.get::<Option<Vec<u8>>>("wasm:bytes").await.unwrap().unwrap(), bytes);
    let values = join_all((0..100).map(|number| redis.set(format!("wasm:{number}"), number).into_future())).await;
    assert!(values.iter().all(Result::is_ok));
}

#[wasm_bindgen_test]
async fn a_redirect_is_an_error_and_is_not_followed() {
    let redis = Redis::builder(variable("REDIRECTING_URL"), "token").build().unwrap();
    let error = redis.get::<Option<String>>("k").await.unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Timeout, "{error}");
}

/// The server, which never answers, sees the end of the connection.
#[wasm_bindgen_test]
async fn a_request_is_aborted_at_its_deadline() {
    let redis = Redis::builder(variable("SILENT_URL"), "token").timeout(Duration::from_millis(300)).build().unwrap();
    let error = redis.get::<Option<String>>("k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}

#[wasm_bindgen_test]
async fn a_subscription_yields_messages_as_they_come() {
    let redis = redis();
    let mut news = redis.subscribe(["wasm:news"]);
    assert!(matches!(news.next().await, Some(Ok(PubSubEvent::Subscribed { .. }))));
    for text in ["first", "second"] {
        redis.publish("wasm:news", text).await.unwrap();
        let Some(Ok(PubSubEvent::Message(message))) = news.next().await else { panic!("no message") };
        assert_eq!(&message.payload[..], text.as_bytes());
    }
}
