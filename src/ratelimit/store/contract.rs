use super::{CheckRequest, CheckResponse, DenyListStore, Outcome};
use crate::{CircuitBreaker, Error, ErrorKind};
use futures_core::future::BoxFuture;
use std::{fmt, sync::Arc};

/// A store of counters. Redis and memory implement it; `conformance` (feature `testing`) is the suite for others.
///
/// Each call is atomic: of any number of concurrent calls exactly as many are admitted as the limits have room for. See
/// the [module](super) for an example.
///
/// ```
/// use axum_upstash::ratelimit::{conformance, store::MemoryRateLimitStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // The suite for a store of your own, under the feature `testing`.
/// conformance::run(&MemoryRateLimitStore::new(), "conformance").await;
/// # Ok(())
/// # }
/// ```
pub trait RateLimitStore: fmt::Debug + Send + Sync + 'static {
    /// Admits the request and counts its cost under every limit, or refuses it and counts nothing.
    ///
    /// # Errors
    /// If the store does not answer, or answers with an error. The limiter's policy decides then.
    fn check<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<CheckResponse, Error>>;

    /// The outcome of a request with a single check and no deny query, if the store can give it without waiting.
    fn try_check_local(&self, request: CheckRequest<'_>) -> Option<Outcome> {
        let _ = request;
        None
    }

    /// Whether a check costs nothing, so that a cache in front of the store would save nothing.
    fn is_local(&self) -> bool {
        false
    }

    /// The circuit breaker of the store, if it has one that others share.
    fn breaker(&self) -> Option<CircuitBreaker> {
        None
    }

    /// Deletes the counters of the request's checks.
    ///
    /// # Errors
    /// If the store does not answer, or answers with an error.
    fn reset<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<(), Error>>;

    /// The deny lists that processes share, if the store keeps any.
    fn deny_lists(&self) -> Option<&dyn DenyListStore> {
        None
    }

    /// The dynamic limit of a prefix, or of one identifier.
    ///
    /// # Errors
    /// If the store does not answer, or keeps no such limits.
    fn dynamic_limit<'a>(
        &'a self,
        prefix: &'a str,
        identifier: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<u32>, Error>> {
        let _ = (prefix, identifier);
        Box::pin(std::future::ready(Err(no_dynamic_limits())))
    }

    /// Sets or, with `None`, removes the dynamic limit of a prefix, or of one identifier.
    ///
    /// # Errors
    /// If the store does not answer, or keeps no such limits.
    fn set_dynamic_limit<'a>(
        &'a self,
        prefix: &'a str,
        identifier: Option<&'a str>,
        limit: Option<u32>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let _ = (prefix, identifier, limit);
        Box::pin(std::future::ready(Err(no_dynamic_limits())))
    }
}

fn no_dynamic_limits() -> Error {
    Error::new(ErrorKind::InvalidInput, "this rate limit store keeps no dynamic limits")
}

/// Forwards the methods that a wrapper adds nothing to.
macro_rules! forward_to_inner {
    ($this:ident => $inner:expr) => {
        fn breaker(&$this) -> Option<CircuitBreaker> {
            $inner.breaker()
        }

        fn deny_lists(&$this) -> Option<&dyn DenyListStore> {
            $inner.deny_lists()
        }

        fn dynamic_limit<'a>(
            &'a $this,
            prefix: &'a str,
            identifier: Option<&'a str>,
        ) -> BoxFuture<'a, Result<Option<u32>, Error>> {
            $inner.dynamic_limit(prefix, identifier)
        }

        fn set_dynamic_limit<'a>(
            &'a $this,
            prefix: &'a str,
            identifier: Option<&'a str>,
            limit: Option<u32>,
        ) -> BoxFuture<'a, Result<(), Error>> {
            $inner.set_dynamic_limit(prefix, identifier, limit)
        }
    };
}
pub(super) use forward_to_inner;

impl<T: RateLimitStore + ?Sized> RateLimitStore for Arc<T> {
    fn check<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<CheckResponse, Error>> {
        (**self).check(request)
    }

    fn try_check_local(&self, request: CheckRequest<'_>) -> Option<Outcome> {
        (**self).try_check_local(request)
    }

    fn reset<'a>(&'a self, request: CheckRequest<'a>) -> BoxFuture<'a, Result<(), Error>> {
        (**self).reset(request)
    }

    fn is_local(&self) -> bool {
        (**self).is_local()
    }

    forward_to_inner!(self => (**self));
}
