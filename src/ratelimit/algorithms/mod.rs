//! The algorithms as arithmetic: state and time in, decision out. Both stores decide by these.

mod algorithm;
mod fixed_window;
mod gcra;
mod judgement;
mod sliding_window;
mod state;
mod token_bucket;

pub use self::{
    algorithm::Algorithm, fixed_window::FixedWindow, gcra::Gcra, judgement::Outcome, sliding_window::SlidingWindow,
    token_bucket::TokenBucket,
};
pub(super) use self::{
    state::{State, Window},
    token_bucket::Bucket,
};

use std::time::Duration;

use self::judgement::RawOutcome;

/// A window in whole milliseconds; a shorter one counts as one millisecond.
fn window_ms(window: Duration) -> u64 {
    // Below 2^53, so that Lua's numbers are exact.
    u64::try_from(window.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 52)
}
