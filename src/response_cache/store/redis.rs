use super::{Record, Records, ResponseStore, capacity::Capacity};
use crate::{
    CircuitBreaker, Clock, Error, ErrorKind,
    redis::{Redis, SetOptions},
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use std::{sync::Arc, time::Duration};

const DEFAULT_CAPACITY: u64 = 64 << 20;

/// Responses in Redis, shared by all processes that use the same database and prefix.
///
/// A lookup is one `MGET`. Every key has a time to live. A value is a line of JSON and then the body as it is.
///
/// A process stores up to [a number of bytes](Self::with_capacity) (64 MiB), so that requests with made-up query strings do
/// not fill a database that also holds sessions. Clones share the count. It begins at 0 with each process.
///
/// ```
/// use axum_upstash::response_cache::{ResponseCacheLayer, store::RedisResponseStore};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let layer = ResponseCacheLayer::new(RedisResponseStore::new(redis)).with_ttl(Duration::from_secs(60));
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RedisResponseStore {
    redis: Redis,
    capacity: Arc<Capacity>,
    clock: Clock,
}

impl RedisResponseStore {
    /// Keeps responses in this database.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis, capacity: Arc::new(Capacity::new(DEFAULT_CAPACITY)), clock: Clock::system() }
    }

    /// Sets how many bytes this process has stored at a time at the most (64 MiB): values that have neither expired nor
    /// been deleted by it. Beyond that no new response is stored, and the log says so.
    #[must_use]
    pub fn with_capacity(mut self, bytes: u64) -> Self {
        self.capacity = Arc::new(Capacity::new(bytes));
        self
    }
}

impl From<Redis> for RedisResponseStore {
    fn from(redis: Redis) -> Self {
        Self::new(redis)
    }
}

fn decode(value: Option<Bytes>) -> Option<Record> {
    Record::decode(&value?)
}

impl ResponseStore for RedisResponseStore {
    fn get<'a>(&'a self, primary: &'a str, variant: Option<&'a str>) -> BoxFuture<'a, Result<Records, Error>> {
        Box::pin(async move {
            let keys: Vec<&str> = std::iter::once(primary).chain(variant).collect();
            let mut values = self.redis.mget::<Option<Bytes>>(&keys).await?.into_iter();
            let mut next = || decode(values.next().flatten());
            Ok(Records::new(next(), next()))
        })
    }

    fn breaker(&self) -> Option<CircuitBreaker> {
        Some(self.redis.breaker())
    }

    fn put<'a>(&'a self, key: &'a str, record: Record, ttl: Duration) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let value = record.encode();
            let now_ms = self.clock.now_ms();
            let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
            let Some(write) = self.capacity.take(key, value.len(), now_ms, now_ms.saturating_add(ttl_ms)) else {
                return Err(Error::new(ErrorKind::LimitExceeded, "the capacity of this process is taken").local());
            };
            let stored = self.redis.set_with(key, value, SetOptions::new().expire(ttl)).await;
            if stored.as_ref().is_err_and(|error| !error.is_outage()) {
                // In an outage it may be stored all the same.
                self.capacity.give_back(key, Some(write));
            }
            stored.map(drop)
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let write = self.capacity.last_write(key);
            self.redis.unlink(key).repeatable().await?;
            self.capacity.give_back(key, write);
            Ok(())
        })
    }
}
