//! The client against a QStash on this machine, end to end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, extract::State, response::IntoResponse, routing::post};
use axum_upstash::{
    ErrorKind,
    local::{LocalMessageState, LocalQStash},
    qstash::{
        BatchItem, BatchPublished, Callback, CallbackBody, Cron, DeliveryOptions, DlqFilter, Endpoint,
        EndpointSelector, FlowControl, FlowControlPin, LogFilter, LogState, Message, MessageFilter, PinnedLimit,
        QStash, QStashClient, QueueSettings, Receiver, RetryDelay, Schedule, VerifiedMessage,
    },
};
use futures_util::{StreamExt, TryStreamExt};

const APP: &str = "https://app.example.com";
const HOUR: Duration = Duration::from_secs(3_600);

/// An application that fails as often as it is told, and receives callbacks.
#[derive(Clone)]
struct App {
    receiver: Receiver,
    failures: Arc<AtomicU32>,
    seen: Arc<std::sync::Mutex<Vec<String>>>,
}

impl axum::extract::FromRef<App> for Receiver {
    fn from_ref(app: &App) -> Self {
        app.receiver.clone()
    }
}

impl App {
    fn see(&self, what: impl Into<String>) {
        self.seen.lock().unwrap().push(what.into());
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn work(
    State(app): State<App>,
    VerifiedMessage { metadata, body: Json(number), .. }: VerifiedMessage<Json<u32>>,
) -> impl IntoResponse {
    app.see(format!("{number}, retried {}", metadata.retried));
    let fails = app.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    if fails { http::StatusCode::INTERNAL_SERVER_ERROR.into_response() } else { "done".into_response() }
}

async fn called_back(State(app): State<App>, QStash(Json(callback)): QStash<Json<CallbackBody>>) {
    let kind = if callback.dlq_id.is_some() { "failure callback" } else { "callback" };
    app.see(format!("{kind}: {:?}, retried {}", callback.status.map(|status| status.as_u16()), callback.retried));
}

async fn start() -> (LocalQStash, QStashClient, App) {
    let receiver = Receiver::new(LocalQStash::CURRENT_SIGNING_KEY, LocalQStash::NEXT_SIGNING_KEY).unwrap();
    let receiver = receiver.try_with_public_url(APP).unwrap();
    let app = App { receiver, failures: Arc::default(), seen: Arc::default() };
    let router = Router::new().route("/work", post(work)).route("/callback", post(called_back)).with_state(app.clone());
    let local = LocalQStash::builder().destination(APP, router).start().await.unwrap();
    let client = QStashClient::builder(local.token()).url(local.url()).build().unwrap();
    (local, client, app)
}

fn message(number: u32) -> Message<axum_upstash::qstash::ToUrl> {
    Message::to_url(format!("{APP}/work")).json(&number)
}

#[tokio::test]
async fn a_message_fails_twice_and_is_done_and_another_ends_in_the_dead_letter_queue() {
    let (local, qstash, app) = start().await;
    app.failures.store(2, Ordering::SeqCst);
    let callback = Callback::to(format!("{APP}/callback"));
    let delays = RetryDelay::exponential(Duration::from_secs(10), 3);
    qstash.publish(message(1).retry_delay(&delays).callback(callback.clone())).await.unwrap();
    local.idle().await;
    for delay in delays.delays(2) {
        local.advance(delay);
        local.idle().await;
    }
    assert_eq!(
        app.seen(),
        [
            "1, retried 0",
            "callback: Some(500), retried 0",
            "1, retried 1",
            "callback: Some(500), retried 1",
            "1, retried 2",
            "callback: Some(200), retried 2",
        ]
    );
    app.failures.store(1, Ordering::SeqCst);
    qstash.publish(message(2).retries(0).failure_callback(callback)).await.unwrap();
    local.idle().await;
    assert_eq!(app.seen()[6..], ["2, retried 0", "failure callback: Some(500), retried 0"]);
    let page = qstash.dlq().list(DlqFilter::new()).page().await.unwrap();
    let [entry] = &page.entries[..] else { panic!("one entry") };
    assert_eq!(entry.response_status.unwrap(), 500);
    assert_eq!(entry.message.body.as_deref(), Some(&b"2"[..]));
    qstash.dlq().retry(&entry.dlq_id).await.unwrap();
    local.idle().await;
    assert_eq!(app.seen().last().unwrap(), "2, retried 0");
    assert_eq!(qstash.dlq().delete(&entry.dlq_id).await.unwrap_err().kind(), ErrorKind::NotFound);
    let log: Vec<_> = qstash.logs().list(LogFilter::new()).page_size(4).try_collect().await.unwrap();
    assert_eq!(log.iter().filter(|entry| entry.state == LogState::Delivered).count(), 6);
    assert!(log.iter().all(|entry| entry.time.is_some() && entry.url.is_some()));
}

#[tokio::test]
async fn messages_are_read_and_cancelled() {
    let (_local, qstash, _) = start().await;
    let published = qstash.publish(message(1).delay(HOUR).label("a").label("b").retries(7)).await.unwrap();
    let stored = qstash.messages().get(&published.message_id).await.unwrap();
    assert_eq!((stored.labels, stored.max_retries), (vec!["a".to_owned(), "b".to_owned()], Some(7)));
    assert_eq!(stored.not_before.unwrap().duration_since(stored.created_at.unwrap()).unwrap(), HOUR);
    qstash.messages().cancel(&published.message_id).await.unwrap();
    assert_eq!(qstash.messages().get(&published.message_id).await.unwrap_err().kind(), ErrorKind::NotFound);
    for number in 0..3 {
        qstash.publish(message(number).delay(HOUR).label("x")).await.unwrap();
    }
    assert_eq!(qstash.messages().cancel_where(MessageFilter::new().label("x").limit(2)).await.unwrap(), 2);
    assert_eq!(qstash.messages().cancel_all().await.unwrap(), 1);
}

#[tokio::test]
async fn batches_queues_and_groups() {
    let (local, qstash, app) = start().await;
    qstash.url_groups().add_endpoints("group", [Endpoint::new(format!("{APP}/work")).with_name("one")]).await.unwrap();
    let queue = qstash.queue("q").unwrap();
    queue.upsert(QueueSettings::default().with_paused(true)).await.unwrap();
    let items = [
        BatchItem::from(message(1)),
        BatchItem::from(Message::to_url_group("group").json(&2)),
        BatchItem::enqueue("q", message(3)).unwrap(),
        BatchItem::from(Message::to_url_group("nowhere").json(&4)),
    ];
    let published = qstash.batch(items).await.unwrap();
    assert!(published[..3].iter().all(Result::is_ok) && published[3].is_err(), "{published:?}");
    assert!(matches!(published[1].as_ref().unwrap(), BatchPublished::Group { messages, .. } if messages.len() == 1));
    local.idle().await;
    assert_eq!((app.seen().len(), queue.get().await.unwrap().lag), (2, 1));
    queue.enqueue(message(5)).await.unwrap();
    queue.resume().await.unwrap();
    local.idle().await;
    assert_eq!(app.seen()[2..], ["3, retried 0", "5, retried 0"]);
    assert_eq!(qstash.queues().list().await.unwrap().len(), 1);
    queue.delete().await.unwrap();
    assert_eq!(queue.get().await.unwrap_err().kind(), ErrorKind::NotFound);
    qstash.url_groups().set_defaults("group", DeliveryOptions::new().label("of the group")).await.unwrap();
    let published = qstash.publish(Message::to_url_group("group").json(&6).delay(HOUR)).await.unwrap();
    let stored = qstash.messages().get(&published[0].message_id).await.unwrap();
    assert_eq!(stored.labels, ["of the group"]);
    assert_eq!(stored.url_group.unwrap().as_str(), "group");
    qstash.url_groups().remove_endpoints("group", [EndpointSelector::Name("one".into())]).await.unwrap();
    assert!(qstash.url_groups().list().await.unwrap().is_empty());
}

#[tokio::test]
async fn schedules_are_created_paused_and_removed() {
    let (local, qstash, app) = start().await;
    let cron = Cron::new("*/5 * * * *").unwrap().in_zone("Europe/Berlin").unwrap();
    let id = qstash.schedules().create(Schedule::new(cron, message(1)).id("mine").queue("q")).await.unwrap();
    let stored = qstash.schedules().get(&id).await.unwrap();
    assert_eq!((stored.cron.as_str(), stored.is_paused), ("CRON_TZ=Europe/Berlin */5 * * * *", false));
    local.advance(stored.next_schedule_time.unwrap().duration_since(local.now()).unwrap() + Duration::from_secs(1));
    local.idle().await;
    assert_eq!(app.seen(), ["1, retried 0"]);
    qstash.schedules().pause(&id).await.unwrap();
    assert!(qstash.schedules().list().await.unwrap()[0].is_paused);
    local.advance(HOUR);
    local.idle().await;
    assert_eq!(app.seen().len(), 1);
    qstash.schedules().resume(&id).await.unwrap();
    qstash.schedules().delete(&id).await.unwrap();
    assert!(qstash.schedules().list().await.unwrap().is_empty());
}

#[tokio::test]
async fn flow_control_is_pinned_and_keys_are_rotated() {
    let (local, qstash, app) = start().await;
    let control = FlowControl::rate("key", 1, HOUR).with_parallelism(2);
    for number in 0..3 {
        qstash.publish(message(number).flow_control(&control)).await.unwrap();
    }
    local.idle().await;
    let flows = qstash.flow_control();
    let info = flows.get("key").await.unwrap();
    assert_eq!((info.rate_max, info.rate_count, info.wait_list_size, info.parallelism_max), (1, 1, 2, 2));
    flows.pin("key", FlowControlPin::rate(2, HOUR)).await.unwrap();
    local.idle().await;
    assert_eq!(app.seen().len(), 3);
    assert!(flows.get("key").await.unwrap().is_pinned_rate);
    flows.unpin("key", PinnedLimit::Both).await.unwrap();
    flows.reset_rate("key").await.unwrap();
    assert_eq!(flows.list().await.unwrap().len(), 1);
    assert_eq!(flows.get("none").await.unwrap_err().kind(), ErrorKind::NotFound);
    let rotated = qstash.signing_keys().rotate().await.unwrap();
    assert_eq!(rotated.current(), LocalQStash::NEXT_SIGNING_KEY);
    qstash.publish(message(9)).await.unwrap();
    local.idle().await;
    assert_eq!(app.seen().last().unwrap(), "9, retried 0", "the application has the next key");
    let last = local.messages().pop().unwrap();
    assert_eq!(last.state, LocalMessageState::Delivered);
}

#[tokio::test]
async fn refusals_have_their_kinds() {
    let (_local, qstash, _) = start().await;
    let error = qstash.publish(message(1).retries(1_000)).await.unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap()), (ErrorKind::LimitExceeded, 400));
    let error = qstash.publish(Message::to_url_group("nowhere")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let stranger = QStashClient::builder("another").url(_local.url()).build().unwrap();
    assert_eq!(stranger.publish(message(1)).await.unwrap_err().kind(), ErrorKind::Unauthorized);
    let mut empty = qstash.logs().list(LogFilter::new());
    assert!(empty.next().await.is_none());
}
