use super::{
    DeviceInfo, PrincipalKey, Session, SessionError, SessionKey, SessionRejection,
    config::{STORE, SessionConfig},
    store::{Record, SessionSelector, SessionsOf},
};
use axum_core::extract::FromRequestParts;
use http::request::Parts;
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// The sessions of users, by the name given to [`Session::set_principal`]: for a page "your devices", for "log out
/// everywhere", and to end a stolen session.
///
/// An ended session stays ended: no request on its way brings it back, not even by a rotation.
///
/// ```
/// use axum_upstash::session::{KeyRing, Session, SessionError, SessionLayer, UserSessions, store::MemorySessionStore};
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
    /// The session of the request that it was extracted from.
    session: Option<Session>,
}

/// One of a user's sessions.
///
/// ```
/// use axum_upstash::session::{Session, SessionError, UserSessions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// async fn devices(session: Session, sessions: UserSessions) -> Result<String, SessionError> {
///     let list = sessions.list("user:7").await?;
///     let lines = list.iter().map(|info| {
///         let this = if info.is(&session) { " (this one)" } else { "" };
///         format!("{}{this}", info.device.user_agent.as_deref().unwrap_or("unknown"))
///     });
///     Ok(lines.collect::<Vec<_>>().join("\n"))
/// }
/// # let _ = devices;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The store's key of the session, by which it can be [revoked](UserSessions::revoke). It is no secret: it is not a
    /// cookie that works.
    pub key: SessionKey,
    /// The time at which the session began.
    pub created_at: SystemTime,
    /// The time of the last use, up to a tenth of the idle time ago.
    pub seen_at: SystemTime,
    /// The time of the login.
    pub authenticated_at: Option<SystemTime>,
    /// The device, as [`Session::set_device`] set it.
    pub device: DeviceInfo,
}

impl SessionInfo {
    fn new(key: SessionKey, record: Record) -> Self {
        Self {
            key,
            created_at: record.created_at(),
            seen_at: record.seen_at(),
            authenticated_at: record.authenticated_at(),
            device: record.device,
        }
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
            .field("created_at", &self.created_at)
            .field("seen_at", &self.seen_at)
            .finish_non_exhaustive()
    }
}

impl UserSessions {
    pub(super) fn new(config: Arc<SessionConfig>) -> Self {
        Self { config, session: None }
    }

    /// The sessions of a user that are alive, those used last first.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`].
    pub async fn list(&self, user: impl fmt::Display) -> Result<Vec<SessionInfo>, SessionError> {
        let principal = PrincipalKey::of(&user.to_string());
        let list = self.config.store.sessions_of(self.query(&principal));
        let list = self.config.breaker.call(STORE, self.longest(), list).await.map_err(SessionError::Unavailable)?;
        let mut list: Vec<SessionInfo> = list.into_iter().map(|(key, record)| SessionInfo::new(key, record)).collect();
        list.sort_by(|one, other| other.seen_at.cmp(&one.seen_at).then_with(|| one.created_at.cmp(&other.created_at)));
        Ok(list)
    }

    /// Ends one session of a user, and says whether it was there.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`].
    pub async fn revoke(&self, user: impl fmt::Display, key: &SessionKey) -> Result<bool, SessionError> {
        let is_ended = self.end(&user.to_string(), SessionSelector::One(key)).await? > 0;
        if let Some(session) = self.session.as_ref().filter(|session| is_ended && session.key().as_ref() == Some(key)) {
            session.begin_anew();
        }
        Ok(is_ended)
    }

    /// Ends all sessions of a user but this one, and says how many.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`]; some may have ended then.
    pub async fn revoke_others(&self, user: impl fmt::Display, session: &Session) -> Result<usize, SessionError> {
        match session.key() {
            Some(key) => self.end(&user.to_string(), SessionSelector::Others(&key)).await,
            None => self.end(&user.to_string(), SessionSelector::All).await,
        }
    }

    /// Ends all sessions of a user, and says how many: after a change of the password, or when an account is closed.
    ///
    /// If the session of this request is one of them, its changes are dropped, and an attribute that is inserted afterwards
    /// begins another session, such as a message for the next page. That holds for a value that was extracted in the
    /// handler, not for one from [`SessionLayer::user_sessions`](super::SessionLayer::user_sessions).
    ///
    /// # Errors
    /// [`SessionError::Unavailable`]; some may have ended then.
    pub async fn revoke_all(&self, user: impl fmt::Display) -> Result<usize, SessionError> {
        let user = user.to_string();
        let ended = self.end(&user, SessionSelector::All).await?;
        if let Some(session) =
            self.session.as_ref().filter(|session| session.is_known_to_be_of(&PrincipalKey::of(&user)))
        {
            session.begin_anew();
        }
        Ok(ended)
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
        SessionsOf::at(principal, self.config.lifetime, self.config.clock.now_ms())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for UserSessions {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let session = <Session as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(Self { config: Arc::clone(session.config()), session: Some(session) })
    }
}

impl fmt::Debug for UserSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSessions").field("store", &self.config.store).finish_non_exhaustive()
    }
}
