use super::{
    DeviceInfo, Lifetime, Presented, PrincipalKey, Record, SessionError, SessionKey,
    changes::Pending,
    config::SessionConfig,
    state::{Content, CookieUpdate, State},
};
use crate::PrivateResponse;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

/// The session of a request: an extractor, and a handle to read and change it.
///
/// Nothing is loaded before it is needed, and nothing is written before the handler is done, or [commits](Self::commit);
/// then all changes go in one step. Attributes are JSON by name. Cloning is cheap, and clones are the same session.
///
/// Any use of it marks the response as [`PrivateResponse`].
#[derive(Clone)]
pub struct Session {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) config: Arc<SessionConfig>,
    private: PrivateResponse,
    /// When the client came, in milliseconds since the Unix epoch.
    pub(super) since_ms: u64,
    state: Mutex<State>,
    /// However many ask, the store is asked once; and one commit comes after the other.
    pub(super) asking: tokio::sync::Mutex<()>,
}

impl Session {
    pub(super) fn new(config: Arc<SessionConfig>, presented: Presented, private: PrivateResponse) -> Self {
        let Presented { first, others, several } = presented;
        let since_ms = if first.is_some() { config.clock.now_ms() } else { 0 };
        let (id, signer) = first.unzip();
        let state = State { signer, looked_ms: since_ms, others, several, ..State::new(id) };
        Self::with(config, private, since_ms, state)
    }

    fn with(config: Arc<SessionConfig>, private: PrivateResponse, since_ms: u64, state: State) -> Self {
        let inner =
            Inner { config, private, since_ms, state: Mutex::new(state), asking: tokio::sync::Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Whether the client came with a session that exists.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`].
    pub async fn exists(&self) -> Result<bool, SessionError> {
        self.read(|record, _| record.is_some()).await
    }

    /// Gives the session another id, in the same step that writes its changes. Call it when the user's rights grow, at
    /// login above all: an id that an attacker slipped to the client beforehand does not get them.
    ///
    /// The old id keeps the old rights until a request uses the new one (see [rotations](super#rotations)). To take rights
    /// away, change the attributes first and [commit](Self::commit), or end the session. An id that the client was not told
    /// of yet is not rotated again.
    ///
    /// # Errors
    /// [`SessionError::Closed`] or [`SessionError::ReadOnly`].
    pub fn rotate(&self) -> Result<(), SessionError> {
        let mut state = self.used()?;
        state.check_open()?;
        if state.detached {
            return Err(SessionError::Closed);
        }
        state.pending.rotate = true;
        Ok(())
    }

    /// Ends the session: it is removed from the store, and its cookie from the client. What is inserted afterwards begins
    /// another one: a message for the next page, such as "You are logged out".
    ///
    /// The session ends also if the handler fails after this, if an inner timeout cuts it off, and if the client goes away.
    /// If the client came with several cookies of the name, all their sessions end.
    ///
    /// # Errors
    /// [`SessionError::Closed`] where the response was sent.
    pub fn destroy(&self) -> Result<(), SessionError> {
        let mut state = self.used()?;
        if state.closed {
            return Err(SessionError::Closed);
        }
        state.pending = Pending { destroy: true, ..Pending::default() };
        Ok(())
    }

    /// Writes what was changed so far now, instead of after the handler: for handlers that have to know that it is
    /// written, or that it could not be, and for what goes on behind the response's head (see [`detach`](Self::detach)).
    /// What has been committed is not written again.
    ///
    /// # Errors
    /// [`SessionError::Gone`] where the session has ended in the meantime, [`SessionError::Conflict`] and
    /// [`SessionError::Moved`] where another request got in between, [`SessionError::TooLarge`] where too much was
    /// [put](Self::put), [`SessionError::ReadOnly`], [`SessionError::Unavailable`] where the store cannot be asked; in the
    /// last case the changes are kept, and are tried again after the handler.
    pub async fn commit(&self) -> Result<(), SessionError> {
        self.used()?.check_open()?;
        self.flush().await
    }

    /// A handle of its own for what goes on after the response's head was sent: a stream of events, a WebSocket. The layer
    /// does not commit it: call [`commit`](Self::commit). No cookie can be sent any more, so that it can neither begin a
    /// session nor rotate one.
    #[must_use]
    pub fn detach(&self) -> Self {
        let (config, private) = (Arc::clone(&self.inner.config), PrivateResponse::default());
        let (state, sealed) = match self.used() {
            Ok(state) => (state, false),
            // Its use is an error, as this one's is.
            Err(_) => (self.state(), true),
        };
        let unreadable = state.unreadable || state.read_only;
        let (signer, others) = (state.signer, state.others.clone());
        let detached = State { unreadable, signer, others, sealed, detached: true, ..State::new(state.id.clone()) };
        drop(state);
        Self::with(config, private, self.inner.since_ms, detached)
    }

    /// The store's name for the session, by which it can be told among a user's: see
    /// [`UserSessions`](super::UserSessions). `None` where there is none yet.
    #[must_use]
    pub fn key(&self) -> Option<SessionKey> {
        self.used().ok()?.id.as_ref().map(|id| id.key().clone())
    }

    /// When the user logged in: when [`set_principal`](Self::set_principal) was committed last. `None` if the session has
    /// no principal. For actions that ask for a recent login.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`].
    pub async fn authenticated_at(&self) -> Result<Option<SystemTime>, SessionError> {
        let since_epoch = |ms| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms));
        self.read(|record, _| record.and_then(|record| record.authenticated_ms).and_then(since_epoch)).await
    }

    /// Says whose session this is, by the user's name or number, so that it is among those that
    /// [`UserSessions`](super::UserSessions) lists and ends. At login, together with [`rotate`](Self::rotate): then the session's
    /// lifetime begins anew.
    ///
    /// # Errors
    /// As [`rotate`](Self::rotate); [`SessionError::NoAbsoluteLifetime`] where sessions could live for ever, because then
    /// the list could not forget them.
    pub fn set_principal(&self, user: impl AsRef<str>) -> Result<(), SessionError> {
        if self.inner.config.lifetime.absolute_ms.is_none() {
            return Err(SessionError::NoAbsoluteLifetime);
        }
        self.change(|pending| pending.principal = Some(Some(PrincipalKey::of(user.as_ref()))))
    }

    /// Says that it is nobody's session any more, though it goes on.
    ///
    /// # Errors
    /// As [`rotate`](Self::rotate).
    pub fn clear_principal(&self) -> Result<(), SessionError> {
        self.change(|pending| pending.principal = Some(None))
    }

    /// Gives the session a lifetime of its own, in place of the layer's, or none any more: "remember me". It rules the store
    /// and the cookie, which the browser keeps for as long, or [until it is closed](Lifetime::until_closed).
    ///
    /// ```
    /// # use axum_upstash::session::{Lifetime, Session, SessionError};
    /// # use std::time::Duration;
    /// async fn log_in(session: Session, remember: bool) -> Result<(), SessionError> {
    ///     let day = Duration::from_secs(86_400);
    ///     session.rotate()?;
    ///     session.set_principal("user:7")?;
    ///     session.set_lifetime(remember.then(|| Lifetime::new(30 * day, Some(90 * day))))?;
    ///     session.insert("user", 7).await
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`rotate`](Self::rotate); [`SessionError::NoAbsoluteLifetime`] if it has no absolute lifetime and the layer's has
    /// one.
    pub fn set_lifetime(&self, lifetime: impl Into<Option<Lifetime>>) -> Result<(), SessionError> {
        let lifetime = lifetime.into();
        let endless = lifetime.is_some_and(|lifetime| lifetime.absolute_ms.is_none());
        if endless && self.inner.config.lifetime.absolute_ms.is_some() {
            return Err(SessionError::NoAbsoluteLifetime);
        }
        self.change(|pending| pending.lifetime = Some(lifetime))
    }

    /// Says where the session is used, all of it anew.
    ///
    /// # Errors
    /// As [`rotate`](Self::rotate).
    pub fn set_details(&self, details: DeviceInfo) -> Result<(), SessionError> {
        self.change(|pending| pending.details = Some(details))
    }

    fn change(&self, change: impl FnOnce(&mut Pending)) -> Result<(), SessionError> {
        let mut state = self.used()?;
        state.check_open()?;
        change(&mut state.pending);
        Ok(())
    }

    /// Reads what is stored and what was changed.
    pub(super) async fn read<R>(&self, read: impl FnOnce(Option<&Record>, &Pending) -> R) -> Result<R, SessionError> {
        self.load().await?;
        let mut state = self.state();
        let (record, pending) = state.view();
        Ok(read(record, pending))
    }

    /// Changes what is pending, with what is stored in view.
    pub(super) async fn write<R>(
        &self,
        write: impl FnOnce(Option<&Record>, &mut Pending) -> Result<R, SessionError>,
    ) -> Result<R, SessionError> {
        self.load().await?;
        let mut state = self.state();
        state.check_open()?;
        let (record, pending) = state.view();
        write(record, pending)
    }

    /// Changes what is pending, with what is known in view.
    pub(super) fn write_unread<R>(
        &self,
        write: impl FnOnce(Option<&Record>, &mut Pending) -> Result<R, SessionError>,
    ) -> Result<R, SessionError> {
        let mut state = self.used()?;
        state.check_open()?;
        if state.unreadable && !state.pending.destroy {
            // Whoever has tried to read it writes something that would have come of that.
            return Err(SessionError::ReadOnly);
        }
        let unread = matches!(state.content, Content::Unknown) && !state.pending.destroy;
        let (record, pending) = state.view();
        let written = write(record, pending)?;
        pending.unread |= unread;
        Ok(written)
    }

    /// Says that the response depends on the session, if there is still a head to say it.
    pub(super) fn used(&self) -> Result<MutexGuard<'_, State>, SessionError> {
        let mut state = self.state();
        if state.sealed {
            return Err(SessionError::HeadSent);
        }
        state.used = true;
        self.inner.private.mark();
        Ok(state)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the client has to learn, and whether the response depends on the session: the head is written now, and it is
    /// too late for a first use. What could not be committed is not tried again.
    pub(super) fn conclude(&self) -> (CookieUpdate, bool) {
        let mut state = self.state();
        let told = if state.has_news() { state.told(self.inner.config.clock.now_ms()) } else { CookieUpdate::Nothing };
        state.sealed = !state.used;
        if !state.pending.is_empty() {
            state.pending = Pending::default();
        }
        (told, state.used)
    }

    pub(super) fn private(&self) -> PrivateResponse {
        self.inner.private.clone()
    }

    pub(super) fn config(&self) -> &Arc<SessionConfig> {
        &self.inner.config
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Session")
            .field("has_id", &state.id.is_some())
            .field("loaded", &!matches!(state.content, Content::Unknown))
            .finish_non_exhaustive()
    }
}
