//! The same with `@upstash/redis`.

use crate::{BATCH, SLICE, TASKS, children::LocalServer};
use std::process::Command;

/// The rows of one JavaScript runtime, where it and the SDK are installed.
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
