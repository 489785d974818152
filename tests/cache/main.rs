//! The typed cache: in memory, and between processes on a real Redis.

mod channel;
mod codecs;
mod computing;
mod invalidation;
mod memory;
mod model;
#[path = "../shared/random.rs"]
mod random;
mod shared;
mod stores;
mod support;
