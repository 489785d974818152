//! What commands cost by each way of sending them.

mod children;
mod clients;
mod delay;
mod limits;
mod open;
mod ours;
mod sdk;
mod tcp;
mod wrk;

use axum_upstash::redis::ResponseFormat::{Json, Resp2};
use axum_upstash_bench_support::Rates;
use children::{LocalServer, RedisServer};
use std::time::Duration;

/// How long each row runs in each round.
const SLICE: Duration = Duration::from_secs(2);
/// Rounds go over all rows, so that a slow moment of the machine is no row's own.
const ROUNDS: usize = 3;
/// Tasks that issue single commands at the same time.
const TASKS: usize = 64;
/// Commands in an explicit pipeline.
const BATCH: usize = 100;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, redis_url] = arguments.as_slice()
        && mode == "serve"
    {
        return children::serve(redis_url).await;
    }
    // `redis-bench ours` runs the rows with that word in their names.
    let only = arguments.first().cloned().unwrap_or_default();
    let redis = RedisServer::start().await;
    let local = LocalServer::start(&redis.url()).await;
    if only == "limits" {
        return limits::run(&local).await;
    }
    if only == "open" {
        return open::run(&local, &redis.url(), arguments.get(1).map_or("", String::as_str)).await;
    }
    let mut rates = Rates::default();
    for _ in 0..ROUNDS {
        macro_rules! row {
            ($name:expr, $run:expr) => {
                let name = String::from($name);
                if name.contains(&only) {
                    rates.record(name, $run);
                }
            };
        }
        let tcp = tcp::Tcp::connect(&redis.url()).await;
        row!("redis crate over TCP, one after another", tcp.single().await);
        row!(format!("redis crate over TCP, pipelines of {BATCH}"), tcp.pipelined().await);
        row!(format!("redis crate over TCP, {TASKS} tasks"), tcp.tasks().await);
        row!("ours, one after another", ours::single(&local).await);
        row!(format!("ours, pipelines of {BATCH}"), ours::pipelined(&local, Json).await);
        row!(format!("ours, {TASKS} tasks, put together"), ours::tasks(&local, true, Json).await);
        row!(format!("ours, pipelines of {BATCH}, RESP2"), ours::pipelined(&local, Resp2).await);
        row!(format!("ours, {TASKS} tasks, put together, RESP2"), ours::tasks(&local, true, Resp2).await);
        row!(format!("ours, {TASKS} tasks, a request each"), ours::tasks(&local, false, Json).await);
        for runtime in ["node", "bun"].into_iter().filter(|runtime| runtime.contains(&only)) {
            for (row, rate) in sdk::run(runtime, &local) {
                rates.record(row, rate);
            }
        }
    }
    rates.print("commands, GET and SET in turn", SLICE);
    if "wrk".contains(&only) {
        wrk::run(&local);
    }
}
