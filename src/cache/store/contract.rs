use super::{Change, Changes, Entry, Put};
use crate::{CircuitBreaker, Error};
use futures_core::future::BoxFuture;
use std::{fmt, time::Duration};

/// The lease of a computation: the process that has it computes a value, and the others wait.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a lease has nothing else")]
pub struct Lease {
    /// A random name, by which its holder is known.
    pub name: String,
    /// Its life, unless it is renewed.
    pub ttl: Duration,
}

/// A lookup of one entry.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Look<'a> {
    /// The name of the entry.
    pub name: &'a str,
    /// The version that it has to have.
    pub version: u32,
    /// The part of its life for which it counts as fresh, if that is not all of it.
    pub eager: Option<f64>,
    /// The lease that is taken if there is no fresh entry.
    pub lease: &'a Lease,
}

impl<'a> Look<'a> {
    /// A lookup of the entry of a name and version.
    #[must_use]
    pub fn new(name: &'a str, version: u32, lease: &'a Lease) -> Self {
        Self { name, version, eager: None, lease }
    }
}

/// Without the name: it is the application's.
impl fmt::Debug for Look<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Look").field("version", &self.version).field("eager", &self.eager).finish_non_exhaustive()
    }
}

/// The answer to a [`Look`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a store of one's own makes it")]
pub struct Looked {
    /// The time of the store, in microseconds.
    pub now_us: u64,
    /// The entry, if nothing has invalidated it. It may be stale.
    pub entry: Option<Entry>,
    /// Whether the caller has the lease now.
    pub leads: bool,
}

/// An entry that was read without a judgement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a store of one's own makes it")]
pub struct Peeked {
    /// The entry. It may be invalid.
    pub entry: Option<Entry>,
    /// The time of the latest invalidation of the namespace, in microseconds. An entry that was created later is valid.
    pub latest_us: u64,
}

/// The answer to a lookup of several entries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a store of one's own makes it")]
pub struct LookedMany {
    /// The time of the store, in microseconds.
    pub now_us: u64,
    /// Each entry, if nothing has invalidated it.
    pub entries: Vec<Option<Entry>>,
}

/// Entries of one namespace that several processes share. [`RedisCacheStore`](super::RedisCacheStore) is one.
///
/// A store has a clock that all its users see. An entry is invalid if the store was told to
/// [invalidate](Self::invalidate) one of its tags, or all entries, at the time of its creation or later. An invalid entry is
/// as good as absent.
///
/// Each method is one round trip, and all of it happens at once: no other call comes in between. A call that is repeated
/// after a lost answer does no harm.
///
/// Errors are misses. The [circuit breaker](Self::breaker) sees them.
pub trait CacheStore: fmt::Debug + Send + Sync + 'static {
    /// Looks an entry up, and takes the lease of its computation, if that is free and there is no fresh entry.
    /// An entry of another version is none.
    fn look<'a>(&'a self, look: Look<'a>) -> BoxFuture<'a, Result<Looked, Error>>;

    /// Reads an entry as it is, and the time of the latest invalidation.
    fn peek<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Peeked, Error>>;

    /// Looks entries up, of any version.
    fn look_many<'a>(&'a self, names: &'a [&'a str]) -> BoxFuture<'a, Result<LookedMany, Error>>;

    /// Keeps entries until the end of their longest lives, ends their leases, and returns how many it kept: not those whose
    /// lease is no longer held, unless the call is repeated. Others hear of `change`.
    fn put<'a>(&'a self, puts: &'a [Put<'a>], change: Option<&'a Change>) -> BoxFuture<'a, Result<u64, Error>>;

    /// Prolongs a lease. `false` if it is not held.
    fn renew<'a>(&'a self, name: &'a str, lease: &'a Lease) -> BoxFuture<'a, Result<bool, Error>>;

    /// Gives a lease up, if it is held.
    fn release<'a>(&'a self, name: &'a str, lease: &'a Lease) -> BoxFuture<'a, Result<(), Error>>;

    /// Removes entries, and ends the leases of their computations. Others hear of `change`.
    fn remove<'a>(&'a self, names: &'a [&'a str], change: Option<&'a Change>) -> BoxFuture<'a, Result<(), Error>>;

    /// Invalidates the entries that were created until now and have one of these tags. All have the empty one. No entry lives
    /// longer than `longest`. Others hear of `change`.
    fn invalidate<'a>(
        &'a self,
        tags: &'a [Box<str>],
        longest: Duration,
        change: Option<&'a Change>,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// The changes that others make, as they happen. `None` if the store tells of none.
    fn changes(&self) -> Option<Changes> {
        None
    }

    /// The circuit breaker, if others share it.
    fn breaker(&self) -> Option<CircuitBreaker> {
        None
    }
}
