//! The clients and layers against a real Redis, through real HTTP and the local Upstash.
#![cfg(feature = "full")]
#![allow(missing_docs, missing_debug_implementations, clippy::missing_panics_doc)]

mod architecture;
mod environment;
mod example;
mod faults;
mod ratelimit;
mod redis;
mod response_cache;
mod session;
mod state;
mod support;
