//! The Redis client on a network that fails: silent, slow and closed connections, dead servers, failovers, TLS.
#![cfg(feature = "full")]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]

mod certificates;
mod http;
mod http2;
#[path = "../shared/proxy.rs"]
mod proxy;
#[path = "../shared/redis_server.rs"]
#[allow(dead_code)]
mod redis_server;
mod subscriptions;
mod tcp;
mod tcp_reconnect;
mod tls;

use axum_upstash::{local::LocalRedis, redis::RedisBuilder};
use proxy::Proxy;

/// A local Upstash behind a proxy.
async fn rest() -> (LocalRedis, Proxy) {
    let local = LocalRedis::start().await.unwrap();
    let proxy = Proxy::start(local.address().port()).await;
    (local, proxy)
}

/// A client that reaches a local Upstash through a proxy.
fn through(proxy: &Proxy, local: &LocalRedis) -> RedisBuilder {
    axum_upstash::redis::Redis::builder(format!("http://127.0.0.1:{}", proxy.port()), local.token())
}
