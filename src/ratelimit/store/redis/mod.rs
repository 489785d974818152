//! Counting in Redis: one script for any number of limits, and a shorter one for a single fixed window.

mod deny_list;
mod keys;
mod script;
mod store;

pub use self::{keys::HashTag, store::RedisRateLimitStore};
