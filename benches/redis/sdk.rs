//! The same with `@upstash/redis`.

use crate::{BATCH, SLICE, TASKS, children::LocalServer, delay::Delay};
use axum_upstash_bench_support::{rates_of, script};
use std::time::Duration;

/// Returns the rows of one JavaScript runtime, if it and the SDK are installed.
pub fn run(runtime: &str, local: &LocalServer) -> Vec<(String, f64)> {
    let Some(mut command) = script(runtime, "redis-bench.mjs", "@upstash/redis") else { return Vec::new() };
    let command = command
        .args([SLICE.as_millis().to_string(), TASKS.to_string(), BATCH.to_string()])
        .env("UPSTASH_REDIS_REST_URL", &local.url)
        .env("UPSTASH_REDIS_REST_TOKEN", &local.token);
    let rows = rates_of(command).into_iter();
    rows.map(|(name, rate)| (format!("@upstash/redis on {runtime}, {name}"), rate)).collect()
}

/// The rows of open arrivals on Node, with and without its automatic pipelining.
pub fn open(local: &LocalServer, round_trip: Duration, only: &str, milliseconds: u64, rates: &[u32]) {
    if !"@upstash/redis".contains(only) {
        return;
    }
    let Some(mut command) = script("node", "redis-open-bench.mjs", "@upstash/redis") else { return };
    let port = local.url.rsplit(':').next().unwrap().parse().unwrap();
    let delay = (!round_trip.is_zero()).then(|| Delay::start(port, round_trip));
    let port = delay.as_ref().map_or(port, |delay| delay.port);
    let rates: Vec<String> = rates.iter().map(u32::to_string).collect();
    let output = command
        .args([milliseconds.to_string(), round_trip.as_millis().to_string(), rates.join(",")])
        .env("UPSTASH_REDIS_REST_URL", format!("http://127.0.0.1:{port}"))
        .env("UPSTASH_REDIS_REST_TOKEN", &local.token)
        .output();
    let Ok(output) = output else { return eprintln!("node does not run") };
    print!("{}", String::from_utf8_lossy(&output.stdout));
    if let Some(delay) = delay {
        println!("@upstash/redis on node: {} connections in all", delay.take_connections());
    }
}
