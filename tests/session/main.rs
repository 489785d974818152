//! Sessions: what two requests do to each other at every point where they can meet, on both stores.
#![cfg(feature = "full")]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]

mod acceptance;
mod client;
mod csrf;
mod devices;
mod interleaved;
mod late;
#[path = "../shared/log.rs"]
mod log;
mod model;
#[path = "../shared/redis_server.rs"]
#[allow(dead_code)]
mod redis_server;
mod schedule;
#[path = "../integration/support.rs"]
#[allow(dead_code)]
mod support;
mod together;
mod tower;
mod unread;
