//! The local Upstash over real HTTP, in front of a real Redis.
#![cfg(feature = "local")]

#[cfg(all(feature = "cli", unix))]
mod binary;
mod browsers;
mod commands;
mod connections;
mod emulations;
mod foreign_redis;
mod formats;
mod groups;
mod hash_expiry;
mod hashes;
mod json;
mod json_replies;
mod lifecycle;
mod limits;
#[path = "../shared/redis_server.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use more of it")]
mod redis_server;
mod refusals;
mod replies;
mod requests;
mod scans;
mod scripts;
mod shared_redis;
mod shutdown;
mod streams;
#[cfg(all(feature = "cli", unix))]
mod supervision;
mod support;
mod timeouts;
mod trimming;
