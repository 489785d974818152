//! The stores of responses, and the interface for a store of your own.
//!
//! [`MemoryResponseStore`] and [`RedisResponseStore`] are two. A store implements [`ResponseStore`]: it keeps a [`Record`]
//! under each key, and finds [`Records`].
#![cfg_attr(feature = "testing", doc = "The suite for stores of your own is [`conformance`](super::conformance).")]

mod capacity;
mod contract;
mod memory;
mod redis;

pub use self::{
    contract::{Records, ResponseStore},
    memory::MemoryResponseStore,
    redis::RedisResponseStore,
};
pub use super::stored_response::Record;
