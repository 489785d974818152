//! QStash over HTTP: what reaches a handler, and what a published message looks like when it arrives.
#![cfg(all(feature = "qstash", feature = "testing", feature = "axum"))]

#[path = "../shared/log.rs"]
#[allow(unreachable_pub)]
mod log;
mod publish;
#[path = "../shared/times.rs"]
#[allow(dead_code, unreachable_pub)]
mod times;
mod webhook;
