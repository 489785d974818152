use super::{Commit, Committed, Load, Loaded, SessionKey};
use crate::Error;
use futures_core::future::BoxFuture;
use std::{fmt, sync::Arc};

/// Where sessions are kept. Redis and memory implement it; `conformance` (feature `testing`) is the suite for others.
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// The session, whose idle time begins anew. A session past its lifetime is not there.
    ///
    /// # Errors
    /// Where the store cannot be asked. A missing session is no error.
    fn load<'a>(&'a self, load: Load<'a>) -> BoxFuture<'a, Result<Loaded, Error>>;

    /// Does all that the commit says, or, where the session is gone or moved, nothing.
    ///
    /// Attributes that the commit does not name are left as they are, so that two requests which write different
    /// attributes both succeed.
    ///
    /// # Errors
    /// Where the store cannot be asked; whether the commit took effect is then not known.
    fn commit<'a>(&'a self, key: &'a SessionKey, commit: &'a Commit) -> BoxFuture<'a, Result<Committed, Error>>;
}

impl<T: SessionStore + ?Sized> SessionStore for Arc<T> {
    fn load<'a>(&'a self, load: Load<'a>) -> BoxFuture<'a, Result<Loaded, Error>> {
        (**self).load(load)
    }

    fn commit<'a>(&'a self, key: &'a SessionKey, commit: &'a Commit) -> BoxFuture<'a, Result<Committed, Error>> {
        (**self).commit(key, commit)
    }
}
