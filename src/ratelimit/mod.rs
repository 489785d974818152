//! Limits how often something may be done: a tower layer, and the engine for everything else.
//!
//! # What the layer does
//! 1. It finds out whose request it is ([`KeyExtractor`]): by the address of the peer where nothing else is said.
//! 2. It asks the [`Ratelimit`] engine, once: one request to Redis, none in memory.
//! 3. A request within the limit goes on, with the [`Decision`] in its extensions; the response says what is left in
//!    the `RateLimit` and `RateLimit-Policy` fields (draft-ietf-httpapi-ratelimit-headers).
//! 4. A request over the limit is answered with 429, `Retry-After` and a `quota-exceeded` problem (RFC 9457). It
//!    consumes nothing.
//! 5. Where the store cannot be asked, [`OnOutage`] says what happens. The layer itself never fails.
//!
//! # Example
//! ```
//! use axum::{Router, routing::get};
//! use axum_upstash::ratelimit::{Key, RateLimitLayer, Ratelimit, SlidingWindow};
//! use http::{Request, StatusCode};
//! use std::time::Duration;
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limiter = Ratelimit::memory(SlidingWindow::new(1, Duration::from_secs(60)));
//! let app = Router::new().route("/", get(|| async { "hello" })).layer(
//!     RateLimitLayer::new(limiter).with_key(http::HeaderName::from_static("x-api-key")),
//! );
//!
//! let request = || Request::get("/").header("x-api-key", "k1").body(axum::body::Body::empty());
//! let first = app.clone().oneshot(request()?).await?;
//! assert_eq!(first.status(), StatusCode::OK);
//! assert!(first.headers()["ratelimit"].to_str()?.starts_with("\"default\";r=0;t="));
//!
//! let second = app.oneshot(request()?).await?;
//! assert_eq!(second.status(), StatusCode::TOO_MANY_REQUESTS);
//! assert!(second.headers().contains_key("retry-after"));
//! # Ok(())
//! # }
//! ```
//!
//! # Which algorithm
//! | | admits | commands in Redis |
//! |---|---|---|
//! | [`FixedWindow`] | up to twice the limit around the border of two windows | 2, first 3 |
//! | [`SlidingWindow`] | the limit in any window, smoothly | 4, first 5 |
//! | [`TokenBucket`] | a burst, then a steady rate | 4 |
//!
//! Keys and values are those of `@upstash/ratelimit`, so that services in both languages share one limit.

pub mod algorithms;
#[cfg(feature = "testing")]
pub mod conformance;
mod decision;
mod future;
mod headers;
mod identifier;
mod key;
mod layer;
mod limiter;
mod memory;
mod redis;
mod refusal;
mod service;
mod store;

pub use self::{
    algorithms::{Algorithm, FixedWindow, Outcome, SlidingWindow, TokenBucket},
    decision::{Basis, Decision, MissingDecision},
    future::ResponseFuture,
    key::{Key, KeyExtractor},
    layer::RateLimitLayer,
    limiter::{OnOutage, Ratelimit},
    memory::MemoryStore,
    redis::RedisStore,
    refusal::Refuse,
    service::RateLimitService,
    store::{Check, RateLimitStore},
};
