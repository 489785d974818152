use super::{
    Action, Commit, Load, Loaded, OnOutage, Record, SessionError, SessionKey, config::SessionConfig, id::SessionId,
};
use crate::{Error, ErrorKind, Personal, http::timeout};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};
use tokio::sync::OnceCell;

/// The session of a request: an extractor, and a handle to read and change it.
///
/// Nothing is loaded before it is needed, and nothing is written before the handler is done; then all changes go in one
/// step. Attributes are JSON by name. Cloning is cheap, and clones are the same session.
///
/// Any use of it marks the response as [`Personal`].
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    config: Arc<SessionConfig>,
    /// The id in a cookie that we signed, and the place of the key that did.
    presented: Option<(SessionId, usize)>,
    /// The store's name for it, made once.
    key: OnceLock<SessionKey>,
    loaded: OnceCell<Loaded>,
    changes: Mutex<Changes>,
    personal: Personal,
}

#[derive(Default)]
struct Changes {
    /// A JSON text, or `None` where the attribute is removed.
    fields: BTreeMap<String, Option<String>>,
    rotate: bool,
    destroy: bool,
    read_only: bool,
    closed: bool,
}

/// What is left to do when the handler is done.
pub(super) enum Plan {
    /// The client's cookie is right.
    Nothing,
    /// The session does not exist: the cookie goes.
    RemoveCookie,
    /// The cookie was signed with an old key.
    Resign(SessionId),
    /// The session has another id, which this request does not know, so its changes have no place.
    Conflict,
    /// The store has work; `id` is the session's name after it. `anew` begins a session under that name with all that
    /// this one knows, for a login that another one overtook.
    Commit { key: SessionKey, commit: Commit, id: SessionId, anew: Option<Box<Commit>> },
}

impl Session {
    pub(super) fn new(config: Arc<SessionConfig>, presented: Option<(SessionId, usize)>, personal: Personal) -> Self {
        let (key, loaded, changes) = (OnceLock::new(), OnceCell::new(), Mutex::default());
        let inner = Inner { config, presented, key, loaded, changes, personal };
        Self { inner: Arc::new(inner) }
    }

    /// The value of an attribute.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`] where the session cannot be loaded, [`SessionError::Value`] where the attribute is
    /// not a `T`.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        let record = self.load().await?;
        let changes = self.changes();
        let stored = || record.and_then(|record| record.fields.get(name));
        let text = match changes.fields.get(name) {
            Some(changed) => changed.as_ref(),
            None if changes.destroy => None,
            None => stored(),
        };
        text.map(|text| serde_json::from_str(text))
            .transpose()
            .map_err(|source| SessionError::Value { name: name.to_owned(), source })
    }

    /// Sets an attribute. A session that does not exist yet begins with it.
    ///
    /// # Errors
    /// Where the session cannot be loaded or written, see [`SessionError`]; the other attributes are left as they are.
    #[allow(clippy::needless_pass_by_value, reason = "callers give literals and fresh values")]
    pub async fn insert(&self, name: &str, value: impl Serialize) -> Result<(), SessionError> {
        if name.starts_with('_') {
            return Err(SessionError::ReservedName);
        }
        let text =
            serde_json::to_string(&value).map_err(|source| SessionError::Value { name: name.to_owned(), source })?;
        let record = self.load().await?;
        let mut changes = self.changes();
        changes.check_open()?;
        let limit = self.inner.config.size_limit;
        if changes.size_with(record, name, &text) > limit {
            return Err(SessionError::TooLarge { limit });
        }
        if record.and_then(|record| record.fields.get(name)) == Some(&text) {
            changes.fields.remove(name);
        } else {
            changes.fields.insert(name.to_owned(), Some(text));
        }
        Ok(())
    }

    /// Removes an attribute, and says whether it was there. One that was not there is no change.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub async fn remove(&self, name: &str) -> Result<bool, SessionError> {
        let record = self.load().await?;
        let mut changes = self.changes();
        changes.check_open()?;
        let stored = record.is_some_and(|record| record.fields.contains_key(name));
        let previous = if stored { changes.fields.insert(name.to_owned(), None) } else { changes.fields.remove(name) };
        Ok(previous.map_or(stored, |changed| changed.is_some()))
    }

    /// Removes every attribute; the session itself goes on.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub async fn clear(&self) -> Result<(), SessionError> {
        let record = self.load().await?;
        let mut changes = self.changes();
        changes.check_open()?;
        changes.fields =
            record.into_iter().flat_map(|record| record.fields.keys().cloned()).map(|name| (name, None)).collect();
        Ok(())
    }

    /// Gives the session another id, in the same step that writes its changes. Call it whenever the user's rights
    /// change, at login above all, so that an id somebody slipped to the client beforehand is worth nothing.
    ///
    /// # Errors
    /// [`SessionError::Closed`] or [`SessionError::ReadOnly`].
    pub fn rotate(&self) -> Result<(), SessionError> {
        self.inner.personal.mark();
        let mut changes = self.changes();
        changes.check_open()?;
        changes.rotate = true;
        Ok(())
    }

    /// Ends the session: it is removed from the store, and its cookie from the client.
    ///
    /// # Errors
    /// [`SessionError::Closed`] where the response was sent.
    pub fn destroy(&self) -> Result<(), SessionError> {
        self.inner.personal.mark();
        let mut changes = self.changes();
        if changes.closed {
            return Err(SessionError::Closed);
        }
        changes.fields.clear();
        changes.destroy = true;
        Ok(())
    }

    /// Whether the client came with a session that exists.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`].
    pub async fn exists(&self) -> Result<bool, SessionError> {
        Ok(self.load().await?.is_some())
    }

    /// Loads the session once, however many ask.
    async fn load(&self) -> Result<Option<&Record>, SessionError> {
        let inner = &*self.inner;
        inner.personal.mark();
        let Some((id, _)) = &inner.presented else { return Ok(None) };
        if self.changes().read_only {
            // The store was asked once; asking again would cost its deadline each time.
            return Ok(None);
        }
        let config = &inner.config;
        let fetch = || async {
            let load = config.store.load(Load::new(self.key(id), config.lifetime, config.clock.now_ms()));
            timeout(config.timeout, load).await.unwrap_or_else(|_| Err(late()))
        };
        match inner.loaded.get_or_try_init(fetch).await {
            Ok(Loaded::Found(record)) => Ok(Some(record)),
            Ok(Loaded::Absent | Loaded::Moved) => Ok(None),
            Err(error) if config.on_outage == OnOutage::Anonymous => {
                tracing::warn!(%error, "session store unavailable, the request goes on without its session");
                self.changes().read_only = true;
                Ok(None)
            }
            Err(error) => Err(SessionError::Unavailable(error)),
        }
    }

    fn key(&self, id: &SessionId) -> &SessionKey {
        self.inner.key.get_or_init(|| id.key())
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.inner.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the time for changes, and says what is to be done.
    ///
    /// # Errors
    /// Where the system has no randomness for a new id.
    pub(super) fn close(&self, keep: bool) -> std::io::Result<Plan> {
        let inner = &*self.inner;
        let mut changes = self.changes();
        changes.closed = true;
        if !keep || (changes.read_only && !changes.destroy) {
            return Ok(Plan::Nothing);
        }
        let commit = |action| Commit::new(action, inner.config.lifetime, inner.config.clock.now_ms());
        let loaded = inner.loaded.get();
        // What was not loaded is taken to exist: the store will say otherwise.
        let existing = inner.presented.as_ref().filter(|_| !matches!(loaded, Some(Loaded::Absent | Loaded::Moved)));
        let moved = matches!(loaded, Some(Loaded::Moved));
        if changes.destroy {
            // Where it moved the store will say so, and it ends there.
            return Ok(match existing.or(inner.presented.as_ref().filter(|_| moved)) {
                Some((id, _)) => Plan::Commit {
                    key: self.key(id).clone(),
                    commit: commit(Action::Destroy),
                    id: id.clone(),
                    anew: None,
                },
                None if inner.presented.is_some() => Plan::RemoveCookie,
                None => Plan::Nothing,
            });
        }
        let fields = std::mem::take(&mut changes.fields);
        let rotate = changes.rotate;
        let (id, key, action) = match existing {
            Some((id, signer)) if fields.is_empty() && !rotate => {
                let current = *signer == 0 || loaded.is_none();
                return Ok(if current { Plan::Nothing } else { Plan::Resign(id.clone()) });
            }
            Some((id, _)) if rotate => {
                let next = SessionId::random()?;
                let action = Action::Rotate { to: next.key() };
                (next, self.key(id).clone(), action)
            }
            Some((id, _)) => (id.clone(), self.key(id).clone(), Action::Update),
            None if fields.values().all(Option::is_none) => {
                // Where it moved, the client has its new cookie from another response, or will have.
                let stale = inner.presented.is_some() && !moved;
                return Ok(if stale { Plan::RemoveCookie } else { Plan::Nothing });
            }
            // A new session's cookie would take the place of the one it has or will have.
            None if moved && !rotate => return Ok(Plan::Conflict),
            None => {
                let id = SessionId::random()?;
                let key = id.key();
                (id, key, Action::Create)
            }
        };
        let anew = match (&action, loaded) {
            (Action::Rotate { .. }, Some(Loaded::Found(record))) => {
                let mut all = record.fields.clone();
                for (name, value) in &fields {
                    match value {
                        Some(text) => drop(all.insert(name.clone(), text.clone())),
                        None => drop(all.remove(name)),
                    }
                }
                let mut anew = commit(Action::Create);
                anew.set = all.into_iter().collect();
                Some(Box::new(anew))
            }
            _ => None,
        };
        let mut commit = commit(action);
        for (name, value) in fields {
            match value {
                Some(text) => commit.set.push((name, text)),
                None => commit.remove.push(name),
            }
        }
        Ok(Plan::Commit { key, commit, id, anew })
    }

    /// Whether the client holds a cookie under the first key for this id.
    pub(super) fn is_presented(&self, id: &SessionId) -> bool {
        self.inner.presented.as_ref().is_some_and(|(presented, signer)| presented == id && *signer == 0)
    }

    pub(super) fn was_used(&self) -> bool {
        self.inner.personal.get()
    }

    pub(super) fn personal(&self) -> Personal {
        self.inner.personal.clone()
    }

    pub(super) fn config(&self) -> &Arc<SessionConfig> {
        &self.inner.config
    }
}

/// The store was too slow.
pub(super) fn late() -> Error {
    Error::new(ErrorKind::Timeout, "the session store did not answer in time")
}

impl Changes {
    fn check_open(&self) -> Result<(), SessionError> {
        match self {
            Self { closed: true, .. } => Err(SessionError::Closed),
            Self { destroy: true, .. } => Err(SessionError::Destroyed),
            Self { read_only: true, .. } => Err(SessionError::ReadOnly),
            _ => Ok(()),
        }
    }

    /// The session's size in bytes if `name` became `text`.
    fn size_with(&self, record: Option<&Record>, name: &str, text: &str) -> usize {
        let stored = record
            .into_iter()
            .flat_map(|record| &record.fields)
            .filter(|(stored, _)| !self.fields.contains_key(*stored) && *stored != name)
            .map(|(name, text)| name.len() + text.len());
        let changed = self
            .fields
            .iter()
            .filter(|(changed, _)| *changed != name)
            .filter_map(|(name, text)| Some(name.len() + text.as_ref()?.len()));
        stored.chain(changed).sum::<usize>() + name.len() + text.len()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("presented", &self.inner.presented.is_some())
            .field("loaded", &self.inner.loaded.initialized())
            .finish_non_exhaustive()
    }
}
