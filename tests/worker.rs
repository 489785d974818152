//! The application of `examples/worker` on Cloudflare's own runtime, and on a server of its own for comparison.
//!
//! It needs the packages of `interop/` and the built worker, so it runs only when asked for:
//!
//! ```text
//! npm ci --prefix interop
//! scripts/build-worker
//! cargo test --features full --test worker
//! ```
#![cfg(feature = "full")]
#![allow(missing_docs, unreachable_pub)]

#[path = "shared/app.rs"]
mod app;
#[path = "worker/host.rs"]
mod host;
#[path = "worker/node.rs"]
mod node;
#[path = "shared/proxy.rs"]
#[allow(dead_code)]
mod proxy;
#[path = "shared/qstash.rs"]
mod qstash;
#[path = "shared/redis_server.rs"]
#[allow(dead_code)]
mod redis_server;
#[path = "../examples/worker/src/router.rs"]
mod router;
#[path = "worker/routes.rs"]
mod routes;
#[path = "worker/streams.rs"]
mod streams;
