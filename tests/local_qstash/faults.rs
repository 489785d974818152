//! What an application bears: an API that fails, destinations out of reach, answers that are lost, messages that come twice.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use axum_upstash::{
    Upstash,
    local::{LocalMessageState, LocalQStash, LocalQStashFaults, LocalUpstash},
    qstash::{Message, QStash, QStashClient},
};
use tokio::time::timeout;

use crate::support::{Host, ORIGIN};

const MESSAGES: u32 = 200;

#[tokio::test]
async fn a_repeated_message_comes_one_after_the_other_with_one_id() {
    let host = Host::start_with(|builder| builder.faults(LocalQStashFaults::seeded(1).repeated(1.0))).await;
    let id = host.publish("/", &[], "body").await;
    host.idle().await;
    let delivered = host.app.delivered();
    assert_eq!(delivered.len(), 2);
    assert!(delivered.iter().all(|one| one.header("upstash-message-id") == Some(&id)));
    assert!(delivered.iter().all(|one| one.header("upstash-retried") == Some("0")));
    assert_ne!(delivered[0].header("upstash-signature"), delivered[1].header("upstash-signature"));
    assert_eq!(host.app.most_at_once(), 1);
    assert_eq!(host.local.messages()[0].attempts, 1);
}

#[tokio::test]
async fn a_call_fails_before_or_after_it_is_done() {
    let host = Host::start_with(|builder| builder.faults(LocalQStashFaults::seeded(1).refused_calls(1.0))).await;
    let path = format!("/v2/publish/{ORIGIN}/");
    assert_eq!(host.ask("POST", &path, &[], "").await.status, 500);
    assert!(host.local.messages().is_empty());

    let host = Host::start_with(|builder| builder.faults(LocalQStashFaults::seeded(1).lost_answers(1.0))).await;
    assert_eq!(host.ask("POST", &path, &[], "").await.status, 500);
    assert_eq!(host.local.messages().len(), 1);
}

#[tokio::test]
async fn a_probability_that_is_none_is_refused() {
    for wrong in [-0.1, 1.1, f64::NAN] {
        let error = LocalQStash::builder().faults(LocalQStashFaults::seeded(1).repeated(wrong)).start().await;
        assert!(error.unwrap_err().to_string().contains("a probability is a number from 0 to 1"));
    }
}

/// The handler of an application, which counts its work.
async fn work(State(done): State<Arc<Mutex<HashMap<String, u32>>>>, body: Bytes) {
    *done.lock().unwrap().entry(String::from_utf8(body.to_vec()).unwrap()).or_default() += 1;
}

/// All of it: publishing repeats by a deduplication id, and the handler runs once by a guard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_message_is_handled_once_whatever_is_lost() {
    let done = Arc::<Mutex<HashMap<String, u32>>>::default();
    let upstash = Upstash::builder()
        .or_memory()
        .qstash_signing_keys(LocalQStash::CURRENT_SIGNING_KEY, LocalQStash::NEXT_SIGNING_KEY)
        .build()
        .unwrap();
    let app = Router::new()
        .route("/", post(work))
        .with_state(Arc::clone(&done))
        .layer(upstash.qstash_layer().with_idempotency_guard(upstash.idempotency_guard()));
    let faults = LocalQStashFaults::seeded(17)
        .unreachable(0.1)
        .lost_responses(0.2)
        .repeated(0.2)
        .refused_calls(0.1)
        .lost_answers(0.1);
    let local = LocalQStash::builder().destination(ORIGIN, app).faults(faults).start().await.unwrap();
    let qstash = QStashClient::builder(local.token()).url(local.url()).build().unwrap();
    for number in 0..MESSAGES {
        let message = Message::to_url(ORIGIN).body(number.to_string()).retries(20);
        let message = message.deduplication_id(format!("number-{number}"));
        // A call that fails again and again is repeated by the application.
        let mut published = qstash.publish(message.clone()).await;
        for _ in 0..5 {
            if published.is_ok() {
                break;
            }
            published = qstash.publish(message.clone()).await;
        }
        published.unwrap();
    }
    let all_delivered = || {
        let messages = local.messages();
        messages.iter().all(|one| one.state == LocalMessageState::Delivered).then_some(messages.len())
    };
    let mut delivered = None;
    for _ in 0..200 {
        timeout(Duration::from_secs(20), local.idle()).await.unwrap();
        delivered = all_delivered();
        if delivered.is_some() {
            break;
        }
        local.advance(Duration::from_secs(60));
    }
    assert_eq!(delivered, Some(MESSAGES as usize));
    let done = done.lock().unwrap();
    assert_eq!(done.len(), MESSAGES as usize);
    assert!(done.values().all(|count| *count == 1), "{done:?}");
}

#[tokio::test]
async fn one_start_has_both_products_and_their_variables() {
    async fn count(State(upstash): State<Upstash>, headers: HeaderMap, QStash(Json(by)): QStash<Json<i64>>) -> String {
        assert!(headers.contains_key("upstash-message-id"));
        upstash.redis().incrby("count", by).await.unwrap().to_string()
    }
    let redis = axum_upstash::local::LocalRedis::start().await.unwrap();
    let app = |upstash: &Upstash| Router::new().route("/", post(count)).with_state(upstash.clone());
    let state = Upstash::builder()
        .redis(redis.url(), redis.token())
        .qstash_signing_keys(LocalQStash::CURRENT_SIGNING_KEY, LocalQStash::NEXT_SIGNING_KEY)
        .build()
        .unwrap();
    let qstash = LocalQStash::builder().destination(ORIGIN, app(&state));
    let local = LocalUpstash::builder().qstash(qstash).time_scale(2.0).start().await.unwrap();
    let variables: HashMap<_, _> = local.environment().into_iter().collect();
    let upstash = Upstash::from_env_with(|name| variables.get(name).cloned()).unwrap();
    upstash.check().await.unwrap();
    upstash.qstash().publish(Message::to_url(ORIGIN).delay(Duration::from_secs(3600)).json(&5)).await.unwrap();
    local.idle().await;
    assert_eq!(state.redis().get::<Option<i64>>("count").await.unwrap(), None);
    local.advance(Duration::from_secs(3600));
    local.idle().await;
    assert_eq!(state.redis().get::<Option<i64>>("count").await.unwrap(), Some(5));
    assert_eq!(local.qstash().messages()[0].body, "5");
    local.shutdown().await;
}
