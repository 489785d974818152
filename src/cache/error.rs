use std::{error::Error as StdError, fmt, sync::Arc};

/// Why there is no value: neither a computed nor a stored one.
///
/// ```
/// use axum_upstash::{Upstash, cache::ComputeError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let prices = upstash.cache::<str, u64>("prices");
/// let failed = prices.get_or_compute("tea", async |_| Err::<u64, _>("sold out")).await;
/// assert!(matches!(failed, Err(ComputeError::Failed(reason)) if *reason == "sold out"));
/// # Ok(())
/// # }
/// ```
pub enum ComputeError<E> {
    /// The computation failed. All calls that waited for it have its error.
    Failed(Arc<E>),
    /// The computation took longer than it may.
    TimedOut,
    /// The computation panicked.
    Panicked,
}

impl<E> Clone for ComputeError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::TimedOut => Self::TimedOut,
            Self::Panicked => Self::Panicked,
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for ComputeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            Self::TimedOut => f.write_str("TimedOut"),
            Self::Panicked => f.write_str("Panicked"),
        }
    }
}

impl<E: fmt::Display> fmt::Display for ComputeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::TimedOut => f.write_str("the value was not computed in time"),
            Self::Panicked => f.write_str("the computation of the value panicked"),
        }
    }
}

impl<E: StdError + 'static> StdError for ComputeError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            Self::TimedOut | Self::Panicked => None,
        }
    }
}
