//! QStash over HTTP: what reaches a handler, and what a published message looks like when it arrives.
#![cfg(all(feature = "qstash", feature = "testing", feature = "axum"))]

mod batch;
mod callbacks;
#[cfg_attr(not(feature = "local"), allow(dead_code))]
mod delivery;
mod dlq;
mod flow_control;
#[cfg(feature = "local")]
mod given_up;
#[cfg(feature = "local")]
mod guard_outages;
#[cfg(feature = "local")]
mod guard_store;
#[cfg(feature = "local")]
mod idempotency;
mod layer;
#[cfg(feature = "local")]
mod leased_message;
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
#[cfg(feature = "local")]
mod redelivery;
mod regions;
#[cfg(feature = "local")]
mod replay;
mod retry_delay;
mod schedules;
mod server;
mod signing_keys;
#[path = "../shared/times.rs"]
#[allow(dead_code, unreachable_pub)]
mod times;
mod url_groups;
mod webhook;
