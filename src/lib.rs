//! Tower and axum middleware, extractors and clients for [Upstash](https://upstash.com).
//!
//! - **Layers** for any tower stack: [rate limiting](ratelimit), [HTTP response caching](response_cache),
//!   [sessions](session).
//! - **Extractors** for axum: [`Session`](session::Session), the rate limiter's [`Decision`](ratelimit::Decision),
//!   [`ClientIp`](client_ip::ClientIp), and [`QStash<T>`](qstash::QStash), which hands over a body only after its
//!   signature was verified.
//! - **Clients** for [Redis](redis) over REST or TCP, [QStash](qstash), [workflows](workflow) and [Vector](vector).
//! - **State**: [`Upstash`] reads the variables that the official SDKs read, and makes every client and layer.
//! - **A local Upstash** ([`local`]): the same protocol in front of a Redis of your own, for tests and development
//!   without an account.
//! - **Memory** in place of Redis, so that an application runs with nothing configured.
//!
//! # Example
//! ```toml
//! [dependencies]
//! axum = "0.8"
//! axum-upstash = "0.1"
//! serde = { version = "1", features = ["derive"] }
//! tokio = { version = "1", features = ["full"] }
//! ```
#![cfg_attr(
    all(feature = "axum", feature = "ratelimit", feature = "session", feature = "response-cache", feature = "qstash"),
    doc = "```no_run"
)]
#![cfg_attr(
    not(all(
        feature = "axum",
        feature = "ratelimit",
        feature = "session",
        feature = "response-cache",
        feature = "qstash"
    )),
    doc = "```text"
)]
//! use axum::{Json, Router, routing::{get, post}};
//! use axum_upstash::{Upstash, qstash::QStash, ratelimit::SlidingWindow, session::{Session, SessionError}};
//! use std::{net::SocketAddr, time::Duration};
//!
//! async fn prices() -> Json<[f64; 2]> {
//!     Json([9.99, 19.99]) // computed once a minute
//! }
//!
//! async fn add_to_cart(session: Session) -> Result<(), SessionError> {
//!     let items: u32 = session.get("items").await?.unwrap_or(0);
//!     session.insert("items", items + 1).await
//! }
//!
//! #[derive(serde::Deserialize)]
//! struct Receipt {
//!     order: u64,
//! }
//!
//! async fn send_receipt(QStash(Json(receipt)): QStash<Json<Receipt>>) {
//!     println!("order {}", receipt.order) // runs only with a body that QStash signed
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let upstash = Upstash::from_env_or_memory()?;
//!     let app = Router::new()
//!         .route("/prices", get(prices).layer(upstash.response_cache_layer(Duration::from_secs(60))))
//!         .route("/cart", post(add_to_cart))
//!         .route("/webhooks/receipt", post(send_receipt))
//!         .layer(upstash.session_layer())
//!         .layer(upstash.rate_limit_layer("all", SlidingWindow::new(100, Duration::from_secs(60))))
//!         .with_state(upstash);
//!
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
//!     Ok(())
//! }
//! ```
//!
//! Complete programs are in `examples/` of the repository: `app.rs` (all of the above, with curl commands to try),
//! `session_login.rs` (passwords, devices, messages), `axum_login.rs` (axum-login on this crate's store) and
//! `sign_webhook.rs` (signs a webhook for a test).
//!
//! # Features
//! | feature | effect | default |
//! |---|---|---|
//! | `redis` | the [Redis client](redis) | yes |
//! | `redis-tcp` | the same client over TCP: [`Redis::tcp`](redis::Redis::tcp), [`Redis::cluster`](redis::Redis::cluster) | |
//! | `ratelimit` | [rate limiting](ratelimit) | yes |
//! | `session` | [sessions](session) | yes |
//! | `tower-sessions-0_15`, `tower-sessions-0_14` | a [store](session::compat) for tower-sessions, and so for axum-login | |
//! | `response-cache` | [HTTP response caching](response_cache) | yes |
//! | `cache` | a [typed cache](cache) | yes |
//! | `cache-messagepack` | its values as [MessagePack](cache::MessagePackCodec) | |
//! | `client-ip` | the [client's address](client_ip) | yes |
//! | `qstash` | [verified webhooks, publishing and management](qstash) | yes |
//! | `workflow` | [durable functions](workflow) as routes, and their client | yes |
//! | `vector` | the [Vector client](vector) | yes |
//! | `kafka` | legacy: a client of [Kafka](kafka) over REST, which Upstash discontinued, for code that has to go on | |
//! | `rig-0_44` | a [vector store of rig](vector) in Vector; it needs Rust 1.95, and is not part of `full` | |
//! | `axum` | the peer address of `axum::serve`, the original URI of nested routers | yes |
//! | `reqwest-0_13` | the [built-in HTTP client](client::ReqwestTransport); without it a client needs a [`Transport`](client::Transport) of your own, except on wasm32 | yes |
//! | `rustls`, `native-tls`, `rustls-no-provider` | TLS for the built-in HTTP client and for Redis over TCP | `rustls` |
//! | `cloudflare-workers` | `waitUntil` of Cloudflare Workers for work in the [background], on wasm32 | |
//! | `local` | the [local Upstash](local), as a library | |
//! | `cli` | the `upstash-local` program | |
//! | `testing` | a webhook signer and conformance suites for stores of your own | |
//! | `full` | all of these but `rig-0_44`, with `rustls` | |
//!
//! Layers and extractors need `axum-core` and `tower-layer` only. If `local`, `cli`, `redis-tcp` and the stores for
//! tower-sessions are off, the crate compiles for `wasm32-unknown-unknown`.
//!
//! # On Workers and Lambda
//! The layers, extractors and REST clients run on Cloudflare Workers and AWS Lambda; `examples/worker` and
//! `examples/lambda.rs` are one application for both. Each module says what differs there, and [background] what happens to
//! work that no request waits for. An application may be kept in a static: no request depends on the tasks of another one.
//!
//! # Minimum Rust version
//! 1.88. A later version is required only by a new minor version of this crate.
#![cfg_attr(docsrs, feature(doc_cfg))]
// Which modules there are to link to depends on the features; the documentation is built with all of them.
#![cfg_attr(not(feature = "full"), allow(rustdoc::broken_intra_doc_links))]
// So does which of the shared plumbing is used; dead code is found with all of them.
#![cfg_attr(not(feature = "full"), allow(dead_code, unused_imports, unused_macros))]

#[macro_use]
mod macros;
#[cfg(any(feature = "redis", feature = "qstash", feature = "vector", feature = "kafka"))]
pub mod background;
mod body;
#[cfg(any(feature = "redis", feature = "qstash", feature = "vector", feature = "kafka"))]
mod breaker;
#[cfg(feature = "cache")]
pub mod cache;
pub mod client;
#[cfg(feature = "client-ip")]
pub mod client_ip;
pub mod env;
mod error;
#[cfg(any(feature = "ratelimit", feature = "session", feature = "qstash"))]
mod expiring_map;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(any(feature = "redis", feature = "qstash", feature = "kafka", feature = "rig-0_44"))]
mod hex;
#[cfg(any(feature = "cache", feature = "response-cache"))]
mod in_progress;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(feature = "local")]
pub mod local;
#[cfg(any(feature = "client-ip", feature = "ratelimit", feature = "session"))]
mod never_seen;
#[cfg(any(feature = "ratelimit", feature = "response-cache", feature = "qstash"))]
mod original_uri;
mod private_response;
mod problem;
mod problems;
#[cfg(feature = "qstash")]
pub mod qstash;
#[cfg(feature = "ratelimit")]
pub mod ratelimit;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "response-cache")]
pub mod response_cache;
mod rt;
#[cfg(feature = "session")]
pub mod session;
#[cfg(any(feature = "cache", feature = "response-cache"))]
mod single_flight;
#[cfg(any(feature = "redis", feature = "qstash", feature = "vector", feature = "kafka"))]
mod state;
#[cfg(feature = "vector")]
pub mod vector;
#[cfg(feature = "workflow")]
pub mod workflow;

#[cfg(any(feature = "redis", feature = "qstash", feature = "vector", feature = "kafka"))]
pub use self::breaker::CircuitBreaker;
#[cfg(feature = "redis")]
pub use self::state::DatabaseReport;
#[cfg(feature = "cache")]
pub use self::state::{CacheNamespace, Cached};
#[cfg(any(feature = "redis", feature = "qstash", feature = "vector", feature = "kafka"))]
pub use self::state::{CheckReport, Upstash, UpstashBuilder};
pub use self::{
    body::ResponseBody,
    error::{Error, ErrorKind, Result},
    private_response::PrivateResponse,
    problem::Problem,
    rt::{Clock, ManualClock},
};

/// The README's examples are compiled with the documentation's.
#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../README.md")]
struct Readme;
