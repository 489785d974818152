//! The Redis client against a real Redis: through the local Upstash, and over TCP.
#![cfg(feature = "full")]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]

mod auto_pipeline;
mod client;
mod pubsub;
#[path = "../shared/redis_server.rs"]
#[allow(dead_code)]
mod redis_server;
#[path = "../shared/support.rs"]
#[allow(dead_code)]
mod support;
mod tcp;
mod tcp_cluster;
