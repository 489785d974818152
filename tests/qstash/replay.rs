use crate::{
    delivery::{Handler, URL, receiver, signer, text},
    guard_store::Shared,
    times::ms,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    response::Response,
    routing::post,
};
use axum_upstash::{
    Clock, Upstash,
    qstash::{GuardFailure, QStash, QStashLayer, QStashRefusal, ReplayGuard},
    redis::{Redis, Ttl},
};
use std::time::Duration;
use tower::ServiceExt;

/// The same checks by the extractor and by the layer.
fn apps(guard: ReplayGuard, handler: &Handler) -> [Router; 2] {
    let receiver = receiver().with_replay_guard(guard);
    let (in_layer, in_extractor) = (handler.clone(), handler.clone());
    [
        Router::new()
            .route("/hook", post(async move |body: Bytes| in_layer.run(body).await))
            .layer(QStashLayer::new(receiver.clone())),
        Router::new()
            .route("/hook", post(async move |body: QStash<Bytes>| in_extractor.run(body.0).await))
            .with_state(receiver),
    ]
}

async fn send(app: &Router, signature: &str, body: &'static str) -> Response {
    let request = Request::post("/hook").header("upstash-signature", signature).body(Body::from(body)).unwrap();
    app.clone().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn a_signature_is_accepted_once() {
    let shared = Shared::start().await;
    for guard in [ReplayGuard::memory(), ReplayGuard::new(shared.redis.clone())] {
        let handler = Handler::default();
        let apps = apps(guard, &handler);
        for (one, other) in [(&apps[0], &apps[1]), (&apps[1], &apps[0])] {
            let before = handler.runs();
            let signature = signer().sign(URL, "x");
            // A wrong body does not use it up.
            assert_eq!(send(one, &signature, "y").await.status(), 401);
            assert_eq!(send(one, &signature, "x").await.status(), 200);
            for app in [one, other] {
                let response = send(app, &signature, "x").await;
                assert_eq!(response.status(), 409);
                assert!(text(response).await.contains("\"replayed\""));
            }
            assert_eq!(handler.runs(), before + 1);
        }
    }
}

#[tokio::test]
async fn a_retry_has_a_signature_of_its_own() {
    let handler = Handler::default();
    for which in 0..2 {
        let app = &apps(ReplayGuard::memory(), &handler)[which];
        handler.answers([500]);
        for status in [500, 200] {
            assert_eq!(send(app, &signer().sign(URL, "x"), "x").await.status(), status);
        }
        let without_id = signer().without_claim("jti").with_claim("iat", 17).sign(URL, "x");
        for status in [200, 409] {
            assert_eq!(send(app, &without_id, "x").await.status(), status);
        }
        let without_id = signer().without_claim("jti").with_claim("iat", 18).sign(URL, "x");
        assert_eq!(send(app, &without_id, "x").await.status(), 200);
    }
}

#[tokio::test]
async fn a_signature_is_kept_for_longer_than_it_is_valid() {
    let (clock, hands) = Clock::manual(ms(1_767_225_600_000));
    let guard = ReplayGuard::memory().with_clock(clock.clone());
    let tolerance = Duration::from_secs(10);
    let receiver = receiver().with_clock(clock.clone()).with_clock_tolerance(tolerance).with_replay_guard(guard);
    let app: Router = Router::new().route("/hook", post(async |_: QStash<Bytes>| {})).with_state(receiver);
    let signature = signer().with_clock(clock).sign(URL, "x");
    assert_eq!(send(&app, &signature, "x").await.status(), 200);
    hands.advance(Duration::from_millis(309_999));
    assert_eq!(send(&app, &signature, "x").await.status(), 409);
    hands.advance(Duration::from_millis(1));
    assert_eq!(send(&app, &signature, "x").await.status(), 401, "expired");
}

async fn only_key(redis: &Redis) -> String {
    let keys: Vec<String> = redis.keys("*").await.unwrap();
    assert_eq!(keys.len(), 1, "{keys:?}");
    keys[0].clone()
}

#[tokio::test]
async fn a_delivery_costs_one_command_and_a_key_that_ends() {
    let shared = Shared::start().await;
    let handler = Handler::default();
    let [app, _] = apps(ReplayGuard::new(shared.redis.clone()).with_prefix("shop:qstash"), &handler);
    let signature = signer().sign(URL, "x");
    assert_eq!(send(&app, &signature, "x").await.status(), 200);
    assert_eq!(shared.wire.take(), 1);
    let redis = shared.direct();
    let key = only_key(&redis).await;
    assert!(key.starts_with("shop:qstash:token:"), "{key}");
    let Ttl::After(left) = redis.ttl(&key).await.unwrap() else { panic!("it has no end") };
    assert!((Duration::from_secs(340)..=Duration::from_secs(360)).contains(&left), "{left:?}");
    assert_eq!(send(&app, &signature, "y").await.status(), 401);
    assert_eq!(shared.wire.take(), 0, "nothing is asked for a request that is not verified");
}

#[tokio::test]
async fn an_answer_of_redis_that_is_lost_is_no_replay() {
    let shared = Shared::start().await;
    let handler = Handler::default();
    let guard = ReplayGuard::new(shared.redis.clone()).with_timeout(Duration::from_secs(60));
    for app in apps(guard, &handler) {
        shared.wire.lose_next_answer();
        assert_eq!(send(&app, &signer().sign(URL, "x"), "x").await.status(), 200);
    }
}

#[tokio::test]
async fn an_outage_is_a_policy() {
    let shared = Shared::start().await;
    shared.wire.lose_requests(true);
    for (policy, status) in [(GuardFailure::Retry, 503), (GuardFailure::Run, 200)] {
        let handler = Handler::default();
        let guard = ReplayGuard::new(shared.redis.clone()).with_failure(policy);
        for app in apps(guard, &handler) {
            let response = send(&app, &signer().sign(URL, "x"), "x").await;
            assert_eq!(response.status(), status, "{policy:?}");
            let refusal = response.extensions().get::<QStashRefusal>();
            assert!(refusal.is_none_or(|refusal| matches!(refusal, QStashRefusal::Guard(_))));
        }
    }
}

/// Layer and extractor have one receiver: an extractor behind the layer does not ask again.
#[tokio::test]
async fn the_receiver_of_the_state_has_the_guard_if_it_is_asked_for() {
    let shared = Shared::start().await;
    let builder = || Upstash::builder().qstash_signing_keys("sig_current", "sig_next").namespace("shop");
    let redis = (shared.local.url(), shared.local.token());
    for (builder, refused) in [
        (builder().redis(redis.0, redis.1).qstash_replay_guard(), 409),
        (builder().or_memory().qstash_replay_guard(), 409),
        (builder().or_memory(), 200),
    ] {
        let upstash = builder.build().unwrap();
        let layer = upstash.qstash_layer();
        let app: Router =
            Router::new().route("/hook", post(async |_: QStash<Bytes>| {})).with_state(upstash).layer(layer);
        let signature = signer().sign(URL, "x");
        assert_eq!(send(&app, &signature, "x").await.status(), 200);
        assert_eq!(send(&app, &signature, "x").await.status(), refused);
    }
    assert!(only_key(&shared.direct()).await.starts_with("shop:qstash:token:"));
}
