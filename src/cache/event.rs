/// Something that a cache did, for an [observer](crate::cache::Cache::with_observer).
///
/// ```
/// use axum_upstash::{Upstash, cache::CacheEvent};
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hits = Arc::new(AtomicU64::new(0));
/// let counter = Arc::clone(&hits);
/// let upstash = Upstash::builder().or_memory().build()?;
/// let prices = upstash.cache::<str, u64>("prices").with_observer(move |_namespace, event| {
///     if matches!(event, CacheEvent::Hit(_)) {
///         counter.fetch_add(1, Ordering::Relaxed);
///     }
/// });
/// prices.set("tea", 3).await?;
/// prices.get("tea").await;
/// assert_eq!(hits.load(Ordering::Relaxed), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheEvent {
    /// A fresh value was there.
    Hit(Tier),
    /// A stale value was there, and was returned.
    Stale(Tier),
    /// No value was there.
    Miss,
    /// A value was computed.
    Computed,
    /// A computation failed, panicked or took too long.
    ComputeFailed,
    /// A value was not written, because Redis failed or the computation was overtaken.
    NotStored,
}

/// The place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tier {
    /// The memory of this process.
    Memory,
    /// Redis.
    Redis,
}
