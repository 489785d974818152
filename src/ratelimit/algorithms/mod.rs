//! The algorithms as arithmetic: state and time in, decision out. Both stores decide by these.

mod fixed_window;
mod sliding_window;
mod token_bucket;

pub(super) use self::token_bucket::Bucket;
pub use self::{fixed_window::FixedWindow, sliding_window::SlidingWindow, token_bucket::TokenBucket};

use std::time::Duration;

/// How requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// See [`FixedWindow`].
    FixedWindow(FixedWindow),
    /// See [`SlidingWindow`].
    SlidingWindow(SlidingWindow),
    /// See [`TokenBucket`].
    TokenBucket(TokenBucket),
}

impl Algorithm {
    /// The most that can pass at once.
    #[must_use]
    pub fn limit(&self) -> u64 {
        match self {
            Self::FixedWindow(window) => window.limit,
            Self::SlidingWindow(window) => window.limit,
            Self::TokenBucket(bucket) => bucket.max_tokens,
        }
    }

    /// The time in which [`limit`](Self::limit) is replenished.
    #[must_use]
    pub fn window(&self) -> Duration {
        Duration::from_millis(match self {
            Self::FixedWindow(window) => window.window_ms,
            Self::SlidingWindow(window) => window.window_ms,
            Self::TokenBucket(bucket) => bucket.time_for(bucket.max_tokens),
        })
    }
}

impl From<FixedWindow> for Algorithm {
    fn from(window: FixedWindow) -> Self {
        Self::FixedWindow(window)
    }
}

impl From<SlidingWindow> for Algorithm {
    fn from(window: SlidingWindow) -> Self {
        Self::SlidingWindow(window)
    }
}

impl From<TokenBucket> for Algorithm {
    fn from(bucket: TokenBucket) -> Self {
        Self::TokenBucket(bucket)
    }
}

/// What a store answers: whether the request may pass, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Whether it was admitted and counted. What is refused consumes nothing.
    pub allowed: bool,
    /// What is left after this request.
    pub remaining: u64,
    /// When the window ends or the next tokens arrive, in milliseconds since the Unix epoch.
    pub reset_ms: u64,
    /// For a refusal: in how many milliseconds the same request can pass, if nobody else takes its place.
    /// `None` for one that never can, because it costs more than the limit.
    pub retry_after_ms: Option<u64>,
}

impl Outcome {
    /// An answer of a store.
    #[must_use]
    pub fn new(allowed: bool, remaining: u64, reset_ms: u64, retry_after_ms: Option<u64>) -> Self {
        Self { allowed, remaining, reset_ms, retry_after_ms }
    }
}

/// A window in whole milliseconds; a shorter one counts as one millisecond.
fn window_ms(window: Duration) -> u64 {
    // Below 2^53, so that Lua's numbers are exact.
    u64::try_from(window.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 52)
}
