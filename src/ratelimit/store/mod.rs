//! The stores that limiters count in, and the interface for a store of your own.
//!
//! [`MemoryRateLimitStore`] and [`RedisRateLimitStore`] are two; [`Leases`], [`LocalCounter`] and [`MultiRegionStore`]
//! stand in front of others. A store implements [`RateLimitStore`]: it answers a [`CheckRequest`] with a
//! [`CheckResponse`].
//!
//! ```
//! use axum_upstash::{Error, ratelimit::{FixedWindow, Ratelimit, store::{CheckRequest, CheckResponse, MemoryRateLimitStore, RateLimitStore}}};
//! use futures_core::future::BoxFuture;
//! use std::{sync::atomic::{AtomicU64, Ordering}, time::Duration};
//!
//! /// Counts the requests to another store.
//! #[derive(Debug, Default)]
//! struct Counted {
//!     inner: MemoryRateLimitStore,
//!     requests: AtomicU64,
//! }
//!
//! impl RateLimitStore for Counted {
//!     fn check<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<CheckResponse, Error>> {
//!         self.requests.fetch_add(1, Ordering::Relaxed);
//!         self.inner.check(request)
//!     }
//!
//!     fn reset<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
//!         self.inner.reset(request)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let store = std::sync::Arc::new(Counted::default());
//! let limiter = Ratelimit::with_store(store.clone(), FixedWindow::new(10, Duration::from_secs(60)));
//! assert!(limiter.limit("user:7").await?.allowed);
//! assert_eq!(store.requests.load(Ordering::Relaxed), 1);
//! # Ok(())
//! # }
//! ```
//!
#![cfg_attr(feature = "testing", doc = "The suite for stores of your own is [`conformance`](super::conformance).")]

mod check;
mod contract;
mod deny_list;
mod leases;
mod local_counter;
mod memory;
mod multi_region;
mod redis;

pub use self::{
    check::{Check, CheckRequest, CheckResponse, DenyQuery, DynamicLimits},
    contract::RateLimitStore,
    deny_list::DenyListStore,
    leases::Leases,
    local_counter::LocalCounter,
    memory::MemoryRateLimitStore,
    multi_region::MultiRegionStore,
    redis::{HashTag, RedisRateLimitStore},
};
pub use super::algorithms::Outcome;
