use crate::{
    delivery::{Handler, delivery, eventually, receiver, retry_after, send, text},
    guard_store::{Shared, guards},
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{FromRef, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use axum_upstash::{
    Error, Upstash,
    background::Background,
    qstash::{Begin, IdempotencyGuard, LeasedMessage, QStashLayer, Receiver},
};
use tower::ServiceExt;

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
