//! The same with `@upstash/qstash`.

use axum_upstash::local::LocalQStash;
use axum_upstash_bench_support::{rates_of, script};

use crate::{BATCH, DESTINATION, SLICE, TASKS};

/// The rows on Node.js, if it and the SDK are installed.
pub fn run(url: &str) -> Vec<(String, f64)> {
    let Some(mut command) = script("node", "qstash-bench.mjs", "@upstash/qstash") else { return Vec::new() };
    let command = command
        .args([SLICE.as_millis().to_string(), TASKS.to_string(), BATCH.to_string(), DESTINATION.to_owned()])
        .env("QSTASH_URL", url)
        .env("QSTASH_TOKEN", LocalQStash::TOKEN);
    rates_of(command)
}
