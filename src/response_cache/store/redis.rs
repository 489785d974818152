use super::{Record, Records, ResponseStore};
use crate::{
    CircuitBreaker, Error,
    redis::{Redis, SetOptions},
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use std::time::Duration;

/// Responses in Redis, shared by all processes that use the same database and prefix.
///
/// A lookup is one `MGET`. Every key has a time to live. A value is a line of JSON and then the body as it is.
///
/// ```
/// use axum_upstash::response_cache::{ResponseCacheLayer, store::RedisResponseStore};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalUpstash::start().await?;
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
}

impl RedisResponseStore {
    /// Keeps responses in this database.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis }
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
            self.redis.set_with(key, record.encode(), SetOptions::new().expire(ttl)).await?;
            Ok(())
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.redis.unlink(key).repeatable().await?;
            Ok(())
        })
    }
}
