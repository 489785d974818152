//! The typed cache: in memory, and between processes on a real Redis.

mod computing;
mod invalidation;
mod memory;
mod shared;
mod support;
