//! What publishing costs, and what the local QStash bears.

mod load;
mod ours;
mod sdk;
mod server;

use std::time::Duration;

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
    let server = server::Server::start();
    let mut rows: Vec<(String, Vec<f64>)> = Vec::new();
    let mut record = |name: String, rate: f64| {
        eprintln!("{name}: {rate:.0}");
        match rows.iter_mut().find(|(row, _)| *row == name) {
            Some((_, rates)) => rates.push(rate),
            None => rows.push((name, vec![rate])),
        }
    };
    for _ in 0..ROUNDS {
        record("ours, one after another".into(), ours::single(&server.url).await);
        record(format!("ours, {TASKS} tasks"), ours::tasks(&server.url).await);
        record(format!("ours, batches of {BATCH}"), ours::batches(&server.url).await);
        for (name, rate) in sdk::run(&server.url) {
            record(name, rate);
        }
    }
    println!("messages per second, median of {ROUNDS} rounds of {SLICE:?}");
    for (name, rates) in &mut rows {
        rates.sort_by(f64::total_cmp);
        println!("{:>10.0}  {name}", rates[rates.len() / 2]);
    }
}
