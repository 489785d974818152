//! Sessions: every order of the steps of two requests, on both stores.
#![cfg(feature = "full")]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]

mod acceptance;
mod client;
mod cookies;
mod csrf;
mod devices;
mod interleaved;
mod late;
mod lifetimes;
#[path = "../shared/log.rs"]
mod log;
mod model;
mod outcomes;
mod over_redis;
#[path = "../shared/random.rs"]
mod random;
#[path = "../shared/redis_server.rs"]
#[allow(dead_code)]
mod redis_server;
mod rotation;
mod schedule;
mod streams;
#[path = "../shared/support.rs"]
#[allow(dead_code)]
mod support;
#[path = "../shared/times.rs"]
#[allow(dead_code)]
mod times;
mod together;
mod tower;
mod unread;
