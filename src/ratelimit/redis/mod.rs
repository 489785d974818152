//! Counting in Redis.

mod keys;
mod question;
mod store;

pub(super) use self::keys::{DENY_LIST, IP_LIST, IP_LIST_STATUS};
pub use self::{keys::HashTag, store::RedisStore};
