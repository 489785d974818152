use super::Record;
use crate::{CircuitBreaker, Error};
use futures_core::future::BoxFuture;
use std::{fmt, sync::Arc, time::Duration};

/// A store of responses. [`MemoryResponseStore`](super::MemoryResponseStore) and
/// [`RedisResponseStore`](super::RedisResponseStore) are two.
///
/// The layer decides what may be stored and whether it is still fresh; a store keeps records under keys until they
/// expire, or until it needs the room. Keys hold a hash and no user's data. Every call has the layer's deadline, and an
/// error is logged and counts as a miss.
///
/// ```
/// use axum_upstash::{Clock, response_cache::{conformance, store::MemoryResponseStore}};
/// use std::time::SystemTime;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // The suite for a store of your own, under the feature `testing`.
/// let (clock, hands) = Clock::manual(SystemTime::now());
/// let store = MemoryResponseStore::new().with_clock(clock);
/// conformance::run(&store, async |time| hands.advance(time)).await;
/// # Ok(())
/// # }
/// ```
pub trait ResponseStore: fmt::Debug + Send + Sync + 'static {
    /// Returns the record under `primary`, and the one under `variant` if the caller guesses that it will need it: one
    /// round trip for both.
    fn get<'a>(&'a self, primary: &'a str, variant: Option<&'a str>) -> BoxFuture<'a, Result<Records, Error>>;

    /// The same at once, of a store that need not wait.
    fn get_now(&self, primary: &str, variant: Option<&str>) -> Option<Records> {
        let _ = (primary, variant);
        None
    }

    /// The circuit breaker of the store, if it has one that others share.
    fn breaker(&self) -> Option<CircuitBreaker> {
        None
    }

    /// Keeps `record` under `key` for no longer than `ttl`, in place of what was there.
    fn put<'a>(&'a self, key: &'a str, record: Record, ttl: Duration) -> BoxFuture<'a, Result<(), Error>>;

    /// Forgets what is under `key`, if there is anything.
    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), Error>>;
}

/// The records that a store found.
#[derive(Debug, Clone, Default)]
pub struct Records {
    primary: Option<Record>,
    variant: Option<Record>,
}

impl Records {
    /// The records under the two keys.
    #[must_use]
    pub fn new(primary: Option<Record>, variant: Option<Record>) -> Self {
        Self { primary, variant }
    }

    /// The record under the first key.
    #[must_use]
    pub fn primary(&self) -> Option<&Record> {
        self.primary.as_ref()
    }

    /// The record under the guessed key.
    #[must_use]
    pub fn variant(&self) -> Option<&Record> {
        self.variant.as_ref()
    }
}

impl<S: ResponseStore + ?Sized> ResponseStore for Arc<S> {
    fn get<'a>(&'a self, primary: &'a str, variant: Option<&'a str>) -> BoxFuture<'a, Result<Records, Error>> {
        (**self).get(primary, variant)
    }

    fn get_now(&self, primary: &str, variant: Option<&str>) -> Option<Records> {
        (**self).get_now(primary, variant)
    }

    fn breaker(&self) -> Option<CircuitBreaker> {
        (**self).breaker()
    }

    fn put<'a>(&'a self, key: &'a str, record: Record, ttl: Duration) -> BoxFuture<'a, Result<(), Error>> {
        (**self).put(key, record, ttl)
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        (**self).delete(key)
    }
}
