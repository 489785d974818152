//! The typed cache: in memory, and between processes on a real Redis.

mod computing;
mod invalidation;
mod memory;
mod model;
#[path = "../shared/random.rs"]
mod random;
mod shared;
mod support;
