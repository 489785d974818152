//! The algorithms as arithmetic: state and time in, decision and state out. Both stores decide by these.
//!
//! Each algorithm is one file, which implements [`Rules`]. [`Algorithm`] only dispatches.

mod algorithm;
mod fixed_window;
mod gcra;
mod outcome;
mod rate;
mod rules;
mod sliding_window;
mod state;
mod token_bucket;

pub use self::{
    algorithm::Algorithm, fixed_window::FixedWindow, gcra::Gcra, outcome::Outcome, rate::Rate,
    sliding_window::SlidingWindow, token_bucket::TokenBucket,
};
pub(super) use self::{
    algorithm::refused_together,
    rules::CounterName,
    state::{State, Window},
};
use self::{
    rules::Rules,
    state::{OUT_OF_ORDER_MS, RawOutcome},
};
