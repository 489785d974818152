use crate::{
    delivery::{Handler, delivery, eventually, receiver, signed, text},
    guard_store::Shared,
    times::ms,
};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{FromRef, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use axum_upstash::{
    Clock, Error, ErrorKind, Upstash,
    background::Background,
    qstash::{Begin, GuardFailure, IdempotencyGuard, LeasedMessage, QStashLayer, QStashRefusal, Receiver},
    redis::Ttl,
};
use futures_util::{FutureExt, future::join_all};
use std::{panic::AssertUnwindSafe, time::Duration};
use tower::{Layer, ServiceExt, service_fn};

const MINUTE: Duration = Duration::from_secs(60);

fn app(guard: IdempotencyGuard, handler: &Handler) -> Router {
    let handler = handler.clone();
    Router::new()
        .route("/hook", post(async move |body: Bytes| handler.run(body).await))
        .layer(QStashLayer::new(receiver()).with_idempotency_guard(guard))
}

async fn send(app: &Router, id: &str) -> Response {
    app.clone().oneshot(delivery(id)).await.unwrap()
}

fn retry_after(response: &Response) -> u64 {
    assert_eq!(response.status(), 503);
    response.headers()["retry-after"].to_str().unwrap().parse().unwrap()
}

fn guard(shared: &Shared) -> IdempotencyGuard {
    IdempotencyGuard::new(shared.redis.clone()).with_background(shared.background.clone())
}

/// Both stores.
async fn guards() -> Vec<(IdempotencyGuard, Option<Shared>)> {
    let shared = Shared::start().await;
    vec![(IdempotencyGuard::memory(), None), (guard(&shared), Some(shared))]
}

#[tokio::test]
async fn a_message_that_is_done_is_answered_without_the_handler() {
    for (guard, shared) in guards().await {
        let handler = Handler::default();
        let app = app(guard, &handler);
        let requests = || shared.as_ref().map_or(0, |shared| shared.wire.take());
        assert_eq!(text(send(&app, "msg_1").await).await, "x");
        let first = requests();
        for _ in 0..3 {
            let response = send(&app, "msg_1").await;
            assert_eq!(response.status(), 200);
            assert!(matches!(response.extensions().get(), Some(QStashRefusal::AlreadyDone)));
            assert_eq!(text(response).await, "done already");
        }
        assert_eq!((first, requests()), if shared.is_some() { (2, 3) } else { (0, 0) }, "round trips");
        assert_eq!(send(&app, "msg_2").await.status(), 200);
        assert_eq!(handler.runs(), 2);
    }
}

#[tokio::test]
async fn a_retry_after_a_failure_runs_at_once() {
    for (guard, shared) in guards().await {
        let handler = Handler::default();
        let app = app(guard, &handler);
        handler.answers([500, 404, 302, 489, 503]);
        for status in [500, 404, 302, 489, 503, 200] {
            assert_eq!(send(&app, "msg_1").await.status(), status);
        }
        assert_eq!(text(send(&app, "msg_1").await).await, "done already");
        assert_eq!(handler.runs(), 6);
        if let Some(shared) = shared {
            shared.wire.take();
            handler.answers([500]);
            send(&app, "msg_2").await;
            assert_eq!(shared.wire.take(), 2, "one round trip before the handler, and one after it");
        }
    }
}

#[tokio::test]
async fn an_error_of_the_service_and_a_panic_release_the_message() {
    for (guard, shared) in guards().await {
        let background = Background::new();
        let layer = QStashLayer::new(receiver()).with_idempotency_guard(guard.with_background(background.clone()));
        let service = layer.layer(service_fn(async |request: Request| {
            match request.headers().get("x-does").map(|value| value.as_bytes()) {
                Some(b"fail") => Err("it failed"),
                Some(_) => panic!("of the handler"),
                None => Ok(http::Response::new(Body::empty())),
            }
        }));
        let send = |does: Option<&'static str>| {
            let mut request = delivery("msg_1");
            if let Some(does) = does {
                request.headers_mut().insert("x-does", does.parse().unwrap());
            }
            service.clone().oneshot(request)
        };
        assert_eq!(send(Some("fail")).await.err(), Some("it failed"));
        assert!(AssertUnwindSafe(send(Some("panic"))).catch_unwind().await.is_err());
        background.finished().await;
        let response = send(None).await.unwrap();
        assert!(response.extensions().get::<QStashRefusal>().is_none(), "the handler ran");
        drop(shared);
    }
}

#[tokio::test]
async fn of_many_deliveries_at_once_one_runs() {
    for (guard, shared) in guards().await {
        let handler = Handler::default();
        let app = app(guard.with_lease(MINUTE), &handler);
        let held = handler.hold();
        let sent: Vec<_> = (0..20).map(|_| tokio::spawn(app.clone().oneshot(delivery("msg_1")))).collect();
        eventually(|| sent.iter().filter(|sent| sent.is_finished()).count() == 19).await;
        held.add_permits(1);
        let answers: Vec<Response> = join_all(sent).await.into_iter().map(|sent| sent.unwrap().unwrap()).collect();
        assert_eq!(answers.iter().filter(|answer| answer.status() == 200).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status() != 200) {
            assert!((50..=60).contains(&retry_after(answer)), "the remaining time of the lease");
            assert!(matches!(answer.extensions().get(), Some(QStashRefusal::InProgress(_))));
        }
        assert_eq!(text(send(&app, "msg_1").await).await, "done already");
        assert_eq!(handler.runs(), 1);
        drop(shared);
    }
}

#[tokio::test]
async fn a_message_without_an_id_or_with_too_long_a_one_is_refused() {
    let handler = Handler::default();
    let app = app(IdempotencyGuard::memory(), &handler);
    for request in [signed("x"), delivery(""), delivery(".."), delivery(&"m".repeat(257))] {
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 400);
        assert!(text(response).await.contains("message-id"));
    }
    assert_eq!(handler.runs(), 0);
    // Nothing is kept for a request that was not verified.
    let mut forged = delivery("msg_1");
    *forged.body_mut() = Body::from("forged");
    assert_eq!(app.clone().oneshot(forged).await.unwrap().status(), 401);
    assert_eq!(send(&app, "msg_1").await.status(), 200);
}

#[tokio::test]
async fn a_client_that_leaves_while_the_handler_runs_releases_the_message() {
    for (guard, shared) in guards().await {
        let background = Background::new();
        let handler = Handler::default();
        let app = app(guard.with_background(background.clone()), &handler);
        let held = handler.hold();
        let sent = tokio::spawn(app.clone().oneshot(delivery("msg_1")));
        eventually(|| handler.runs() == 1).await;
        sent.abort();
        assert!(sent.await.unwrap_err().is_cancelled());
        background.finished().await;
        held.add_permits(1);
        assert_eq!(text(send(&app, "msg_1").await).await, "x");
        drop(shared);
    }
}

#[tokio::test]
async fn a_client_that_leaves_while_redis_is_asked_releases_the_message() {
    for is_before in [true, false] {
        let shared = Shared::start().await;
        let handler = Handler::default();
        let app = app(guard(&shared), &handler);
        let held = shared.wire.hold(is_before);
        let sent = tokio::spawn(app.clone().oneshot(delivery("msg_1")));
        eventually(|| if is_before { shared.wire.requests() == 1 } else { shared.wire.answered() == 1 }).await;
        sent.abort();
        assert!(sent.await.unwrap_err().is_cancelled());
        // The command goes on, and only then the message is released.
        held.add_permits(100);
        shared.background.finished().await;
        assert_eq!(shared.direct().exists("axum-upstash:qstash:message:msg_1").await.unwrap(), 0, "{is_before}");
        assert_eq!(handler.runs(), 0);
        assert_eq!(text(send(&app, "msg_1").await).await, "x");
    }
}

#[tokio::test]
async fn a_client_that_leaves_after_the_handler_leaves_the_message_done_or_released() {
    for (status, answer) in [(200, "done already"), (500, "x")] {
        for is_before in [true, false] {
            let shared = Shared::start().await;
            let handler = Handler::default();
            handler.answers([status]);
            let app = app(guard(&shared), &handler);
            // The first request goes through.
            let held = shared.wire.hold(is_before);
            held.add_permits(1);
            let sent = tokio::spawn(app.clone().oneshot(delivery("msg_1")));
            eventually(|| if is_before { shared.wire.requests() == 2 } else { shared.wire.answered() == 2 }).await;
            assert_eq!(handler.ended(), 1);
            sent.abort();
            assert!(sent.await.unwrap_err().is_cancelled());
            held.add_permits(100);
            shared.background.finished().await;
            assert_eq!(text(send(&app, "msg_1").await).await, answer, "{status} {is_before}");
        }
    }
}

#[tokio::test]
async fn a_request_that_is_never_polled_asks_nothing() {
    let shared = Shared::start().await;
    let app = app(guard(&shared), &Handler::default());
    drop(app.oneshot(delivery("msg_1")));
    drop(guard(&shared).begin("msg_1"));
    shared.background.finished().await;
    assert_eq!(shared.wire.take(), 0);
}

#[tokio::test]
async fn an_answer_of_redis_that_is_lost_runs_the_handler_once() {
    let shared = Shared::start().await;
    let handler = Handler::default();
    let app = app(guard(&shared).with_timeout(MINUTE), &handler);
    shared.wire.lose_next_answer();
    assert_eq!(text(send(&app, "msg_1").await).await, "x", "the lease that it finds is its own");
    assert_eq!(text(send(&app, "msg_1").await).await, "done already");
    assert_eq!(handler.runs(), 1);
}

#[tokio::test]
async fn an_outage_is_a_policy() {
    let shared = Shared::start().await;
    shared.wire.lose_requests(true);
    for (policy, runs) in [(GuardFailure::Retry, 0), (GuardFailure::Run, 1)] {
        let handler = Handler::default();
        let response = send(&app(guard(&shared).with_failure(policy), &handler), "msg_1").await;
        assert_eq!(handler.runs(), runs, "{policy:?}");
        if runs == 0 {
            assert_eq!(retry_after(&response), 10);
            let refusal = response.extensions().get();
            assert!(matches!(refusal, Some(QStashRefusal::Guard(error)) if error.is_outage()), "{refusal:?}");
        } else {
            assert_eq!(response.status(), 200);
        }
    }
}

#[tokio::test]
async fn an_outage_after_the_handler_changes_no_answer() {
    let shared = Shared::start().await;
    let handler = Handler::default();
    let app = app(guard(&shared).with_lease(MINUTE), &handler);
    let held = handler.hold();
    let sent = tokio::spawn(app.clone().oneshot(delivery("msg_1")));
    eventually(|| handler.runs() == 1).await;
    shared.wire.lose_requests(true);
    held.add_permits(1);
    assert_eq!(sent.await.unwrap().unwrap().status(), 200);
    shared.wire.lose_requests(false);
    assert!(retry_after(&send(&app, "msg_1").await) > 50, "in progress until the lease ends");
}

/// An error that is no outage: no policy lets it pass.
#[tokio::test]
async fn a_key_of_another_type_is_a_mistake() {
    let shared = Shared::start().await;
    shared.redis.hset("axum-upstash:qstash:message:msg_1", [("a", "b")]).await.unwrap();
    let handler = Handler::default();
    let app = app(guard(&shared).with_failure(GuardFailure::Run), &handler);
    let response = send(&app, "msg_1").await;
    assert_eq!(response.status(), 500);
    assert!(text(response).await.contains("\"guard\""));
    assert_eq!(handler.runs(), 0);
}

#[tokio::test]
async fn keys_have_a_prefix_and_a_time_to_live() {
    let shared = Shared::start().await;
    let handler = Handler::default();
    let guard = guard(&shared).with_prefix("shop:qstash").with_lease(MINUTE).with_done_ttl(2 * MINUTE);
    let app = app(guard, &handler);
    let held = handler.hold();
    let sent = tokio::spawn(app.clone().oneshot(delivery("msg_1")));
    eventually(|| handler.runs() == 1).await;
    let redis = shared.direct();
    let key = "shop:qstash:message:msg_1";
    let value: String = redis.get(key).await.unwrap();
    assert!(value.starts_with("in-progress:1"), "{value}");
    let lives = async |at_most| {
        let Ttl::After(left) = redis.ttl(key).await.unwrap() else { panic!("it has no end") };
        assert!(left <= at_most && left > at_most - Duration::from_secs(20), "{left:?}");
    };
    lives(MINUTE).await;
    held.add_permits(1);
    sent.await.unwrap().unwrap();
    assert_eq!(redis.get::<String>(key).await.unwrap(), "done");
    lives(2 * MINUTE).await;
    assert_eq!(redis.dbsize().await.unwrap(), 1);
}

#[tokio::test]
async fn after_a_crash_the_message_runs_when_its_lease_has_ended() {
    let (clock, hands) = Clock::manual(ms(1_767_225_600_000));
    let guard = IdempotencyGuard::memory().with_clock(clock).with_lease(MINUTE).with_done_ttl(2 * MINUTE);
    let Begin::Started(crashed) = guard.begin("msg_1").await.unwrap() else { panic!("it is new") };
    std::mem::forget(crashed);
    let handler = Handler::default();
    let app = app(guard, &handler);
    assert_eq!(retry_after(&send(&app, "msg_1").await), 60);
    hands.advance(Duration::from_millis(59_500));
    assert_eq!(retry_after(&send(&app, "msg_1").await), 1);
    hands.advance(Duration::from_millis(500));
    assert_eq!(send(&app, "msg_1").await.status(), 200);
    hands.advance(2 * MINUTE - Duration::from_millis(1));
    assert_eq!(text(send(&app, "msg_1").await).await, "done already");
    hands.advance(Duration::from_millis(1));
    assert_eq!(text(send(&app, "msg_1").await).await, "x", "it is not known any more");
}

#[tokio::test]
async fn a_lease_that_has_ended_does_not_release_another_s() {
    let (clock, hands) = Clock::manual(ms(1_767_225_600_000));
    let guard = IdempotencyGuard::memory().with_clock(clock).with_lease(MINUTE);
    let begin = async || guard.begin("msg_1").await.unwrap();
    let Begin::Started(first) = begin().await else { panic!("it is new") };
    hands.advance(MINUTE);
    let Begin::Started(second) = begin().await else { panic!("the lease has ended") };
    first.release().await.unwrap();
    assert!(matches!(begin().await, Begin::InProgress(_)), "it is the second's");
    second.release().await.unwrap();
    let Begin::Started(third) = begin().await else { panic!("it was released") };
    drop(third);
    let Begin::Started(fourth) = begin().await else { panic!("it was dropped") };
    fourth.done().await.unwrap();
    assert!(matches!(begin().await, Begin::Done));
}

#[derive(Clone)]
struct App {
    receiver: Receiver,
    guard: IdempotencyGuard,
    handler: Handler,
}

impl FromRef<App> for Receiver {
    fn from_ref(app: &App) -> Self {
        app.receiver.clone()
    }
}

impl FromRef<App> for IdempotencyGuard {
    fn from_ref(app: &App) -> Self {
        app.guard.clone()
    }
}

/// Says that it is done if the handler's answer is 200.
async fn leased(State(app): State<App>, message: LeasedMessage<Bytes>) -> Result<Response, Error> {
    let LeasedMessage { body, lease, .. } = message;
    let (status, body) = app.handler.run(body).await;
    if status == StatusCode::OK {
        lease.done().await?;
    }
    Ok((status, body).into_response())
}

#[tokio::test]
async fn a_handler_with_a_lease_says_when_it_is_done() {
    for (guard, shared) in guards().await {
        let background = Background::new();
        let state =
            App { receiver: receiver(), guard: guard.with_background(background.clone()), handler: Handler::default() };
        let handler = state.handler.clone();
        let app: Router = Router::new()
            .route("/hook", post(leased))
            .route("/json", post(async |message: LeasedMessage<Json<u64>>| message.body.to_string()))
            .with_state(state);
        handler.answers([500, 202]);
        // Neither is a success for the handler's own rule.
        for status in [500, 202, 200] {
            assert_eq!(send(&app, "msg_1").await.status(), status);
            background.finished().await;
        }
        assert_eq!(text(send(&app, "msg_1").await).await, "done already");
        assert_eq!(handler.runs(), 3);

        let held = handler.hold();
        let sent = tokio::spawn(app.clone().oneshot(delivery("msg_2")));
        eventually(|| handler.runs() == 4).await;
        assert!(retry_after(&send(&app, "msg_2").await) > 60);
        held.add_permits(1);
        assert_eq!(sent.await.unwrap().unwrap().status(), 200);

        // A body that the inner extractor refuses releases the message before the answer.
        for _ in 0..2 {
            let mut request = delivery("msg_3");
            *request.uri_mut() = "/json".parse().unwrap();
            assert_eq!(app.clone().oneshot(request).await.unwrap().status(), 415);
        }
        drop(shared);
    }
}

#[tokio::test]
async fn guards_inside_each_other_are_one() {
    for (guard, shared) in guards().await {
        let state = App { receiver: receiver(), guard: guard.clone(), handler: Handler::default() };
        let handler = state.handler.clone();
        let layer = QStashLayer::new(state.receiver.clone()).with_idempotency_guard(guard);
        let app: Router =
            Router::new().route("/hook", post(leased)).with_state(state).layer(layer.clone()).layer(layer);
        handler.answers([500]);
        assert_eq!(send(&app, "msg_1").await.status(), 500);
        assert_eq!(text(send(&app, "msg_1").await).await, "x");
        assert_eq!(text(send(&app, "msg_1").await).await, "done already");
        drop(shared);
    }
}

#[tokio::test]
async fn the_guard_of_the_state_has_its_namespace_and_is_one() {
    let shared = Shared::start().await;
    let upstash = Upstash::builder()
        .redis(shared.local.url(), shared.local.token())
        .qstash_signing_keys("sig_current", "sig_next")
        .namespace("shop")
        .build()
        .unwrap();
    let layer = upstash.qstash_layer().with_idempotency_guard(upstash.idempotency_guard());
    let app: Router = Router::new()
        .route("/hook", post(async |message: LeasedMessage<Bytes>| message.body))
        .with_state(upstash)
        .layer(layer);
    assert_eq!(text(send(&app, "msg_1").await).await, "x");
    assert_eq!(shared.direct().get::<String>("shop:qstash:message:msg_1").await.unwrap(), "done");

    let memory = Upstash::builder().or_memory().build().unwrap();
    let Begin::Started(lease) = memory.idempotency_guard().begin("msg_1").await.unwrap() else { panic!("it is new") };
    assert!(matches!(memory.idempotency_guard().begin("msg_1").await.unwrap(), Begin::InProgress(_)));
    lease.done().await.unwrap();
}

#[tokio::test]
async fn a_store_that_fails_is_an_error_of_begin_and_done() {
    let shared = Shared::start().await;
    let guard = guard(&shared);
    let Begin::Started(lease) = guard.begin("msg_1").await.unwrap() else { panic!("it is new") };
    shared.wire.lose_requests(true);
    assert_eq!(guard.begin("msg_2").await.unwrap_err().kind(), ErrorKind::Connect);
    assert!(lease.done().await.unwrap_err().is_outage());
    let text = format!("{guard:?}");
    assert!(!text.contains(shared.local.token()), "{text}");
}
