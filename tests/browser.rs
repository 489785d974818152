//! Sessions in a real browser, Chromium, which `interop/browser.mjs` drives.
//!
//! It needs Chromium, Node.js and the packages of `interop/`, so it runs only when asked for:
//!
//! ```text
//! scripts/need chromium
//! npm ci --prefix interop
//! cargo test --features full --test browser
//! ```

#[path = "shared/example.rs"]
mod example;
#[path = "interop/node.rs"]
#[allow(dead_code)]
mod node;

use axum_upstash::local::LocalRedis;
use serde_json::json;
use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

#[tokio::test]
async fn logging_in_and_out_as_a_browser_sees_it() {
    let program = tokio::task::spawn_blocking(|| example::example("session_login")).await.unwrap();
    let local = LocalRedis::start().await.unwrap();
    // With the cookie of an application behind TLS, which browsers take from this machine as well, and with the other one.
    for (secure, name) in [("1", "__Host-id"), ("", "id")] {
        let mut app = Command::new(&program)
            .envs(local.environment())
            .env("PORT", "0")
            .env("SECURE", secure)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(app.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(Duration::from_secs(20), lines.next_line()).await.unwrap().unwrap();
        let url = line.expect("the example prints its address");
        let seen = node::run("browser", &local, &json!({"url": url, "cookie": name})).await;
        assert_eq!(seen["done"], true, "{seen}");
    }
}
