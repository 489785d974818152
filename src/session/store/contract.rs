use super::{Commit, CommitOutcome, Load, Loaded, Record};
use crate::{
    CircuitBreaker, Error, ErrorKind,
    rt::{from_unix_ms, unix_ms},
    session::{Lifetime, PrincipalKey, SessionKey},
};
use futures_core::future::BoxFuture;
use std::{fmt, sync::Arc, time::SystemTime};

/// A store of sessions. Redis and memory implement it; `conformance` (feature `testing`) is the suite for others.
///
/// ```
/// use axum_upstash::session::{conformance, store::MemorySessionStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // The suite for a store of your own, under the feature `testing`.
/// conformance::run(&MemorySessionStore::new()).await;
/// # Ok(())
/// # }
/// ```
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// The session, whose idle time begins anew. A session past its lifetime is not there.
    ///
    /// # Errors
    /// If the store fails. A missing session is no error.
    fn load<'a>(&'a self, load: Load<'a>) -> BoxFuture<'a, Result<Loaded, Error>>;

    /// Applies the whole commit. If the session is gone, moved or not as expected, nothing is changed.
    ///
    /// Attributes that the commit does not name are left as they are, so that two requests which write different
    /// attributes both succeed.
    ///
    /// # Errors
    /// If the store fails. Then it is not known whether the commit took effect.
    fn commit<'a>(&'a self, key: &'a SessionKey, commit: &'a Commit) -> BoxFuture<'a, Result<CommitOutcome, Error>>;

    /// A request with a new id has come, so the client has it: ends the session that it was rotated from, and for ten
    /// seconds says there that it moved. Done again, it is done.
    ///
    /// # Errors
    /// If the store fails.
    fn confirm<'a>(&'a self, confirm: Confirm<'a>) -> BoxFuture<'a, Result<(), Error>>;

    /// The circuit breaker of the store, if it has one that others share.
    fn breaker(&self) -> Option<CircuitBreaker> {
        None
    }

    /// The sessions of a principal that are alive, without their attributes.
    ///
    /// # Errors
    /// If the store fails, or keeps no such list.
    fn sessions_of<'a>(&'a self, query: SessionsOf<'a>) -> BoxFuture<'a, Result<Vec<(SessionKey, Record)>, Error>> {
        let _ = query;
        Box::pin(std::future::ready(Err(no_index())))
    }

    /// Ends sessions of a principal, and says how many. None of them goes on, whatever requests of theirs are on their way
    /// and under whichever key.
    ///
    /// # Errors
    /// If the store fails, or keeps no such list. Some sessions may have ended.
    fn end<'a>(&'a self, query: SessionsOf<'a>, which: SessionSelector<'a>) -> BoxFuture<'a, Result<usize, Error>> {
        let _ = (query, which);
        Box::pin(std::future::ready(Err(no_index())))
    }
}

fn no_index() -> Error {
    Error::new(ErrorKind::InvalidInput, "this session store keeps no index of users")
}

/// The rotation that a client has taken notice of.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Confirm<'a> {
    /// The new key.
    pub key: &'a SessionKey,
    /// The old one.
    pub replaces: &'a SessionKey,
    /// The owner of the session.
    pub principal: Option<&'a PrincipalKey>,
    pub(in crate::session) now_ms: u64,
}

impl<'a> Confirm<'a> {
    /// The rotation from `replaces` to `key`.
    #[must_use]
    pub fn new(
        key: &'a SessionKey,
        replaces: &'a SessionKey,
        principal: Option<&'a PrincipalKey>,
        now: SystemTime,
    ) -> Self {
        Self::at(key, replaces, principal, unix_ms(now))
    }

    pub(in crate::session) fn at(
        key: &'a SessionKey,
        replaces: &'a SessionKey,
        principal: Option<&'a PrincipalKey>,
        now_ms: u64,
    ) -> Self {
        Self { key, replaces, principal, now_ms }
    }

    /// The time of the confirmation.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        from_unix_ms(self.now_ms)
    }
}

/// A query for the sessions of one principal.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SessionsOf<'a> {
    /// The owner of the sessions.
    pub principal: &'a PrincipalKey,
    /// The lifetime of sessions.
    pub lifetime: Lifetime,
    pub(in crate::session) now_ms: u64,
}

impl<'a> SessionsOf<'a> {
    /// Selects the sessions of `principal`.
    #[must_use]
    pub fn new(principal: &'a PrincipalKey, lifetime: Lifetime, now: SystemTime) -> Self {
        Self::at(principal, lifetime, unix_ms(now))
    }

    pub(in crate::session) fn at(principal: &'a PrincipalKey, lifetime: Lifetime, now_ms: u64) -> Self {
        Self { principal, lifetime, now_ms }
    }

    /// The time of the query.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        from_unix_ms(self.now_ms)
    }

    /// Whether a session is alive, and not only kept for a client that may not have its new id.
    pub(super) fn lives(&self, record: &Record) -> bool {
        record.replaced.is_none() && record.lives(self.lifetime, self.now_ms)
    }
}

/// Selects sessions of a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionSelector<'a> {
    /// This one.
    One(&'a SessionKey),
    /// All but this one.
    Others(&'a SessionKey),
    /// All.
    All,
}

impl<T: SessionStore + ?Sized> SessionStore for Arc<T> {
    fn load<'a>(&'a self, load: Load<'a>) -> BoxFuture<'a, Result<Loaded, Error>> {
        (**self).load(load)
    }

    fn commit<'a>(&'a self, key: &'a SessionKey, commit: &'a Commit) -> BoxFuture<'a, Result<CommitOutcome, Error>> {
        (**self).commit(key, commit)
    }

    fn confirm<'a>(&'a self, confirm: Confirm<'a>) -> BoxFuture<'a, Result<(), Error>> {
        (**self).confirm(confirm)
    }

    fn breaker(&self) -> Option<CircuitBreaker> {
        (**self).breaker()
    }

    fn sessions_of<'a>(&'a self, query: SessionsOf<'a>) -> BoxFuture<'a, Result<Vec<(SessionKey, Record)>, Error>> {
        (**self).sessions_of(query)
    }

    fn end<'a>(&'a self, query: SessionsOf<'a>, which: SessionSelector<'a>) -> BoxFuture<'a, Result<usize, Error>> {
        (**self).end(query, which)
    }
}
