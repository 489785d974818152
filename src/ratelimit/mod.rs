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

mod algorithms;
mod analytics;
mod attempt;
mod background;
mod block;
mod breaker;
mod check;
mod concurrency;
#[cfg(feature = "testing")]
pub mod conformance;
mod decide;
mod decision;
mod deny_list;
mod identifier;
mod layer;
mod leases;
mod limit;
mod limiter;
mod local_counter;
mod memory;
mod multi_region;
mod outage;
mod redis;
mod settle;
mod store;
mod wait;

pub use self::{
    algorithms::{Algorithm, FixedWindow, Gcra, Outcome, SlidingWindow, TokenBucket},
    analytics::{Analytics, Top, Usage, UsageAt},
    attempt::{Attempt, Origin},
    background::Background,
    block::BlockCache,
    check::{Check, DenyQuery, DynamicLimits, Question},
    concurrency::{ConcurrencyLimit, Permit},
    decision::{Basis, Decision, Decisions, MissingDecision},
    deny_list::{AllowList, DenyList, IpList},
    layer::{
        AsyncKeyExtractor, GrpcRefusal, Head, HeaderStyles, Key, KeyExtractor, OriginSource, ProblemRefusal,
        RateLimitLayer, RateLimitService, Refuse, ResponseFuture, ResponseHead, Rule, TextRefusal,
    },
    leases::Leases,
    limiter::Ratelimit,
    local_counter::LocalCounter,
    memory::MemoryStore,
    multi_region::MultiRegionStore,
    outage::OnOutage,
    redis::{HashTag, RedisStore},
    store::{Answer, RateLimitStore},
};

use self::redis::{DENY_LIST, IP_LIST, IP_LIST_STATUS};
