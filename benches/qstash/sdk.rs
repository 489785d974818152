//! The same with `@upstash/qstash`.

use std::{path::Path, process::Command};

use axum_upstash::local::LocalQStash;

use crate::{BATCH, DESTINATION, SLICE, TASKS};

/// The rows on Node.js, if it and the SDK are installed.
pub fn run(url: &str) -> Vec<(String, f64)> {
    let home = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../interop"));
    if !home.join("node_modules/@upstash/qstash").exists() {
        eprintln!("@upstash/qstash is not installed: npm ci --prefix interop");
        return Vec::new();
    }
    let output = Command::new("node")
        .arg(home.join("qstash-bench.mjs"))
        .args([SLICE.as_millis().to_string(), TASKS.to_string(), BATCH.to_string(), DESTINATION.to_owned()])
        .env("QSTASH_URL", url)
        .env("QSTASH_TOKEN", LocalQStash::TOKEN)
        .output();
    let Ok(output) = output else {
        eprintln!("node is not installed");
        return Vec::new();
    };
    assert!(output.status.success(), "node: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let (rate, name) = line.split_once(' ').unwrap();
            (format!("@upstash/qstash on node, {name}"), rate.parse().unwrap())
        })
        .collect()
}
