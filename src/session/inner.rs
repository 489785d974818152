use super::{
    SessionError, SessionKey,
    config::SessionConfig,
    presented::Presented,
    state::{Cookie, Head, State, Uncommitted},
};
use crate::PrivateResponse;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A session behind its handles: the settings, the state, and the turn to ask the store.
pub(super) struct Inner {
    pub(super) config: Arc<SessionConfig>,
    private: PrivateResponse,
    /// The time at which the client came, in milliseconds since the Unix epoch.
    pub(super) since_ms: u64,
    /// The client came without a cookie, over plain HTTP: it may not come back with a `Secure` one.
    pub(super) may_be_lost: bool,
    state: Mutex<State>,
    /// The turn to ask the store: a session is loaded once, and one commit comes after the other.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl Inner {
    pub(super) fn new(
        config: Arc<SessionConfig>,
        presented: Presented,
        private: PrivateResponse,
        may_be_lost: bool,
    ) -> Self {
        let since_ms = if presented.first.is_some() { config.clock.now_ms() } else { 0 };
        Self { may_be_lost, ..Self::with(config, private, since_ms, State::presented(presented, since_ms)) }
    }

    fn with(config: Arc<SessionConfig>, private: PrivateResponse, since_ms: u64, state: State) -> Self {
        let turn = tokio::sync::Mutex::default();
        Self { config, private, since_ms, may_be_lost: false, state: Mutex::new(state), turn }
    }

    /// The same session for work that outlives the response.
    pub(super) fn detach(&self) -> Self {
        let (state, head) = match self.used() {
            Ok(state) => (state, Head::Unused),
            // The detached handle fails as this one does.
            Err(_) => (self.state(), Head::Sent),
        };
        let detached = state.detached(head);
        drop(state);
        Self::with(Arc::clone(&self.config), PrivateResponse::default(), self.since_ms, detached)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks the response as dependent on the session, if its head is not sent yet.
    pub(super) fn used(&self) -> Result<MutexGuard<'_, State>, SessionError> {
        let mut state = self.state();
        if state.head == Head::Sent {
            return Err(SessionError::HeadSent);
        }
        state.head = Head::Used;
        self.private.mark();
        Ok(state)
    }

    pub(super) fn key(&self) -> Option<SessionKey> {
        self.used().ok()?.id.as_ref().map(|id| id.key().clone())
    }

    pub(super) fn close(&self, keep: bool) -> Result<Uncommitted, SessionError> {
        self.state().close(keep)
    }

    /// The cookie to send, and whether the response depends on the session. From now on it is too late for a first use, and
    /// changes that could not be committed are dropped.
    pub(super) fn conclude(&self) -> (Option<Cookie>, bool) {
        let mut state = self.state();
        let cookie = if state.has_news() { state.cookie(self.config.clock.now_ms()) } else { None };
        let is_used = state.head == Head::Used;
        if !is_used {
            state.head = Head::Sent;
        }
        if !state.changes.is_empty() {
            state.changes = super::changes::Changes::default();
        }
        (cookie, is_used)
    }

    pub(super) fn private(&self) -> PrivateResponse {
        self.private.clone()
    }
}
