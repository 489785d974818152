//! The rate limiter, engine and layer, against real databases.
#![cfg(feature = "full")]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]

mod analytics;
mod breaker;
mod clocks;
mod commands;
mod concurrency;
mod engine;
mod grpc;
mod interface;
mod interleaved;
mod keys;
mod layer;
mod leases;
mod lists;
mod nested;
mod over_redis;
mod queue;
mod races;
#[path = "../shared/redis_server.rs"]
#[allow(dead_code)]
mod redis_server;
mod regions;
mod responses;
mod rules;
mod shadow;
mod slow;
#[path = "../shared/support.rs"]
#[allow(dead_code)]
mod support;
#[path = "../shared/times.rs"]
#[allow(dead_code)]
mod times;

use axum_upstash::ratelimit::{Algorithm, FixedWindow, Gcra, Rate, SlidingWindow, TokenBucket};
use std::time::Duration;

/// One of each, with the same limit, none of which gets anything back during a test.
fn algorithms(limit: u32) -> [Algorithm; 4] {
    let day = Duration::from_secs(86_400);
    [
        FixedWindow::new(limit, day).into(),
        SlidingWindow::new(limit, day).into(),
        TokenBucket::new(limit, Rate::new(limit, day)).into(),
        Gcra::new(Rate::new(limit, day), limit).into(),
    ]
}
