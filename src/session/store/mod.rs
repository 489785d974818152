//! The stores of sessions, and the interface for a store of your own.
//!
//! [`MemorySessionStore`] and [`RedisSessionStore`] are two. A store implements [`SessionStore`]: it answers a [`Load`]
//! with a [`Loaded`] session, and a [`Commit`] with a [`CommitOutcome`].
#![cfg_attr(feature = "testing", doc = "The suite for stores of your own is [`conformance`](super::conformance).")]

mod commit_request;
mod contract;
mod memory;
mod record;
mod redis;

pub(super) use self::record::{MOVED_MS, SURE_MS};
pub use self::{
    commit_request::{Change, Commit, CommitAction, CommitOutcome, Expect},
    contract::{Confirm, SessionSelector, SessionStore, SessionsOf},
    memory::MemorySessionStore,
    record::{Load, Loaded, Record, Replaced},
    redis::RedisSessionStore,
};
