//! An application for hosts that run a request and no more: Cloudflare Workers (`lib.rs`) and AWS Lambda
//! (`examples/lambda.rs`). Nothing in it knows the host.

use axum::{
    Form, Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::IntoResponse,
    routing::{get, post},
};
use axum_upstash::{
    Error, Upstash,
    client_ip::ClientIp,
    qstash::{Message, QStash},
    ratelimit::{Analytics, ConcurrencyLimiter, Decision, Ratelimit, SlidingWindow},
    redis::PubSubEvent,
    session::{Session, SessionError},
};
use futures_util::{StreamExt, future::try_join_all};
use serde::Deserialize;
use std::{convert::Infallible, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);

/// Builds the application. It may be kept for all requests of a process, or of an isolate.
pub fn router(upstash: &Upstash) -> Router {
    let limit = upstash.rate_limit_layer("hello", SlidingWindow::new(1_000, MINUTE));
    let analyzed = upstash
        .ratelimit(SlidingWindow::new(1_000, MINUTE))
        .with_prefix("analyzed")
        .with_analytics(Analytics::new(upstash.redis()));
    let exports = ConcurrencyLimiter::new(upstash.redis(), 100).with_background(upstash.background());
    let pages = Router::new().route("/visits", post(visit)).route("/login", post(login)).layer(upstash.session_layer());
    Router::new()
        .route("/", get(index).layer(limit))
        .route("/analyzed", get(|| async move { analyze(&analyzed).await }))
        .route("/export", get(|| async move { export(&exports).await }))
        .route("/prices", get(prices).layer(upstash.response_cache_layer(MINUTE)))
        .route("/webhooks/receipt", post(receipt))
        .route("/orders", post(order))
        .route("/basket", post(basket))
        .route("/parallel", get(parallel))
        .route("/news", get(news).post(announce))
        .route("/address", get(|ClientIp(address): ClientIp| async move { format!("{address}\n") }))
        .merge(pages)
        .with_state(upstash.clone())
}

async fn index(decision: Decision) -> String {
    format!("{} of {} requests are left\n", decision.remaining, decision.limit)
}

/// Its events are sent after the response, or before it if the host has no other way.
async fn analyze(limiter: &Ratelimit) -> Result<String, Error> {
    Ok(format!("{}\n", limiter.limit("all").await?.remaining))
}

/// Holds its permit until the body has been sent.
async fn export(exports: &ConcurrencyLimiter) -> Result<Body, Error> {
    let Some(permit) = exports.acquire("all").await? else { return Ok(Body::from("all are taken\n")) };
    let lines = (1..=3).map(|line| Ok::<_, Infallible>(format!("line {line}\n")));
    Ok(Body::from_stream(futures_util::stream::iter(lines).chain(held(permit))))
}

/// An empty end of a stream, which keeps something until it is reached.
fn held<T, S>(permit: T) -> impl futures_util::Stream<Item = S> {
    futures_util::stream::once(async move { drop(permit) }).filter_map(|()| async { None })
}

async fn prices() -> Json<Vec<f64>> {
    Json(vec![9.99, 19.99])
}

async fn visit(session: Session) -> Result<String, SessionError> {
    let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1).await?;
    Ok(format!("{visits}\n"))
}

#[derive(Deserialize)]
struct Login {
    user: String,
}

async fn login(session: Session, Form(login): Form<Login>) -> Result<String, SessionError> {
    session.rotate()?;
    session.insert("user", &login.user).await?;
    Ok(format!("{} is logged in\n", login.user))
}

#[derive(Deserialize)]
struct Receipt {
    order: u64,
}

async fn receipt(QStash(Json(receipt)): QStash<Json<Receipt>>) -> String {
    format!("receipt for order {}\n", receipt.order)
}

async fn order(State(upstash): State<Upstash>) -> Result<String, Error> {
    let message = Message::to_url("https://app.example.com/webhooks/receipt").json(&Order { order: 7 });
    Ok(format!("{}\n", upstash.qstash().publish(message).await?.message_id))
}

#[derive(serde::Serialize)]
struct Order {
    order: u64,
}

/// Three commands in one request.
async fn basket(State(upstash): State<Upstash>) -> Result<String, Error> {
    let mut pipeline = upstash.redis().pipeline();
    let _ = pipeline.set("basket:name", "ferris");
    let items = pipeline.incr("basket:items");
    let name = pipeline.get::<Option<String>>("basket:name");
    let mut results = pipeline.exec().await?;
    Ok(format!("{} has {} items\n", results.take(name)?.unwrap_or_default(), results.take(items)?))
}

/// Forty commands that are sent together.
async fn parallel(State(upstash): State<Upstash>) -> Result<String, Error> {
    let redis = upstash.redis();
    let values = try_join_all((0..20).map(async |number| {
        let key = format!("parallel:{number}");
        redis.set(&key, number).await?;
        redis.get::<Option<u64>>(&key).await
    }))
    .await?;
    Ok(format!("{}\n", values.into_iter().flatten().sum::<u64>()))
}

/// The messages of a channel as server-sent events.
async fn news(State(upstash): State<Upstash>) -> impl IntoResponse {
    let events = upstash.redis().subscribe(["news"]).filter_map(|event| async {
        let text = match event {
            Ok(PubSubEvent::Message(message)) => format!("data: {}\n\n", String::from_utf8_lossy(&message.payload)),
            Ok(PubSubEvent::Subscribed { .. }) => ": subscribed\n\n".to_owned(),
            Ok(_) => return None,
            Err(error) => format!(": {error}\n\n"),
        };
        Some(Ok::<_, Infallible>(Bytes::from(text)))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events))
}

async fn announce(State(upstash): State<Upstash>, news: String) -> Result<String, Error> {
    Ok(format!("{} clients have it\n", upstash.redis().publish("news", news).await?))
}
