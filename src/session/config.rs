use super::{KeyRing, Lifetime, SessionCookie, SessionError, store::SessionStore};
use crate::{CircuitBreaker, Clock, background::Background, never_seen::NeverSeen};
use bytes::Bytes;
use http::{Response, StatusCode};
use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

/// All that a [`SessionLayer`](super::SessionLayer) was told.
#[derive(Debug, Clone)]
pub(super) struct SessionConfig {
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) breaker: CircuitBreaker,
    pub(super) keys: KeyRing,
    pub(super) cookie: SessionCookie,
    pub(super) lifetime: Lifetime,
    pub(super) timeout: Duration,
    pub(super) load_failure: LoadFailure,
    pub(super) commit_failure: CommitFailure,
    pub(super) conflict_policy: ConflictPolicy,
    pub(super) size_limit: usize,
    pub(super) rotation_grace: Duration,
    pub(super) commit_on: CommitOn,
    pub(super) clock: Clock,
    pub(super) background: Background,
    /// Whether any client has come back with its cookie.
    pub(super) returned: Arc<NeverSeen>,
    /// Whether the log says that this layer is inside another one.
    pub(super) told: Arc<AtomicBool>,
}

impl SessionConfig {
    /// Whether a layer inside another one would do the same with the same sessions.
    pub(super) fn is(&self, other: &Self) -> bool {
        let scalars = |config: &Self| {
            let Self { lifetime, timeout, load_failure, conflict_policy, size_limit, rotation_grace, .. } = config;
            (*lifetime, *timeout, *load_failure, *conflict_policy, *size_limit, *rotation_grace)
        };
        std::ptr::addr_eq(Arc::as_ptr(&self.store), Arc::as_ptr(&other.store))
            && self.keys.is(&other.keys)
            && self.cookie == other.cookie
            && scalars(self) == scalars(other)
            && self.commit_failure.is(&other.commit_failure)
            && Arc::ptr_eq(&self.commit_on.0, &other.commit_on.0)
    }
}

/// With which responses changes are committed.
#[derive(Clone)]
pub(super) struct CommitOn(pub(super) Arc<dyn Fn(StatusCode) -> bool + Send + Sync>);

impl Default for CommitOn {
    /// With all but those of a handler that failed, or did not come to its end.
    fn default() -> Self {
        Self(Arc::new(|status| !status.is_server_error() && status != StatusCode::REQUEST_TIMEOUT))
    }
}

impl fmt::Debug for CommitOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommitOn")
    }
}

/// The store's name in the log.
pub(super) const STORE: &str = "session store";

/// The policy for handlers whose session cannot be loaded: in an [outage](crate::Error::is_outage) of the store, or if it
/// refuses the credentials.
///
/// ```
/// use axum_upstash::{Upstash, session::LoadFailure};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// // If the store fails, handlers see an empty session, and its changes are not stored.
/// let layer = upstash.session_layer().with_load_failure(LoadFailure::Anonymous);
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum LoadFailure {
    /// [`SessionError::Unavailable`](super::SessionError::Unavailable), which as a response is a 503.
    #[default]
    Unavailable,
    /// An empty session that cannot be written, so that nothing of the real one is overwritten.
    Anonymous,
}

/// The policy for changes to a session that another request has changed since it was loaded.
///
/// ```
/// use axum_upstash::{Upstash, session::ConflictPolicy};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let layer = upstash.session_layer().with_conflict_policy(ConflictPolicy::Reject); // 409 for the later request
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ConflictPolicy {
    /// Each attribute ends as it was written last. Those that only one of the requests wrote are kept in any case.
    #[default]
    LastWrite,
    /// They are refused, whichever attributes they are: [`SessionError::Conflict`](super::SessionError::Conflict), as a
    /// response 409. For one attribute there is [`Session::update`](super::Session::update).
    Reject,
}

/// The policy for responses whose session changes cannot be stored.
///
/// ```
/// use axum_upstash::{Upstash, session::CommitFailure};
/// use bytes::Bytes;
/// use http::Response;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let sorry = CommitFailure::custom(|_| Response::new(Bytes::from("Please try again.")));
/// let layer = upstash.session_layer().with_commit_failure(sorry);
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum CommitFailure {
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

impl CommitFailure {
    /// An answer of the application's own.
    pub fn custom(answer: impl Fn(&SessionError) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        Self::Custom(Arc::new(answer))
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Refuse, Self::Refuse) | (Self::KeepResponse, Self::KeepResponse) => true,
            (Self::Custom(one), Self::Custom(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }
}

impl fmt::Debug for CommitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refuse => "Refuse",
            Self::KeepResponse => "KeepResponse",
            Self::Custom(_) => "Custom",
        })
    }
}
