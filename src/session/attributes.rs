//! What a session holds.

use super::{
    Record, Session, SessionError,
    changes::{Alone, Pending},
    commit::CommitResult,
};
use serde::{Serialize, de::DeserializeOwned};

/// So often an [`update`](Session::update) is tried, while others change the same attribute.
const TRIES: usize = 16;

impl Session {
    /// The value of an attribute.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`] where the session cannot be loaded, [`SessionError::Value`] where the attribute is
    /// not a `T`.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        self.read(|record, pending| text(record, pending, name).map(|text| from_text(name, text)).transpose()).await?
    }

    /// Sets an attribute. A session that does not exist yet begins with it. The value that it was loaded with is no change.
    ///
    /// # Errors
    /// Where the session cannot be loaded or written, see [`SessionError`]; the other attributes are left as they are.
    #[allow(clippy::needless_pass_by_value, reason = "callers give literals and fresh values")]
    pub async fn insert(&self, name: &str, value: impl Serialize) -> Result<(), SessionError> {
        let text = to_text(name, &value)?;
        let limit = self.config().size_limit;
        self.write(|record, pending| set(record, pending, name, text, limit)).await
    }

    /// Sets an attribute without looking at the session: one request to the store instead of two, for handlers that ask it
    /// nothing. Where it was loaded before, it is the same as [`insert`](Self::insert).
    ///
    /// What there is to know is found out by the commit: a session that has ended begins anew with what was put, as it does
    /// for whoever looks and finds nothing; and one that becomes too large is refused there, with
    /// [`SessionError::TooLarge`].
    ///
    /// The commit loads the session after all where it has to: to let it and its cookie live on, about once in a tenth of
    /// the idle time; where its cookie was signed by an old key; beside a [rotation](Self::rotate), a principal or details;
    /// after a load that failed; and with [`ConflictPolicy::Reject`](super::ConflictPolicy::Reject). Then it is as with `insert`.
    ///
    /// ```
    /// # use axum_upstash::session::{Session, SessionError};
    /// async fn set_theme(session: Session) -> Result<(), SessionError> {
    ///     session.put("theme", "dark")
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert), but for those of a load; [`SessionError::ReadOnly`] where this request has tried to read
    /// the session and could not.
    #[allow(clippy::needless_pass_by_value, reason = "as insert")]
    pub fn put(&self, name: &str, value: impl Serialize) -> Result<(), SessionError> {
        let text = to_text(name, &value)?;
        let limit = self.config().size_limit;
        self.write_unread(|record, pending| set(record, pending, name, text, limit))
    }

    /// Removes an attribute, and says whether it was there. One that was not there is no change.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub async fn remove(&self, name: &str) -> Result<bool, SessionError> {
        self.write(|record, pending| {
            let was = text(record, pending, name).is_some();
            unset(record, pending, name);
            Ok(was)
        })
        .await
    }

    /// Removes every attribute; the session itself goes on.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub async fn clear(&self) -> Result<(), SessionError> {
        self.write(|record, pending| {
            let stored = record.into_iter().flat_map(|record| record.fields.keys().cloned());
            let changed = std::mem::take(&mut pending.fields).into_keys().filter(|_| pending.doubtful);
            pending.fields = stored.chain(changed).map(|name| (name, None)).collect();
            Ok(())
        })
        .await
    }

    /// Makes an attribute's new value from its old one, and writes it at once, alone: nothing that another request writes
    /// in between is lost, because then it is tried again. For counters and lists that requests in parallel add to.
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
    /// As [`insert`](Self::insert) and [`commit`](Self::commit); [`SessionError::Conflict`] where others were faster
    /// sixteen times.
    pub async fn update<T: DeserializeOwned + Serialize>(
        &self,
        name: &str,
        change: impl Fn(Option<T>) -> T,
    ) -> Result<T, SessionError> {
        let limit = self.config().size_limit;
        // What comes after is another session's; and a rotation whose answer was lost may have been done.
        if self.write(|_, pending| Ok(pending.destroy || (pending.rotate && pending.next.is_some()))).await? {
            self.flush().await?;
        }
        for attempt in 0..TRIES {
            if attempt > 0 {
                self.reload().await?;
            }
            let (stored, mine, doubtful) = self
                .read(|record, pending| {
                    let stored = record.and_then(|record| record.fields.get(name)).cloned();
                    (stored, pending.fields.get(name).cloned(), pending.doubtful)
                })
                .await?;
            // What this request has changed before comes first, whatever others have written.
            let old = mine.clone().unwrap_or_else(|| stored.clone());
            let value = change(old.as_deref().map(|text| from_text(name, text)).transpose()?);
            let text = to_text(name, &value)?;
            // As if it were set, for the size.
            self.write(|record, pending| set(record, &mut pending.clone(), name, text.clone(), limit)).await?;
            if mine.is_none() && !doubtful && stored.as_deref() == Some(&text) {
                return Ok(value);
            }
            let alone = Alone { name: name.to_owned(), text, stored, mine };
            match self.send(Some(alone)).await {
                Ok(CommitResult::Done) => return Ok(value),
                Ok(CommitResult::Unread) | Err(SessionError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(SessionError::Conflict)
    }
}

pub(super) fn text<'a>(record: Option<&'a Record>, pending: &'a Pending, name: &str) -> Option<&'a str> {
    match pending.fields.get(name) {
        Some(changed) => changed.as_deref(),
        None => record?.fields.get(name).map(String::as_str),
    }
}

pub(super) fn set(
    record: Option<&Record>,
    pending: &mut Pending,
    name: &str,
    text: String,
    limit: usize,
) -> Result<(), SessionError> {
    if size_with(record, pending, name, &text) > limit {
        return Err(SessionError::TooLarge { limit });
    }
    if !pending.doubtful && record.and_then(|record| record.fields.get(name)) == Some(&text) {
        pending.fields.remove(name);
    } else {
        pending.fields.insert(name.to_owned(), Some(text));
    }
    Ok(())
}

pub(super) fn unset(record: Option<&Record>, pending: &mut Pending, name: &str) {
    if pending.doubtful || record.is_some_and(|record| record.fields.contains_key(name)) {
        pending.fields.insert(name.to_owned(), None);
    } else {
        pending.fields.remove(name);
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

/// The session's size in bytes if `name` became `text`.
fn size_with(record: Option<&Record>, pending: &Pending, name: &str, text: &str) -> usize {
    size(record, pending, Some(name)) + name.len() + text.len()
}

/// The size in bytes of all attributes but one.
pub(super) fn size(record: Option<&Record>, pending: &Pending, but: Option<&str>) -> usize {
    let leaves_out = |name: &str| Some(name) == but;
    let replaced = |name: &str| leaves_out(name) || pending.fields.contains_key(name);
    let stored = record.map_or(0, |record| record.size_without(replaced));
    let changed = pending.fields.iter().filter(|(name, _)| !leaves_out(name));
    stored + changed.filter_map(|(name, text)| Some(name.len() + text.as_ref()?.len())).sum::<usize>()
}
