//! QStash over HTTP: what reaches a handler, and what a published message looks like when it arrives.
#![cfg(all(feature = "qstash", feature = "testing", feature = "axum"))]

mod batch;
mod callbacks;
mod delivery;
mod dlq;
mod guard_store;
mod idempotency;
#[cfg(feature = "local")]
mod redelivery;
mod layer;
mod replay;
mod flow_control;
mod limits;
#[cfg(feature = "local")]
mod local;
#[path = "../shared/log.rs"]
#[allow(unreachable_pub)]
mod log;
mod logs;
mod messages;
mod providers;
mod publish;
mod queues;
mod regions;
mod retry_delay;
mod schedules;
mod server;
mod signing_keys;
#[path = "../shared/times.rs"]
#[allow(dead_code, unreachable_pub)]
mod times;
mod url_groups;
mod webhook;
