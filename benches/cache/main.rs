//! Values per second that are in Redis, beside `cachified` on Node.js; and the memory of a million keys.

use std::time::{Duration, Instant};

use axum_upstash::{cache::Cache, local::LocalRedis, redis::Redis};
use axum_upstash_bench_support::{Rates, Server, rates_of, script, wait_for_end_of_input};

/// How long each row runs in each round.
const SLICE: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;
const TASKS: usize = 64;
const KEYS: u64 = 1_000;

async fn serve() {
    let local = LocalRedis::start().await.unwrap();
    println!("{}\n{}", local.url(), local.token());
    tokio::task::spawn_blocking(wait_for_end_of_input).await.unwrap();
    local.shutdown().await;
}

#[tokio::main]
async fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("serve") => serve().await,
        Some("million") => million().await,
        _ => throughput().await,
    }
}

async fn throughput() {
    let server = Server::start(&["serve"], 2);
    let mut rates = Rates::default();
    for _ in 0..ROUNDS {
        for tasks in [1, TASKS] {
            rates.record(format!("ours, {tasks} at once"), ours(&server, tasks).await);
        }
        for (name, rate) in cachified(&server) {
            rates.record(format!("cachified on node, {name}"), rate);
        }
    }
    rates.print("values in Redis", SLICE);
}

async fn ours(server: &Server, tasks: usize) -> f64 {
    let redis = Redis::builder(server.line(0), server.line(1)).build().unwrap();
    // Memory holds nothing, so that each value comes from Redis.
    let cache = Cache::<u64, String>::new(redis, "bench", "values").with_memory_ttl(Duration::ZERO);
    let keys: Vec<u64> = (0..KEYS).collect();
    cache.set_many(keys.iter().map(|key| (key, format!("value {key}")))).await.unwrap();
    let begun = Instant::now();
    let tasks: Vec<_> = (0..tasks as u64)
        .map(|task| {
            let cache = cache.clone();
            tokio::spawn(async move {
                let (mut read, mut key) = (0_usize, task * 17);
                while begun.elapsed() < SLICE {
                    key = (key + 1) % KEYS;
                    let value = cache.get_or_compute(&key, async |_| Err::<String, _>("it is there")).await.unwrap();
                    assert!(value.starts_with("value"));
                    read += 1;
                }
                read
            })
        })
        .collect();
    let mut read = 0;
    for task in tasks {
        read += task.await.unwrap();
    }
    read as f64 / begun.elapsed().as_secs_f64()
}

fn cachified(server: &Server) -> Vec<(String, f64)> {
    let Some(mut command) = script("node", "cachified-bench.mjs", "@epic-web/cachified") else { return Vec::new() };
    let command = command
        .args([SLICE.as_millis().to_string(), TASKS.to_string(), KEYS.to_string()])
        .env("UPSTASH_REDIS_REST_URL", server.line(0))
        .env("UPSTASH_REDIS_REST_TOKEN", server.line(1));
    rates_of(command)
}

/// A million keys pass through a memory of 10,000 values.
async fn million() {
    let cache = Cache::<u64, String>::memory("bench");
    let memory = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("unknown");
        line.trim().to_owned()
    };
    println!("before: {}", memory());
    for round in 0..10 {
        for key in 0..100_000 {
            let key = round * 100_000 + key;
            let compute = async move |_| Ok::<_, std::convert::Infallible>(format!("value {key}"));
            cache.get_or_compute(&key, compute).await.unwrap();
        }
        println!("after {} keys: {}", (round + 1) * 100_000, memory());
    }
}
