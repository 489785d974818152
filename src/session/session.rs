use super::{
    DeviceInfo, Lifetime, PrincipalKey, SessionError, SessionKey,
    changes::{Alone, Changes},
    commit::CommitResult,
    config::SessionConfig,
    inner::Inner,
    state::{Access, Content, Owner},
    store::{Change, Record},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, sync::Arc, time::SystemTime};

/// The number of tries of an [`update`](Session::update) while other requests change the same attribute.
const TRIES: usize = 16;

/// The session of a request: an extractor, and a handle to read and change it.
///
/// Nothing is loaded before it is needed. Nothing is written before the handler is done or [commits](Self::commit); then
/// all changes go in one step. Attributes are JSON by name. Cloning is cheap, and clones are the same session.
///
/// Any use marks the response as [`PrivateResponse`](crate::PrivateResponse).
///
/// ```
/// use axum::{Router, body::{Body, to_bytes}, routing::get};
/// use axum_upstash::{Upstash, session::{Session, SessionError}};
/// use http::{Request, header::{COOKIE, SET_COOKIE}};
/// use tower::ServiceExt;
///
/// async fn visit(session: Session) -> Result<String, SessionError> {
///     let visits: u32 = session.get("visits").await?.unwrap_or(0) + 1;
///     session.insert("visits", visits).await?;
///     Ok(visits.to_string())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let app = Router::new().route("/", get(visit)).layer(upstash.session_layer());
///
/// let first = app.clone().oneshot(Request::get("/").body(Body::empty())?).await?;
/// let cookie = first.headers()[SET_COOKIE].to_str()?.split(';').next().unwrap().to_owned();
/// let second = app.oneshot(Request::get("/").header(COOKIE, cookie).body(Body::empty())?).await?;
/// assert_eq!(to_bytes(second.into_body(), 16).await?, "2");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

impl Session {
    pub(super) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Whether the client came with a session that exists.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`] if the session cannot be loaded.
    pub async fn exists(&self) -> Result<bool, SessionError> {
        self.read(|record, _| record.is_some()).await
    }

    /// The value of an attribute.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`] if the session cannot be loaded, [`SessionError::Value`] if the attribute is not a
    /// `T`.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        self.read(|record, changes| changes.text(record, name).map(|text| from_text(name, text)).transpose()).await?
    }

    /// Sets an attribute. A session that does not exist yet begins with it. The value that it was loaded with is no
    /// change.
    ///
    /// # Errors
    /// If the session cannot be loaded or written, see [`SessionError`]. The other attributes are left as they are.
    #[doc(alias = "set")]
    #[allow(clippy::needless_pass_by_value, reason = "callers give literals and fresh values")]
    pub async fn insert(&self, name: &str, value: impl Serialize) -> Result<(), SessionError> {
        let text = to_text(name, &value)?;
        let limit = self.config().size_limit;
        self.write(|record, changes| changes.set(record, name, text, limit)).await
    }

    /// Sets an attribute without loading the session: one request to the store instead of two, for handlers that read
    /// nothing of it. If the session is loaded already, it is the same as [`insert`](Self::insert).
    ///
    /// The commit finds out the rest. A session that has ended begins anew with the attribute. A session that becomes too
    /// large is refused with [`SessionError::TooLarge`].
    ///
    /// The commit loads the session after all if it has to: to let it and its cookie live on, about once in a tenth of the
    /// idle time; if its cookie was signed by an old key; beside a [rotation](Self::rotate), a principal or a device; after
    /// a load that failed; and with [`ConflictPolicy::Reject`](super::ConflictPolicy::Reject). Then it is as with `insert`.
    ///
    /// ```
    /// # use axum_upstash::session::{Session, SessionError};
    /// async fn set_theme(session: Session) -> Result<(), SessionError> {
    ///     session.insert_without_load("theme", "dark")
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert), except those of a load. [`SessionError::ReadOnly`] if this request has tried to read
    /// the session and could not.
    #[doc(alias = "put")]
    #[allow(clippy::needless_pass_by_value, reason = "as insert")]
    pub fn insert_without_load(&self, name: &str, value: impl Serialize) -> Result<(), SessionError> {
        let text = to_text(name, &value)?;
        let limit = self.config().size_limit;
        let mut state = self.inner.used()?;
        state.check_open()?;
        if state.access == Access::Unreadable && !state.changes.destroy {
            // A value that depends on a failed read would be wrong.
            return Err(SessionError::ReadOnly);
        }
        let unread = matches!(state.content, Content::Unknown) && !state.changes.destroy;
        let (record, changes) = state.view();
        changes.set(record, name, text, limit)?;
        changes.unread |= unread;
        Ok(())
    }

    /// Removes an attribute, and returns whether it was there. The removal of an absent attribute is no change.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub async fn remove(&self, name: &str) -> Result<bool, SessionError> {
        self.write(|record, changes| {
            let was = changes.text(record, name).is_some();
            changes.unset(record, name);
            Ok(was)
        })
        .await
    }

    /// Removes every attribute. The session itself goes on; [`destroy`](Self::destroy) ends it.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub async fn clear(&self) -> Result<(), SessionError> {
        self.write(|record, changes| {
            changes.clear(record);
            Ok(())
        })
        .await
    }

    /// Makes an attribute's new value from its old one, and writes it at once, alone. If another request writes the
    /// attribute in between, it is tried again, so nothing is lost. For counters and lists that parallel requests add to.
    ///
    /// It costs a commit of its own, and a load for each time that it is tried again.
    ///
    /// ```
    /// # use axum_upstash::session::{Session, SessionError};
    /// async fn add_to_cart(session: Session) -> Result<(), SessionError> {
    ///     session.update("cart", |cart: Option<Vec<u32>>| [cart.unwrap_or_default(), vec![7]].concat()).await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert) and [`commit`](Self::commit); [`SessionError::Conflict`] if others were faster sixteen
    /// times.
    pub async fn update<T: DeserializeOwned + Serialize>(
        &self,
        name: &str,
        change: impl Fn(Option<T>) -> T,
    ) -> Result<T, SessionError> {
        let limit = self.config().size_limit;
        // What comes after is another session's; and a rotation whose answer was lost may have been done.
        if self.write(|_, changes| Ok(changes.destroy || (changes.rotate && changes.next.is_some()))).await? {
            self.inner.flush().await?;
        }
        for attempt in 0..TRIES {
            if attempt > 0 {
                self.inner.reload().await?;
            }
            let (stored, mine, doubtful) = self
                .read(|record, changes| {
                    let stored = record.and_then(|record| record.fields.get(name)).cloned();
                    (stored, changes.fields.get(name).cloned(), changes.doubtful)
                })
                .await?;
            // An uncommitted change of this request comes first, whatever others have written.
            let old = mine.clone().unwrap_or_else(|| stored.clone());
            let value = change(old.as_deref().map(|text| from_text(name, text)).transpose()?);
            let text = to_text(name, &value)?;
            // As if it were set, for the size.
            self.write(|record, changes| changes.clone().set(record, name, text.clone(), limit)).await?;
            if mine.is_none() && !doubtful && stored.as_deref() == Some(&text) {
                return Ok(value);
            }
            let alone = Alone { name: name.to_owned(), text, stored, mine };
            match self.inner.send(Some(alone)).await {
                Ok(CommitResult::Done) => return Ok(value),
                Ok(CommitResult::Unread) | Err(SessionError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(SessionError::Conflict)
    }

    /// Gives the session another id, in the same step that writes its changes. Call it when the user's rights grow, above
    /// all at login: an id that an attacker slipped to the client beforehand does not get them.
    ///
    /// The old id keeps the old rights until a request uses the new one (see [rotations](super#rotations)). To take rights
    /// away, change the attributes first and [commit](Self::commit), or end the session. An id that the client was not told
    /// of yet is not rotated again.
    ///
    /// # Errors
    /// [`SessionError::Closed`] or [`SessionError::ReadOnly`].
    #[doc(alias = "cycle_id")]
    #[doc(alias = "regenerate")]
    pub fn rotate(&self) -> Result<(), SessionError> {
        let mut state = self.inner.used()?;
        state.check_open()?;
        if state.owner == Owner::Detached {
            return Err(SessionError::Closed);
        }
        state.changes.rotate = true;
        Ok(())
    }

    /// Forgets the session, which the store has ended. After the response there is nothing to begin.
    pub(super) fn begin_anew(&self) {
        if let Ok(mut state) = self.inner.used() {
            state.changes = Changes::default();
            state.ended();
        }
    }

    /// Whether the store's record of it was loaded, with this principal.
    pub(super) fn is_known_to_be_of(&self, principal: &PrincipalKey) -> bool {
        let state = self.inner.state();
        state.content.record().is_some_and(|record| record.principal.as_ref() == Some(principal))
    }

    /// Ends the session: it is removed from the store, and its cookie from the client. An attribute that is inserted
    /// afterwards begins another session, such as the message "You are logged out" for the next page.
    ///
    /// The session ends also if the handler fails after this, if an inner timeout cuts it off, and if the client goes away.
    /// If the client came with several cookies of the name, all their sessions end.
    ///
    /// # Errors
    /// [`SessionError::Closed`] if the response was sent.
    #[doc(alias = "delete")]
    #[doc(alias = "flush")]
    pub fn destroy(&self) -> Result<(), SessionError> {
        let mut state = self.inner.used()?;
        if state.owner == Owner::Closed {
            return Err(SessionError::Closed);
        }
        state.changes = Changes { destroy: true, ..Changes::default() };
        Ok(())
    }

    /// Writes the changes now, instead of after the handler: for handlers that must know whether the changes are written,
    /// and for work behind the response's head (see [`detach`](Self::detach)). Committed changes are not written again.
    ///
    /// # Errors
    /// - [`SessionError::Gone`] if the session has ended in the meantime.
    /// - [`SessionError::Conflict`] and [`SessionError::Moved`] if another request got in between.
    /// - [`SessionError::TooLarge`] if too much was [inserted without a load](Self::insert_without_load).
    /// - [`SessionError::ReadOnly`].
    /// - [`SessionError::Unavailable`] if the store fails. The changes are kept, and are tried again after the handler.
    pub async fn commit(&self) -> Result<(), SessionError> {
        self.inner.used()?.check_open()?;
        self.inner.flush().await
    }

    /// A handle of its own for work after the response's head was sent: a stream of events, a WebSocket.
    ///
    /// The layer does not commit it: call [`commit`](Self::commit). No cookie can be sent any more, so the handle can
    /// neither begin a session nor rotate one.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self::new(self.inner.detach())
    }

    /// The store's key of the session, which tells it among a user's [sessions](super::UserSessions). `None` if there is no
    /// session yet.
    #[must_use]
    pub fn key(&self) -> Option<SessionKey> {
        self.inner.key()
    }

    /// The time of the login, when [`set_principal`](Self::set_principal) was called: for actions that ask for a recent
    /// one.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`] if the session cannot be loaded.
    pub async fn authenticated_at(&self) -> Result<Option<SystemTime>, SessionError> {
        self.read(|record, _| record.and_then(Record::authenticated_at)).await
    }

    /// Sets the principal: the user's name or number, by which [`UserSessions`](super::UserSessions) lists and ends the
    /// session. Call it at login, together with [`rotate`](Self::rotate): then the session's lifetime begins anew.
    ///
    /// # Errors
    /// As [`rotate`](Self::rotate). [`SessionError::NoAbsoluteLifetime`] if sessions could live for ever, because then the
    /// list could not forget them.
    pub fn set_principal(&self, user: impl fmt::Display) -> Result<(), SessionError> {
        if self.config().lifetime.absolute_ms.is_none() {
            return Err(SessionError::NoAbsoluteLifetime);
        }
        self.change(|changes| changes.principal = Change::Set(PrincipalKey::of(&user.to_string())))
    }

    /// Removes the principal. The session goes on.
    ///
    /// # Errors
    /// As [`rotate`](Self::rotate).
    pub fn clear_principal(&self) -> Result<(), SessionError> {
        self.change(|changes| changes.principal = Change::Clear)
    }

    /// Gives the session a lifetime of its own in place of the layer's, such as "remember me"; `None` removes it.
    ///
    /// It rules the store and the cookie: the browser keeps the cookie for as long, or
    /// [until it is closed](Lifetime::until_closed).
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
    /// As [`rotate`](Self::rotate). [`SessionError::NoAbsoluteLifetime`] if the lifetime has no absolute time and the
    /// layer's has one.
    #[doc(alias = "set_cookie_max_age")]
    #[doc(alias = "set_expiry")]
    pub fn set_lifetime(&self, lifetime: impl Into<Option<Lifetime>>) -> Result<(), SessionError> {
        let lifetime = lifetime.into();
        let endless = lifetime.is_some_and(|lifetime| lifetime.absolute_ms.is_none());
        if endless && self.config().lifetime.absolute_ms.is_some() {
            return Err(SessionError::NoAbsoluteLifetime);
        }
        self.change(|changes| changes.lifetime = lifetime.map_or(Change::Clear, Change::Set))
    }

    /// Sets the device that the session is used from, in place of the known one.
    ///
    /// # Errors
    /// As [`rotate`](Self::rotate).
    pub fn set_device(&self, device: DeviceInfo) -> Result<(), SessionError> {
        self.change(|changes| changes.device = Some(device))
    }

    fn change(&self, change: impl FnOnce(&mut Changes)) -> Result<(), SessionError> {
        let mut state = self.inner.used()?;
        state.check_open()?;
        change(&mut state.changes);
        Ok(())
    }

    /// Reads the stored record and the changes.
    pub(super) async fn read<R>(&self, read: impl FnOnce(Option<&Record>, &Changes) -> R) -> Result<R, SessionError> {
        self.inner.load().await?;
        let mut state = self.inner.state();
        let (record, changes) = state.view();
        Ok(read(record, changes))
    }

    /// Changes the changes, with the stored record in view.
    pub(super) async fn write<R>(
        &self,
        write: impl FnOnce(Option<&Record>, &mut Changes) -> Result<R, SessionError>,
    ) -> Result<R, SessionError> {
        self.inner.load().await?;
        let mut state = self.inner.state();
        state.check_open()?;
        let (record, changes) = state.view();
        write(record, changes)
    }

    pub(super) fn config(&self) -> &Arc<SessionConfig> {
        &self.inner.config
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.inner.state();
        f.debug_struct("Session")
            .field("has_id", &state.id.is_some())
            .field("loaded", &!matches!(state.content, Content::Unknown))
            .finish_non_exhaustive()
    }
}

fn from_text<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, SessionError> {
    serde_json::from_str(text).map_err(|source| SessionError::Value { name: name.to_owned(), source })
}

fn to_text(name: &str, value: &impl Serialize) -> Result<String, SessionError> {
    if name.starts_with('_') {
        return Err(SessionError::ReservedName);
    }
    serde_json::to_string(value).map_err(|source| SessionError::Value { name: name.to_owned(), source })
}
