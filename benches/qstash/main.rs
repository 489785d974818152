//! What publishing costs, and what the local QStash bears.

mod load;
mod ours;
mod sdk;
mod server;

use std::time::Duration;

use axum_upstash_bench_support::Rates;

/// How long each row runs in each round.
const SLICE: Duration = Duration::from_secs(2);
/// Rounds go over all rows, so that a slow moment of the machine is no row's own.
const ROUNDS: usize = 3;
/// Tasks that publish at the same time.
const TASKS: usize = 64;
/// Messages in a batch.
const BATCH: usize = 100;
/// The destination of what is published, which a service in the process of the server answers.
const DESTINATION: &str = "https://app.example.com/";

#[tokio::main]
async fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("serve") => server::serve().await,
        Some("load") => load::run().await,
        _ => publish().await,
    }
}

async fn publish() {
    let server = server::start();
    let url = server.line(0);
    let mut rates = Rates::default();
    for _ in 0..ROUNDS {
        rates.record("ours, one after another", ours::single(url).await);
        rates.record(format!("ours, {TASKS} tasks"), ours::tasks(url).await);
        rates.record(format!("ours, batches of {BATCH}"), ours::batches(url).await);
        for (name, rate) in sdk::run(url) {
            rates.record(format!("@upstash/qstash on node, {name}"), rate);
        }
    }
    rates.print("messages", SLICE);
}
