use super::{KeyRing, Lifetime, SessionCookie, SessionStore};
use crate::Clock;
use std::{sync::Arc, time::Duration};

/// All that a [`SessionLayer`](super::SessionLayer) was told.
#[derive(Debug, Clone)]
pub(super) struct SessionConfig {
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) keys: KeyRing,
    pub(super) cookie: SessionCookie,
    pub(super) lifetime: Lifetime,
    pub(super) timeout: Duration,
    pub(super) on_outage: OnOutage,
    pub(super) on_commit_failure: OnCommitFailure,
    pub(super) size_limit: usize,
    pub(super) clock: Clock,
}

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

/// What the client gets when the handler is done and its changes cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnCommitFailure {
    /// A 503 instead of the handler's response: it would speak of something that is not so.
    #[default]
    Refuse,
    /// The handler's response, without a cookie; the failure is logged.
    KeepResponse,
}
