use super::{Record, Records, ResponseStore};
use crate::{Clock, Error, ErrorKind};
use futures_core::future::BoxFuture;
use quick_cache::{OptionsBuilder, Weighter, sync::Cache};
use std::{fmt, future::ready, sync::Arc, time::Duration};

const DEFAULT_CAPACITY: u64 = 64 << 20;
/// The least size of a shard. It holds nothing larger than itself.
const SHARD: u64 = 8 << 20;
const TYPICAL_RECORD: u64 = 16 << 10;

/// Responses in the memory of this process, up to a number of bytes. Clones share them.
///
/// ```
/// use axum_upstash::response_cache::{ResponseCacheLayer, store::MemoryResponseStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let layer = ResponseCacheLayer::new(MemoryResponseStore::with_capacity(64 << 20)); // 64 MiB
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryResponseStore {
    records: Arc<Cache<Arc<str>, Kept, Bytes>>,
    largest: u64,
    clock: Clock,
}

#[derive(Clone)]
struct Kept {
    record: Record,
    since_ms: u64,
    until_ms: u64,
}

impl Kept {
    /// A clock that was set back would keep it for as long as it was ahead.
    fn is_over(&self, now_ms: u64) -> bool {
        now_ms >= self.until_ms || now_ms < self.since_ms
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Arc<str>, Kept> for Bytes {
    fn weight(&self, key: &Arc<str>, kept: &Kept) -> u64 {
        (key.len() + kept.record.size()) as u64
    }
}

impl MemoryResponseStore {
    /// A store of 64 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY)
    }

    /// Makes a store of about `bytes` bytes. The least used records make room first.
    ///
    /// It holds no response, headers included, of more than about 7.5 MiB, nor of more than nine tenths of a capacity
    /// below 16 MiB. A larger one is a warning in the log and is not stored.
    #[must_use]
    pub fn with_capacity(bytes: u64) -> Self {
        let items = usize::try_from(bytes / TYPICAL_RECORD).unwrap_or(usize::MAX).max(16);
        let shards = (bytes / SHARD).clamp(1, 64);
        // A power of two, as the cache makes it anyway: rounded down, for rounded up its shards would be too small.
        let shards = 1_u64 << shards.ilog2();
        let options = OptionsBuilder::new()
            .shards(usize::try_from(shards).unwrap_or(1))
            .estimated_items_capacity(items)
            .weight_capacity(bytes)
            .build();
        let records = match options {
            Ok(options) => Cache::with_options(options, Bytes, Default::default(), Default::default()),
            Err(_) => Cache::with_weighter(items, bytes, Bytes),
        };
        // The cache takes nothing that fills more than 97 % of a shard.
        Self { largest: bytes / shards / 100 * 95, records: Arc::new(records), clock: Clock::system() }
    }

    /// Reads the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    fn find(&self, key: &str) -> Option<Record> {
        let kept = self.records.get(key)?;
        let now_ms = self.clock.now_ms();
        if !kept.is_over(now_ms) {
            return Some(kept.record);
        }
        // Only what has expired: another may have put a new record there since.
        self.records.remove_if(key, |kept| kept.is_over(now_ms));
        None
    }
}

impl Default for MemoryResponseStore {
    fn default() -> Self {
        Self::new()
    }
}

impl ResponseStore for MemoryResponseStore {
    fn get<'a>(&'a self, primary: &'a str, variant: Option<&'a str>) -> BoxFuture<'a, Result<Records, Error>> {
        Box::pin(async move { Ok(Records::new(self.find(primary), variant.and_then(|key| self.find(key)))) })
    }

    fn get_now(&self, primary: &str, variant: Option<&str>) -> Option<Records> {
        Some(Records::new(self.find(primary), variant.and_then(|key| self.find(key))))
    }

    fn put<'a>(&'a self, key: &'a str, record: Record, ttl: Duration) -> BoxFuture<'a, Result<(), Error>> {
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let since_ms = self.clock.now_ms();
        let until_ms = since_ms.saturating_add(ttl_ms);
        let (key, kept) = (Arc::from(key), Kept { record, since_ms, until_ms });
        let (weight, largest) = (Bytes.weight(&key, &kept), self.largest);
        if weight > largest {
            self.records.remove(&key);
            let message = format!("a response of {weight} bytes; the memory store holds none of more than {largest}");
            return Box::pin(ready(Err(Error::new(ErrorKind::LimitExceeded, message))));
        }
        self.records.insert(key, kept);
        Box::pin(ready(Ok(())))
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.records.remove(key);
        Box::pin(ready(Ok(())))
    }
}

impl fmt::Debug for MemoryResponseStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryResponseStore")
            .field("records", &self.records.len())
            .field("bytes", &self.records.weight())
            .field("capacity", &self.records.capacity())
            .finish_non_exhaustive()
    }
}
