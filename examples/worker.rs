//! A worker that receives its jobs from QStash, and the QStash that sends them: in one process, with no account.
//!
//! ```text
//! cargo run -p axum-upstash-examples --features worker --bin worker
//! ```
//!
//! A job is published with a delay, fails twice and succeeds; its callback comes. Another one fails for good: it is in the
//! dead letter queue, and is published again from there. At the end a schedule makes jobs by itself.
//!
//! The clock of the local QStash is moved forward, so that nothing is waited for. In production the same application has
//! `Upstash::from_env()`.

use axum::{
    Json, Router,
    extract::{FromRef, State},
    http::StatusCode,
    routing::post,
};
use axum_upstash::{
    local::LocalQStash,
    qstash::{
        CallbackBody, DlqFilter, Message, NonRetryable, QStash, QStashClient, Receiver, RetryDelay, Schedule,
        VerifiedMessage,
    },
};
use serde::{Deserialize, Serialize};
use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const PUBLIC_URL: &str = "https://worker.example.com";

#[derive(Debug, Serialize, Deserialize)]
struct Job {
    /// The number of the attempt at which it succeeds, if it ever does.
    succeeds_at: Option<u32>,
}

#[derive(Clone)]
struct App {
    receiver: Receiver,
    /// Whether the fault was mended that kept jobs from ever succeeding.
    is_mended: Arc<AtomicBool>,
}

impl FromRef<App> for Receiver {
    fn from_ref(app: &App) -> Self {
        app.receiver.clone()
    }
}

async fn work(
    State(app): State<App>,
    VerifiedMessage { metadata, body: Json(job), .. }: VerifiedMessage<Json<Job>>,
) -> Result<&'static str, Result<StatusCode, NonRetryable<&'static str>>> {
    let attempt = metadata.retried + 1;
    match job.succeeds_at {
        Some(at) if attempt >= at => {
            println!("  job: attempt {attempt} succeeds");
            Ok("done")
        }
        Some(_) => {
            println!("  job: attempt {attempt} fails, and will be repeated");
            Err(Ok(StatusCode::SERVICE_UNAVAILABLE))
        }
        None if app.is_mended.load(Ordering::Relaxed) => {
            println!("  job: attempt {attempt} succeeds, after the fault was mended");
            Ok("done")
        }
        None => {
            println!("  job: attempt {attempt} fails, and a repetition would not help");
            Err(Err(NonRetryable("the job cannot be done")))
        }
    }
}

async fn called_back(QStash(Json(callback)): QStash<Json<CallbackBody>>) {
    println!("  callback: attempt {} was answered with {:?}", callback.retried + 1, callback.status);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let receiver = Receiver::new(LocalQStash::CURRENT_SIGNING_KEY, LocalQStash::NEXT_SIGNING_KEY)?;
    let app = App { receiver: receiver.try_with_public_url(PUBLIC_URL)?, is_mended: Arc::default() };
    let router = Router::new().route("/work", post(work)).route("/callback", post(called_back)).with_state(app.clone());
    let local = LocalQStash::builder().destination(PUBLIC_URL, router).start().await?;
    let qstash = QStashClient::builder(local.token()).url(local.url()).build()?;
    let job = |succeeds_at| Message::to_url(format!("{PUBLIC_URL}/work")).json(&Job { succeeds_at });

    println!("A job for in a minute, which fails twice:");
    let waits = RetryDelay::exponential(Duration::from_secs(10), 2);
    let callback = format!("{PUBLIC_URL}/callback");
    qstash.publish(job(Some(3)).delay(Duration::from_secs(60)).retry_delay(&waits).callback(&*callback)).await?;
    for wait in [Duration::from_secs(60)].into_iter().chain(waits.delays(2)) {
        local.advance(wait);
        local.idle().await;
    }

    println!("A job that cannot be done:");
    qstash.publish(job(None)).await?;
    local.idle().await;
    let dead = qstash.dlq().list(DlqFilter::new()).page().await?.entries;
    println!("  {} in the dead letter queue, answered with {:?}", dead.len(), dead[0].response_status);
    app.is_mended.store(true, Ordering::Relaxed);
    qstash.dlq().retry(&dead[0].dlq_id).await?;
    local.idle().await;
    println!("  {} in the dead letter queue", qstash.dlq().list(DlqFilter::new()).page().await?.entries.len());

    println!("A job every hour, for three hours:");
    qstash.schedules().create(Schedule::new("0 * * * *", job(Some(1)))).await?;
    for _ in 0..3 {
        local.advance(Duration::from_secs(3600));
        local.idle().await;
    }
    local.shutdown().await;
    Ok(())
}
