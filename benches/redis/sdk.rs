//! The same with `@upstash/redis`.

use crate::{BATCH, SLICE, TASKS, children::LocalServer, delay::Delay};
use std::{process::Command, time::Duration};

/// Returns the rows of one JavaScript runtime, if it and the SDK are installed.
pub fn run(runtime: &str, local: &LocalServer) -> Vec<(String, f64)> {
    let home = concat!(env!("CARGO_MANIFEST_DIR"), "/../../interop");
    if !std::path::Path::new(home).join("node_modules/@upstash/redis").exists() {
        eprintln!("@upstash/redis is not installed: npm ci --prefix interop");
        return Vec::new();
    }
    let output = Command::new(runtime)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../interop/redis-bench.mjs"))
        .args([SLICE.as_millis().to_string(), TASKS.to_string(), BATCH.to_string()])
        .env("UPSTASH_REDIS_REST_URL", &local.url)
        .env("UPSTASH_REDIS_REST_TOKEN", &local.token)
        .output();
    let Ok(output) = output else {
        eprintln!("{runtime} is not installed");
        return Vec::new();
    };
    assert!(output.status.success(), "{runtime}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let (rate, name) = line.split_once(' ').unwrap();
            (format!("@upstash/redis on {runtime}, {name}"), rate.parse().unwrap())
        })
        .collect()
}

/// The rows of open arrivals on Node, with and without its automatic pipelining.
pub fn open(local: &LocalServer, round_trip: Duration, only: &str, milliseconds: u64, rates: &[u32]) {
    let home = concat!(env!("CARGO_MANIFEST_DIR"), "/../../interop");
    if !"@upstash/redis".contains(only) || !std::path::Path::new(home).join("node_modules/@upstash/redis").exists() {
        return;
    }
    let port = local.url.rsplit(':').next().unwrap().parse().unwrap();
    let delay = (!round_trip.is_zero()).then(|| Delay::start(port, round_trip));
    let port = delay.as_ref().map_or(port, |delay| delay.port);
    let rates: Vec<String> = rates.iter().map(u32::to_string).collect();
    let output = Command::new("node")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../interop/redis-open-bench.mjs"))
        .args([milliseconds.to_string(), round_trip.as_millis().to_string(), rates.join(",")])
        .env("UPSTASH_REDIS_REST_URL", format!("http://127.0.0.1:{port}"))
        .env("UPSTASH_REDIS_REST_TOKEN", &local.token)
        .output();
    let Ok(output) = output else { return eprintln!("node is not installed") };
    print!("{}", String::from_utf8_lossy(&output.stdout));
    if let Some(delay) = delay {
        println!("@upstash/redis on node: {} connections in all", delay.take_connections());
    }
}
