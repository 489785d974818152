use crate::{CircuitBreaker, Error, cache::lives::Lives};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use std::{fmt, time::Duration};

/// The lease of a computation: its random name, and how long it lasts.
#[derive(Debug, Clone)]
pub(in crate::cache) struct Lease {
    pub(in crate::cache) name: String,
    pub(in crate::cache) ttl: Duration,
}

/// What a lookup found.
#[derive(Debug)]
pub(in crate::cache) struct Looked {
    /// The time of the store, in microseconds.
    pub(in crate::cache) now_us: u64,
    /// The entry, if nothing has invalidated it.
    pub(in crate::cache) entry: Option<Bytes>,
    /// Whether the caller has the lease now.
    pub(in crate::cache) leads: bool,
}

/// What a lookup of several entries found.
#[derive(Debug)]
pub(in crate::cache) struct LookedMany {
    /// The time of the store, in microseconds.
    pub(in crate::cache) now_us: u64,
    /// Each entry, if nothing has invalidated it.
    pub(in crate::cache) entries: Vec<Option<Bytes>>,
}

/// An entry to store.
#[derive(Debug)]
pub(in crate::cache) struct Put<'a> {
    pub(in crate::cache) name: &'a str,
    /// The lease that has to be held.
    pub(in crate::cache) lease: Option<&'a str>,
    /// The time of the store at which its computation began; now, if there is none.
    pub(in crate::cache) created_us: Option<u64>,
    pub(in crate::cache) lives: Lives,
    pub(in crate::cache) took: Duration,
    pub(in crate::cache) version: u32,
    pub(in crate::cache) tags: &'a [Box<str>],
    pub(in crate::cache) payload: Bytes,
}

/// Entries of one namespace that several processes share. Each call is one round trip.
pub(in crate::cache) trait CacheStore: fmt::Debug + Send + Sync + 'static {
    /// Looks an entry up, and takes the lease of its computation if it is not fresh.
    ///
    /// An entry of another version is none. With `eager`, one is fresh for this part of its life.
    fn look<'a>(
        &'a self,
        name: &'a str,
        version: u32,
        eager: Option<f64>,
        lease: Option<&'a Lease>,
    ) -> BoxFuture<'a, Result<Looked, Error>>;

    /// Reads an entry, and the time of the latest invalidation: one command. An entry that is younger is valid.
    fn peek<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(Option<Bytes>, u64), Error>>;

    /// Looks entries up.
    fn look_many<'a>(&'a self, names: &'a [&'a str]) -> BoxFuture<'a, Result<LookedMany, Error>>;

    /// Stores entries, and gives how many were: an entry whose lease is another's is not.
    fn put<'a>(&'a self, puts: &'a [Put<'a>]) -> BoxFuture<'a, Result<u64, Error>>;

    /// Prolongs a lease. `false` if it is another's.
    fn renew<'a>(&'a self, name: &'a str, lease: &'a Lease) -> BoxFuture<'a, Result<bool, Error>>;

    /// Gives a lease up.
    fn release<'a>(&'a self, name: &'a str, lease: &'a Lease) -> BoxFuture<'a, Result<(), Error>>;

    /// Removes entries, and takes the leases of their computations.
    fn remove<'a>(&'a self, names: &'a [&'a str]) -> BoxFuture<'a, Result<(), Error>>;

    /// Invalidates the entries that were created until now and have one of these tags. All have the empty one.
    fn invalidate<'a>(&'a self, tags: &'a [Box<str>], longest: Duration) -> BoxFuture<'a, Result<(), Error>>;

    /// The circuit breaker, which others share.
    fn breaker(&self) -> CircuitBreaker;
}
