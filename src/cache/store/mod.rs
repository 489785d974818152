//! The second tier: entries that several processes share.

mod contract;
mod redis;

pub(super) use self::{
    contract::{CacheStore, Lease, Looked, LookedMany, Put},
    redis::RedisCacheStore,
};
