use super::{KeyRing, Lifetime, SessionCookie, SessionError, SessionStore};
use crate::{CircuitBreaker, Clock};
use bytes::Bytes;
use http::Response;
use std::{fmt, sync::Arc, time::Duration};

/// All that a [`SessionLayer`](super::SessionLayer) was told.
#[derive(Debug, Clone)]
pub(super) struct SessionConfig {
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) breaker: CircuitBreaker,
    pub(super) keys: KeyRing,
    pub(super) cookie: SessionCookie,
    pub(super) lifetime: Lifetime,
    pub(super) timeout: Duration,
    pub(super) on_outage: OnOutage,
    pub(super) on_commit_failure: OnCommitFailure,
    pub(super) on_conflict: OnConflict,
    pub(super) size_limit: usize,
    pub(super) clock: Clock,
}

/// The store's name in the log.
pub(super) const STORE: &str = "session store";

/// What a handler gets when its session cannot be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnOutage {
    /// [`SessionError::Unavailable`](super::SessionError::Unavailable), which as a response is a 503.
    #[default]
    Unavailable,
    /// An empty session that cannot be written, so that nothing of the real one is overwritten.
    Anonymous,
}

/// What becomes of changes where another request has changed the session since it was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnConflict {
    /// Each attribute ends as it was written last. Those that only one of the requests wrote are kept in any case.
    #[default]
    LastWrite,
    /// They are refused, whichever attributes they are: [`SessionError::Conflict`](super::SessionError::Conflict), as a
    /// response 409. For one attribute there is [`Session::update`](super::Session::update).
    Reject,
}

/// What the client gets when the handler is done and its changes cannot be stored.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum OnCommitFailure {
    /// The error as a response, 503 or 409, instead of the handler's: that would speak of something that is not so.
    #[default]
    Refuse,
    /// The handler's response with `Session-Commit: failed`, and without the cookie of a session that was not stored; the
    /// failure is logged.
    KeepResponse,
    /// An answer of the application's own.
    Custom(Arc<Answer>),
}

type Answer = dyn Fn(&SessionError) -> Response<Bytes> + Send + Sync;

impl OnCommitFailure {
    /// An answer of the application's own.
    pub fn custom(answer: impl Fn(&SessionError) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        Self::Custom(Arc::new(answer))
    }
}

impl fmt::Debug for OnCommitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refuse => "Refuse",
            Self::KeepResponse => "KeepResponse",
            Self::Custom(_) => "Custom",
        })
    }
}
