//! The second tier of a typed cache: entries that several processes share, and the interface for a store of your own.
//!
//! [`RedisCacheStore`] is one. A store implements [`CacheStore`]: it keeps an [`Entry`] under each name, judges it by the
//! times at which its tags were invalidated, and grants leases. It tells others of each [`Change`], if it can.
#![cfg_attr(feature = "testing", doc = "")]
#![cfg_attr(
    feature = "testing",
    doc = "[`MemoryCacheStore`] is another one, for tests. The suite for stores of your own is [`conformance`](super::conformance)."
)]

mod change;
mod contract;
mod entry;
#[cfg(feature = "testing")]
mod memory;
mod redis;

#[cfg(feature = "testing")]
pub use self::memory::MemoryCacheStore;
pub use self::{
    change::{Change, Changes, Heard},
    contract::{CacheStore, Lease, Look, Looked, LookedMany, Peeked},
    entry::{Entry, Put},
    redis::RedisCacheStore,
};
pub use super::lives::Lives;
