use super::{
    PrincipalKey, Record, Session, SessionError, SessionKey, SessionRejection, SessionSelector, SessionsOf,
    config::{STORE, SessionConfig},
};
use axum_core::extract::FromRequestParts;
use http::request::Parts;
use std::{fmt, sync::Arc, time::Duration};

/// The sessions of users, by the name that [`Session::set_principal`] was given: for a page "your devices", for "log out
/// everywhere", and for whoever has to end what somebody else has stolen.
///
/// What is ended stays ended: no request that is on its way brings it back, not even by a rotation.
///
/// ```
/// use axum_upstash::session::{KeyRing, MemorySessionStore, Session, SessionError, SessionLayer, UserSessions};
///
/// async fn log_out_everywhere_else(session: Session, sessions: UserSessions) -> Result<String, SessionError> {
///     let user: String = session.get("user").await?.unwrap_or_default();
///     let ended = sessions.revoke_others(&user, &session).await?;
///     Ok(format!("{ended} sessions were ended"))
/// }
///
/// let layer = SessionLayer::new(MemorySessionStore::new(), KeyRing::random().unwrap());
/// let sessions: UserSessions = layer.user_sessions();
/// ```
///
/// It is an extractor, and elsewhere comes from the layer: [`SessionLayer::user_sessions`](super::SessionLayer::user_sessions).
#[derive(Clone)]
pub struct UserSessions {
    config: Arc<SessionConfig>,
}

/// One of a user's sessions.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The store's name for it, by which it can be [revoked](UserSessions::revoke). It is no secret: nobody gets in by it.
    pub key: SessionKey,
    /// When it began, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// When it was last used, in milliseconds since the Unix epoch; up to a tenth of the idle time ago.
    pub seen_ms: u64,
    /// When its user logged in, in milliseconds since the Unix epoch.
    pub authenticated_ms: Option<u64>,
    /// The browser, as [`Session::set_details`] was told.
    pub user_agent: Option<String>,
    /// The network, as [`Session::set_details`] was told.
    pub network: Option<String>,
}

impl SessionInfo {
    fn new(key: SessionKey, record: Record) -> Self {
        let Record { created_ms, seen_ms, authenticated_ms, details, .. } = record;
        Self { key, created_ms, seen_ms, authenticated_ms, user_agent: details.user_agent, network: details.network }
    }

    /// Whether it is the session of this request.
    #[must_use]
    pub fn is(&self, session: &Session) -> bool {
        session.key().as_ref() == Some(&self.key)
    }
}

impl fmt::Debug for SessionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionInfo")
            .field("created_ms", &self.created_ms)
            .field("seen_ms", &self.seen_ms)
            .finish_non_exhaustive()
    }
}

impl UserSessions {
    pub(super) fn new(config: Arc<SessionConfig>) -> Self {
        Self { config }
    }

    /// The sessions of a user that are alive, those used last first.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`].
    pub async fn list(&self, user: impl AsRef<str>) -> Result<Vec<SessionInfo>, SessionError> {
        let principal = PrincipalKey::of(user.as_ref());
        let list = self.config.store.sessions_of(self.query(&principal));
        let list = self.config.breaker.call(STORE, self.longest(), list).await.map_err(SessionError::Unavailable)?;
        let mut list: Vec<SessionInfo> = list.into_iter().map(|(key, record)| SessionInfo::new(key, record)).collect();
        list.sort_by(|one, other| other.seen_ms.cmp(&one.seen_ms).then_with(|| one.created_ms.cmp(&other.created_ms)));
        Ok(list)
    }

    /// Ends one session of a user, and says whether it was there.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`].
    pub async fn revoke(&self, user: impl AsRef<str>, key: &SessionKey) -> Result<bool, SessionError> {
        Ok(self.end(user.as_ref(), SessionSelector::One(key)).await? > 0)
    }

    /// Ends all sessions of a user but this one, and says how many.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`]; some may have ended then.
    pub async fn revoke_others(&self, user: impl AsRef<str>, session: &Session) -> Result<usize, SessionError> {
        match session.key() {
            Some(key) => self.end(user.as_ref(), SessionSelector::Others(&key)).await,
            None => self.end(user.as_ref(), SessionSelector::All).await,
        }
    }

    /// Ends all sessions of a user, and says how many: after a change of the password, or when an account is closed.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`]; some may have ended then.
    pub async fn revoke_all(&self, user: impl AsRef<str>) -> Result<usize, SessionError> {
        self.end(user.as_ref(), SessionSelector::All).await
    }

    async fn end(&self, user: &str, which: SessionSelector<'_>) -> Result<usize, SessionError> {
        let principal = PrincipalKey::of(user);
        let ended = self.config.store.end(self.query(&principal), which);
        self.config.breaker.call(STORE, self.longest(), ended).await.map_err(SessionError::Unavailable)
    }

    /// There may be many, in many steps.
    fn longest(&self) -> Duration {
        self.config.timeout.saturating_mul(10)
    }

    fn query<'a>(&self, principal: &'a PrincipalKey) -> SessionsOf<'a> {
        SessionsOf::new(principal, self.config.lifetime, self.config.clock.now_ms())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for UserSessions {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let session = <Session as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(Self::new(Arc::clone(session.config())))
    }
}

impl fmt::Debug for UserSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSessions").field("store", &self.config.store).finish_non_exhaustive()
    }
}
