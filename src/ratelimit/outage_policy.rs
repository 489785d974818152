use super::Algorithm;

/// The policy of a limiter when its store does not answer in time, or answers with an error.
///
/// After five failures in a row the [`CircuitBreaker`](crate::CircuitBreaker) keeps calls from the store for a second,
/// and one request tries it again. So an outage costs the limiter's timeout a few times, not with every request.
///
/// ```
/// use axum_upstash::{Upstash, ratelimit::{FixedWindow, OutagePolicy}};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// // Ten instances: each allows a tenth during an outage.
/// let minute = Duration::from_secs(60);
/// let limiter = upstash
///     .ratelimit(FixedWindow::new(100, minute))
///     .with_outage_policy(OutagePolicy::MemoryLimit(FixedWindow::new(10, minute).into()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OutagePolicy {
    /// Requests pass.
    Open,
    /// Requests are refused. The layer answers 503.
    Closed,
    /// Each process counts for itself, with the same limit.
    #[default]
    Memory,
    /// Each process counts for itself, with this limit, such as the real one divided by the number of instances.
    MemoryLimit(Algorithm),
    /// The caller gets the error. The layer answers 503.
    Error,
}
