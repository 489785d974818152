use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The options of one value, as its computation sets them.
#[derive(Debug, Clone, Default)]
pub(super) struct Choices {
    pub(super) ttl: Option<Duration>,
    pub(super) tags: Vec<String>,
    pub(super) is_skipped: bool,
    pub(super) keeps_error_for: Option<Duration>,
}

/// The computation of a value, as [`get_or_compute`](crate::cache::Cache::get_or_compute) hands it to the closure.
///
/// ```
/// use axum_upstash::Upstash;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let prices = upstash.cache::<str, u64>("prices");
/// let price = prices
///     .get_or_compute("tea", async |context| {
///         context.set_ttl(Duration::from_secs(5));
///         context.set_tags(["drinks"]);
///         Ok::<u64, std::io::Error>(context.previous().map_or(3, |before| before + 1))
///     })
///     .await?;
/// assert_eq!(price, 3);
/// prices.invalidate_tags(["drinks"]).await?;
/// assert_eq!(prices.get("tea").await, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ComputeContext<V> {
    previous: Option<V>,
    choices: Arc<Mutex<Choices>>,
}

impl<V> ComputeContext<V> {
    pub(super) fn new(previous: Option<V>) -> Self {
        Self { previous, choices: Arc::default() }
    }

    /// The value that is to be replaced, if it is known: for a conditional request to its source. It may be stale, and
    /// nothing has invalidated it.
    #[must_use]
    pub fn previous(&self) -> Option<&V> {
        self.previous.as_ref()
    }

    /// Keeps this value for so long, instead of the time of its namespace.
    pub fn set_ttl(&self, ttl: Duration) {
        self.lock().ttl = Some(ttl);
    }

    /// Gives this value tags, by which it is [invalidated](crate::cache::Cache::invalidate_tags): up to 100.
    pub fn set_tags(&self, tags: impl IntoIterator<Item = impl Into<String>>) {
        self.lock().tags = tags.into_iter().map(Into::into).collect();
    }

    /// Does not keep this value. Calls that wait for it have it.
    pub fn skip(&self) {
        self.lock().is_skipped = true;
    }

    /// Keeps the error that this computation returns for so long, in this process: calls until then have it.
    pub fn keep_error(&self, ttl: Duration) {
        self.lock().keeps_error_for = Some(ttl);
    }

    pub(super) fn choices(&self) -> Choices {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Choices> {
        self.choices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not the value: it is the application's.
impl<V> fmt::Debug for ComputeContext<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComputeContext").field("has_previous", &self.previous.is_some()).finish_non_exhaustive()
    }
}
