//! The clients and layers against a real Redis, through real HTTP and the local Upstash.
#![cfg(feature = "full")]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]

mod architecture;
mod auto_pipeline;
mod breaker;
mod environment;
mod errors;
mod example;
#[path = "../shared/example.rs"]
mod examples;
mod faults;
mod pubsub;
mod ratelimit;
mod redis;
#[path = "../shared/redis_server.rs"]
#[allow(dead_code)]
mod redis_server;
mod redis_tcp;
mod response_cache;
mod session;
mod state;
mod support;
mod tcp_cluster;
#[path = "../shared/times.rs"]
#[allow(dead_code)]
mod times;
