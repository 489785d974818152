//! HTTP response caching: a shared cache (RFC 9111) in front of a handler.
//!
//! [`ResponseCacheLayer`] answers GET and HEAD from stored responses, kept in memory
//! ([`MemoryResponseStore`](store::MemoryResponseStore)) or in Redis
//! ([`RedisResponseStore`](store::RedisResponseStore)). A handler's `Cache-Control` says whether its response may be
//! stored and for how long. If a response says nothing, it is stored for the time of
//! [`with_ttl`](ResponseCacheLayer::with_ttl), or not at all.
//!
//! ```
//! use axum::{Router, body::Body, routing::get};
//! use axum_upstash::response_cache::ResponseCacheLayer;
//! use http::{Request, header::CACHE_CONTROL};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! async fn prices() -> impl axum::response::IntoResponse {
//!     ([(CACHE_CONTROL, "max-age=60")], "12.50")
//! }
//!
//! let app = Router::new().route("/prices", get(prices)).layer(ResponseCacheLayer::memory());
//!
//! let request = || Request::get("/prices").body(Body::empty());
//! let first = app.clone().oneshot(request()?).await?;
//! assert_eq!(first.headers()["cache-status"], "axum-upstash; fwd=uri-miss; stored");
//!
//! let second = app.oneshot(request()?).await?;
//! assert_eq!(second.headers()["cache-status"], "axum-upstash; hit; ttl=60");
//! assert_eq!(second.headers()["age"], "0");
//! # Ok(())
//! # }
//! ```
//!
//! # What happens to a request
//! 1. A method other than GET and HEAD goes to the handler. After a 2xx or 3xx to a method that is not safe (RFC 9110
//!    9.2.1), or not known, what was stored for the URI is forgotten, with all its variants. QUERY is safe.
//! 2. `Range`, `Upgrade`, `If-Match`, `If-Unmodified-Since`, `Upstash-Signature`, a body that is not known to be empty, or
//!    a [`PrivateResponse`](crate::PrivateResponse) mark by an outer layer, as an extractor in an outer middleware sets: it goes to the
//!    handler, and nothing is stored.
//! 3. `Cache-Control: no-cache` or `max-age=0`, or `Pragma: no-cache`: it goes to the handler, and the answer is stored
//!    ([`with_request_directives`](ResponseCacheLayer::with_request_directives) turns these and those below off).
//! 4. A stored response that is fresh answers: of the same host, path and query, of the variant that `Vary` asks for,
//!    within the request's `max-age` and `min-fresh`. For a request with `Authorization` it does so only if the
//!    response says `public`, `s-maxage` or `must-revalidate`. `If-None-Match` and `If-Modified-Since` get 304.
//! 5. `only-if-cached` gets 504.
//! 6. Of several requests that miss the same at once, one goes to the handler and the others wait for its answer. If it may
//!    not be shared, each goes itself, and for 10 s no request waits there again. If there is none, because the handler
//!    failed or the resource changed meanwhile, the next request goes, and after the second time all go. None waits for
//!    longer than [`with_wait_timeout`](ResponseCacheLayer::with_wait_timeout). A request that waits holds no place in the
//!    service inside (tower's `ConcurrencyLimit`); it gets ready anew if it goes itself.
//!
//! # What is stored
//! The answer to a GET, when its body is complete and not larger than the limit, unless one of these holds:
//! 1. the status is 1xx, 206 or 304;
//! 2. it, or the request, says `no-store`; it says `private` or `no-cache`;
//! 3. the request had `Authorization` and the response allows none, see above;
//! 4. it has `Set-Cookie` ([`with_set_cookie`](ResponseCacheLayer::with_set_cookie)), or `Vary: *`, or it is an event
//!    stream, or it has trailers;
//! 5. handler, inner layers or the response's extensions bear a [`PrivateResponse`](crate::PrivateResponse) mark, which every extractor
//!    of this crate sets that hands over something of the client; such a response gets `Cache-Control: private`;
//! 6. it is not fresh: by `s-maxage`, `max-age`, `Expires`, or else by the layer's own time if the status is cacheable
//!    as such; there is no guess by `Last-Modified`;
//! 7. the resource was changed through this process while the handler ran.
//!
//! Headers of the connection, of rate limits, and `Retry-After` are left out. A 200 without `ETag` gets one. A stale
//! response is never used, nor kept for revalidation.
//!
//! `Cache-Status` (RFC 9211) of the response says what happened, and so does [`CacheOutcome`] in its extensions.
//!
//! # What to know
//! - **What the handler looks at must be in the key.** That is the host, the URI and the headers named by `Vary`. A
//!   handler that answers by a cookie, an address or `X-Forwarded-Host` must say so, with `Vary`, `private` or a
//!   [`PrivateResponse`](crate::PrivateResponse) mark. Layers that change a response for one client (CORS, compression, rate limits)
//!   belong outside.
//! - **Position.** Outside nested routers or inside, a resource has one key: the URI as it came counts (feature
//!   `axum`). If a middleware rewrote the URI, the result is a resource of its own.
//! - **Layers inside layers.** If clones of one layer lie around each other, the outermost stores, with the times and
//!   limits of the innermost.
//! - **Waiting for the body.** What will be stored is read to its end, or to the limit, before the client gets any of
//!   it. Give `no-store` to what is streamed on purpose.
//! - **Query strings.** Each is a resource of its own, and clients can make up any number of them. A process has up to
//!   64 MiB stored at a time ([`RedisResponseStore::with_capacity`](store::RedisResponseStore::with_capacity)); name the
//!   parameters that count with [`with_query_key`](ResponseCacheLayer::with_query_key).
//! - **Costs.** A hit is one round trip and one command. A miss is two. A request with an unsafe method is one, for URIs
//!   of which nothing is stored as well
//!   ([`with_deferred_invalidation`](ResponseCacheLayer::with_deferred_invalidation) takes its round trip out of the
//!   response's way): put the layer on the routes that it caches.
//! - **Outages.** If the store fails or is slow ([`with_timeout`](ResponseCacheLayer::with_timeout)), the
//!   handler answers. After five failures in a row the [circuit](crate::CircuitBreaker) is open, and no request waits. The
//!   write is awaited as well, so that the next request is a hit.
//! - **Invalidation.** A request that begins after an unsafe one was answered sees nothing older, in this process: if a
//!   deletion fails, or a write is given up that may still arrive, what the store has from before is not used. Other
//!   processes on the store find it deleted, with two exceptions: what one of their handlers is making at that moment is
//!   stored, and what a failed deletion has left is used; both live for their time. A client that leaves before its handler
//!   has answered takes the invalidation with it.
//! - **Workers and Lambda.** Responses are shared through Redis; memory is that of one isolate or one instance. On wasm32
//!   no request waits for another one that makes the same response
//!   ([`with_single_flight`](ResponseCacheLayer::with_single_flight)): each that misses calls the handler. Deferred
//!   invalidations need a [`Background`](crate::background::Background) of the platform.
//! - **Clocks.** Doubts go by the time at which a response was received: processes on one store need clocks that agree.

mod cache;
mod conditional;
#[cfg(feature = "testing")]
pub mod conformance;
mod directives;
mod doubts;
mod fill;
mod flight;
mod key;
mod layer;
mod lookup;
mod nested_layers;
mod policy;
mod query;
mod request;
mod status;
pub mod store;
mod stored_response;
mod vary;

pub use self::{
    layer::{CacheBody, ResponseCacheLayer, ResponseCacheService, ResponseFuture},
    query::QueryKey,
    status::CacheOutcome,
};
