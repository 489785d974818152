//! An application as a whole: its state, its errors, the example program, outages, and the structure of the source.
#![cfg(feature = "full")]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]

#[path = "../shared/app.rs"]
mod app;
mod architecture;
mod background;
mod breaker;
mod environment;
mod errors;
mod example;
mod faults;
mod first_contact;
mod lambda;
#[path = "../shared/log.rs"]
mod log;
#[path = "../shared/example.rs"]
mod programs;
#[path = "../shared/proxy.rs"]
#[allow(dead_code)]
mod proxy;
#[path = "../shared/qstash.rs"]
mod qstash;
#[path = "../shared/redis_server.rs"]
#[allow(dead_code)]
mod redis_server;
mod refusals;
mod state;
#[path = "../shared/support.rs"]
#[allow(dead_code)]
mod support;
#[path = "../shared/times.rs"]
#[allow(dead_code)]
mod times;
