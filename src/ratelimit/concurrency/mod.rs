//! How many at a time, rather than how often.

mod limit;
mod permit;
mod slots;

pub use self::{limit::ConcurrencyLimiter, permit::Permit};
