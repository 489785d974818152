//! The server, in a process of its own.

use axum::Router;
use axum_upstash::local::LocalQStash;
use axum_upstash_bench_support::{Server, wait_for_end_of_input};

/// A local QStash. Its first line is its URL.
pub fn start() -> Server {
    Server::start(&["serve"], 1)
}

/// Serves until the other side closes the input.
pub async fn serve() {
    let app = Router::new().fallback(|| async { "received" });
    let local = LocalQStash::builder().destination(crate::DESTINATION, app).start().await.unwrap();
    println!("{}", local.url());
    tokio::task::spawn_blocking(wait_for_end_of_input).await.unwrap();
}
