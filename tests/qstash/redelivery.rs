//! Deliveries by the local QStash: retries, lost answers, callbacks.

use crate::delivery::{Handler, eventually};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use axum_upstash::{
    background::Background,
    local::{LocalMessageState, LocalQStash, LocalRedis},
    qstash::{
        CallbackBody, IdempotencyGuard, Message, Metadata, NonRetryable, QStash, QStashClient, QStashLayer, Receiver,
        ReplayGuard, ToUrl,
    },
    redis::Redis,
};
use serde_json::json;
use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};
use tower::{ServiceExt, service_fn};

const ORIGIN: &str = "https://app.example.com";

/// A QStash, with a guarded application as its destination, whose answers may be lost.
struct Host {
    qstash: LocalQStash,
    client: QStashClient,
    handler: Handler,
    lost: Lost,
    background: Background,
    _redis: LocalRedis,
}

/// The answers to lose, the last one first.
#[derive(Clone, Default)]
struct Lost(Arc<Mutex<Vec<Loss>>>);

enum Loss {
    /// The application runs to its end, and QStash does not hear of it.
    Answer,
    /// QStash hears of a failure while the application runs on.
    Connection,
}

impl Host {
    async fn start() -> Self {
        let redis = LocalRedis::start().await.unwrap();
        let (handler, lost, background) = (Handler::default(), Lost::default(), Background::new());
        let receiver = Receiver::new(LocalQStash::CURRENT_SIGNING_KEY, LocalQStash::NEXT_SIGNING_KEY)
            .unwrap()
            .try_with_public_url(ORIGIN)
            .unwrap();
        let client = Redis::new(redis.url(), redis.token()).unwrap();
        let receiver = receiver.with_replay_guard(ReplayGuard::new(client.clone()));
        let guard = IdempotencyGuard::new(client).with_background(background.clone());
        let run = handler.clone();
        let app = Router::new()
            .route("/hook", post(async move |body: Bytes| run.run(body).await))
            .layer(QStashLayer::new(receiver).with_idempotency_guard(guard));
        let losses = lost.clone();
        let destination = service_fn(move |request: Request| {
            let (app, losses) = (app.clone(), losses.clone());
            async move {
                let loss = losses.0.lock().unwrap().pop();
                let answer = app.oneshot(request);
                let answer = match loss {
                    None => answer.await?,
                    Some(Loss::Answer) => {
                        assert_eq!(answer.await?.status(), 200);
                        StatusCode::BAD_GATEWAY.into_response()
                    }
                    Some(Loss::Connection) => {
                        tokio::spawn(answer);
                        StatusCode::BAD_GATEWAY.into_response()
                    }
                };
                Ok::<Response, Infallible>(answer)
            }
        });
        let qstash = LocalQStash::builder().destination(ORIGIN, destination).start().await.unwrap();
        let client = QStashClient::builder(qstash.token()).url(qstash.url()).build().unwrap();
        Self { qstash, client, handler, lost, background, _redis: redis }
    }

    async fn publish(&self, message: impl FnOnce(Message<ToUrl>) -> Message<ToUrl>) {
        let hook = Message::to_url(format!("{ORIGIN}/hook")).body("x");
        self.client.publish(message(hook)).await.unwrap();
    }

    async fn pass(&self, seconds: u64) {
        self.qstash.advance(Duration::from_secs(seconds));
        self.idle().await;
    }

    async fn idle(&self) {
        tokio::time::timeout(Duration::from_secs(20), self.qstash.idle()).await.expect("something is always due");
    }

    /// State, attempts, and the last status of the only message.
    fn message(&self) -> (LocalMessageState, u32, Option<u16>) {
        let [message] = &self.qstash.messages()[..] else { panic!("there is one") };
        (message.state, message.attempts, message.last_status)
    }
}

#[tokio::test]
async fn a_message_that_fails_twice_runs_three_times() {
    let host = Host::start().await;
    host.handler.answers([500, 503]);
    host.publish(|message| message).await;
    host.idle().await;
    assert_eq!((host.handler.runs(), host.message()), (1, (LocalMessageState::Pending, 1, Some(500))));
    host.pass(13).await;
    assert_eq!((host.handler.runs(), host.message()), (2, (LocalMessageState::Pending, 2, Some(503))));
    host.pass(150).await;
    assert_eq!((host.handler.runs(), host.message()), (3, (LocalMessageState::Delivered, 3, Some(200))));
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_not_handled_again() {
    let host = Host::start().await;
    host.lost.0.lock().unwrap().push(Loss::Answer);
    host.publish(|message| message).await;
    host.idle().await;
    assert_eq!(host.message(), (LocalMessageState::Pending, 1, Some(502)));
    host.pass(13).await;
    assert_eq!(host.message(), (LocalMessageState::Delivered, 2, Some(200)));
    assert_eq!(host.handler.runs(), 1);
}

#[tokio::test]
async fn a_message_that_is_in_progress_is_delivered_again_when_its_lease_has_ended() {
    let host = Host::start().await;
    let held = host.handler.hold();
    host.lost.0.lock().unwrap().push(Loss::Connection);
    host.publish(|message| message).await;
    eventually(|| host.handler.runs() == 1).await;
    host.idle().await;
    host.pass(13).await;
    assert_eq!(host.message(), (LocalMessageState::Pending, 2, Some(503)));
    // QStash's own backoff would be 148 s; the lease is 5 minutes, by the clock of the application.
    host.pass(200).await;
    assert_eq!(host.message(), (LocalMessageState::Pending, 2, Some(503)), "it keeps to Retry-After");
    held.add_permits(1);
    eventually(|| host.handler.ended() == 1).await;
    host.background.finished().await;
    host.pass(101).await;
    assert_eq!(host.message().0, LocalMessageState::Delivered);
    assert_eq!(host.handler.runs(), 1);
}

#[tokio::test]
async fn an_attempt_that_qstash_gives_up_is_made_again() {
    let host = Host::start().await;
    let held = host.handler.hold();
    host.publish(|message| message.timeout(Duration::from_secs(5))).await;
    eventually(|| host.handler.runs() == 1).await;
    host.pass(6).await;
    assert_eq!((host.handler.ended(), host.message().0), (0, LocalMessageState::Pending));
    host.background.finished().await;
    held.add_permits(1);
    host.pass(13).await;
    assert_eq!((host.handler.runs(), host.message()), (2, (LocalMessageState::Delivered, 2, Some(200))));
}

/// The notes of a destination of callbacks.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

async fn work(metadata: Metadata, Json(order): Json<u64>) -> Result<Response, NonRetryable<String>> {
    assert_eq!(metadata.traceparent.as_deref(), Some(TRACE));
    match (order, metadata.retried) {
        (0, _) => Err(NonRetryable("there is no order 0".into())),
        (_, 0) => Ok((StatusCode::BAD_GATEWAY, [("content-type", "text/html")], "<html>").into_response()),
        _ => Ok(Json(json!({ "receipt": order })).into_response()),
    }
}

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn callbacks_are_decoded() {
    type Sent = Result<Json<serde_json::Value>, JsonRejection>;
    async fn note(State(notes): State<Notes>, kind: &str, callback: CallbackBody<Sent>) {
        let body = callback.body.as_ref().map_or_else(|_| "no JSON".to_owned(), |sent| sent.0.to_string());
        let order: u64 = callback.source_json().unwrap();
        assert_eq!(callback.source_headers["traceparent"], TRACE);
        let note = format!(
            "{kind} of order {order}: {:?} {body}, {} of {}, last {}, dlq {}",
            callback.status.map(|status| status.as_u16()),
            callback.retried,
            callback.max_retries.unwrap(),
            callback.is_last(),
            callback.dlq_id.is_some()
        );
        notes.0.lock().unwrap().push(note);
    }
    let notes = Notes::default();
    let (done, failed) = (notes.clone(), notes.clone());
    let receiver = Receiver::new(LocalQStash::CURRENT_SIGNING_KEY, LocalQStash::NEXT_SIGNING_KEY).unwrap();
    let app = Router::new()
        .route(
            "/done",
            post(async move |callback: QStash<CallbackBody<Sent>>| {
                note(State(done.clone()), "callback", callback.0).await;
            }),
        )
        .route(
            "/failed",
            post(async move |callback: QStash<CallbackBody<Sent>>| {
                note(State(failed.clone()), "failure", callback.0).await;
            }),
        )
        .with_state(receiver.clone())
        .merge(Router::new().route("/work", post(work)).layer(QStashLayer::new(receiver)));
    let app = app.fallback(async |_: Request<Body>| StatusCode::NOT_FOUND);
    let qstash = LocalQStash::builder().destination(ORIGIN, app).start().await.unwrap();
    let client = QStashClient::builder(qstash.token()).url(qstash.url()).build().unwrap();
    let publish = async |order: u64| {
        let message = Message::to_url(format!("{ORIGIN}/work"))
            .json(&order)
            .header("traceparent", TRACE)
            .callback(format!("{ORIGIN}/done"))
            .failure_callback(format!("{ORIGIN}/failed"));
        client.publish(message).await.unwrap();
        qstash.idle().await;
    };
    publish(7).await;
    qstash.advance(Duration::from_secs(13));
    qstash.idle().await;
    publish(0).await;
    let mut notes = notes.0.lock().unwrap().clone();
    notes.sort_unstable();
    assert_eq!(
        notes,
        [
            "callback of order 0: Some(489) no JSON, 0 of 3, last true, dlq false",
            "callback of order 7: Some(200) {\"receipt\":7}, 1 of 3, last true, dlq false",
            "callback of order 7: Some(502) no JSON, 0 of 3, last false, dlq false",
            "failure of order 0: Some(489) no JSON, 0 of 3, last true, dlq true",
        ]
    );
}
