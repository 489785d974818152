//! Rate limiting: a tower layer, and the limiter itself for everything else.
//!
//! ```
//! use axum::{Router, body::Body, routing::get};
//! use axum_upstash::{Upstash, ratelimit::SlidingWindow};
//! use http::{Request, StatusCode};
//! use std::time::Duration;
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let upstash = Upstash::builder().or_memory().build()?;
//! let layer = upstash.rate_limit_layer("api", SlidingWindow::new(1, Duration::from_secs(60)));
//! let app = Router::new()
//!     .route("/", get(|| async { "hello" }))
//!     .layer(layer.with_key_from(http::HeaderName::from_static("x-api-key")));
//!
//! let request = || Request::get("/").header("x-api-key", "k1").body(Body::empty());
//! let first = app.clone().oneshot(request()?).await?;
//! assert_eq!(first.status(), StatusCode::OK);
//! assert!(first.headers()["ratelimit"].to_str()?.starts_with("\"api\";r=0;t="));
//!
//! let second = app.oneshot(request()?).await?;
//! assert_eq!(second.status(), StatusCode::TOO_MANY_REQUESTS);
//! assert!(second.headers().contains_key("retry-after"));
//! # Ok(())
//! # }
//! ```
//!
//! # What the layer does
//! 1. A request that [`RateLimitLayer::with_skip`] selects is passed on unchanged.
//! 2. The [`Rule`]s that apply to its method and route name the client ([`KeyExtractor`]: the address of the peer,
//!    unless another is set) and the cost of the request (1).
//! 3. A client on an [`AllowList`] passes, and one on a [`DenyList`] is refused with 403; neither is counted.
//! 4. All rules are checked at once: one request to Redis, none in memory, and none if the client is known to have
//!    nothing left ([`BlockCache`]). The request is counted by all of them, or by none.
//! 5. A request within the limits goes on, with the [`Decision`] in its extensions; the response has the
//!    remaining count in the `RateLimit` and `RateLimit-Policy` fields (draft-ietf-httpapi-ratelimit-headers), or in
//!    [older](HeaderStyles) ones.
//! 6. If there is a [queue](RateLimitLayer::with_queue), a request over a limit waits. Otherwise it is answered with
//!    429, `Retry-After` and a `quota-exceeded` problem (RFC 9457), or [in another way](Refuse).
//! 7. If the response should not count ([`RateLimitLayer::skip_successful`]), the cost is refunded. If it costs more
//!    than its request ([`RateLimitLayer::with_response_cost`]), the rest is charged.
//!
//! For metrics, [`RateLimitLayer::with_observer`] sees every decision; refusals are `tracing` events with the fields
//! `rate_limit.decision`, `policy` and `reason`.
//!
//! The layer itself never fails. It stands in a `ServiceBuilder`, on `Router::layer` and `route_layer`, and under tonic
//! with [`GrpcRefusal`].
//!
//! # Which algorithm
//! | | use it for | admits | commands in Redis: first, later, refused |
//! |---|---|---|---|
//! | [`FixedWindow`] | quotas of a day or a month, the cheapest | up to twice the limit around the border of two windows | 3, 2, 3 |
//! | [`SlidingWindow`] | most APIs | the limit in any window, by an estimate from two counters | 4, 3, 2 |
//! | [`TokenBucket`] | bursts, refilled in steps | a burst, then a steady rate | 4, 4, 2 |
//! | [`Gcra`] | an even rate, with a burst | a burst, then one after each equal step | 3, 3, 2 |
//! | [`with_local_counter`](Ratelimit::with_local_counter) | fixed windows whose waiting costs more than their precision is worth | see [`LocalCounter`](store::LocalCounter) | fewer than one request for each |
//! | [`with_leases`](Ratelimit::with_leases) | hot keys | see [`Leases`](store::Leases) | one script for many requests |
//! | [`ConcurrencyLimiter`] | concurrent requests | | 5, refused 3, and 1 to give back |
//!
//! The script itself is one of the commands, as Upstash bills it. A client that is known to have nothing left costs none
//! in any of them. Looking costs 2, resetting 1, a dynamic limit at most 1 more, and the shared deny list 1 more. All of
//! it is one request.
//!
//! Keys and values of the first three are those of `@upstash/ratelimit`, so that services in both languages share one
//! limit; so do dynamic limits, deny lists and analytics. A refused request consumes nothing, even if it costs more
//! than one. The decision has the exact time after which it can pass. Every key that counts has a time to live.
//!
//! # When Redis is down
//! | what happens | with [`OutagePolicy`] | |
//! |---|---|---|
//! | no answer within the limiter's deadline (1 s), or an error | `Memory`, the default | each process counts for itself, with the same limit |
//! | | `MemoryLimit(algorithm)` | each process counts for itself, with another limit |
//! | | `Open` | requests pass |
//! | | `Closed` | requests are refused, with 503 by the layer |
//! | | `Error` | the caller gets the error, the layer answers 503 |
//! | five failures in a row | any | the circuit is open for a second, then one request tries Redis while the others do not wait |
//!
//! Timeouts and errors can have policies of their own. The beginning of an outage and its end are logged, not each
//! request in it.
//!
//! # Background work
//! No request waits for analytics, refunds and the exchange between regions: see [`background`](crate::background), whose
//! [`finished`](crate::background::Background::finished) an application awaits before it ends.
//!
//! # On Workers and Lambda
//! - There is no peer address. Name the platform's source ([`ClientIpSource`](crate::client_ip::ClientIpSource)).
//! - Limits belong in Redis: memory is that of one isolate or one instance, of which there are many, for a short time. So
//!   are the [`BlockCache`], leases, local counts and the circuit breaker.
//! - The work in the background needs a [`Background`](crate::background::Background) of the platform.
//! - A client that leaves ends its request on Workers, whose [`Permit`] is then free when its lease ends.
//! - The clock of Workers stands still while a request computes. It moves at each answer of Redis, and so before each
//!   decision but the first of a request, which has the time of the request's arrival.

mod algorithms;
mod analytics;
mod attempt;
mod backoff;
mod block_cache;
mod check;
mod check_all;
mod client_info;
mod concurrency;
#[cfg(feature = "testing")]
pub mod conformance;
mod decision;
mod deny_list;
mod dynamic_limits;
mod extract;
mod identifier;
mod layer;
mod limit;
mod limiter;
mod outage_policy;
mod refund;
pub mod store;

pub use self::{
    algorithms::{Algorithm, FixedWindow, Gcra, Rate, SlidingWindow, TokenBucket},
    analytics::{Analytics, Top, Usage, UsageAt},
    attempt::Attempt,
    block_cache::BlockCache,
    client_info::ClientInfo,
    concurrency::{ConcurrencyLimiter, Permit},
    decision::{Decision, Decisions, Reason},
    deny_list::{AllowList, DenyList, IpList, SharedDenyList},
    extract::DecisionRejection,
    layer::{
        ClientInfoSource, GrpcRefusal, HeaderStyles, Key, KeyExtractor, ProblemRefusal, RateLimitLayer,
        RateLimitService, Refuse, RequestHead, ResponseFuture, ResponseHead, Rule, TextRefusal,
    },
    limiter::Ratelimit,
    outage_policy::OutagePolicy,
};
