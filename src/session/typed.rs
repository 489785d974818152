use super::{Session, SessionError, SessionRejection, changes::Changes, store::Record};
use axum_core::extract::FromRequestParts;
use http::request::Parts;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::{fmt, marker::PhantomData};

/// A session that holds the members of a `T`: each of them is an attribute of its own, so that requests which change
/// different members do not undo each other.
///
/// ```
/// use axum_upstash::session::{SessionError, TypedSession};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize)]
/// #[serde(default)]
/// struct Visitor {
///     name: Option<String>,
///     visits: u32,
/// }
///
/// async fn visit(session: TypedSession<Visitor>) -> Result<String, SessionError> {
///     let mut visitor = session.load().await?;
///     visitor.visits += 1;
///     session.store(&visitor).await?;
///     Ok(visitor.visits.to_string())
/// }
/// ```
///
/// `T` is read from what is there: give members that may be absent a default. A session may hold other attributes beside.
pub struct TypedSession<T> {
    session: Session,
    of: PhantomData<fn() -> T>,
}

impl<T> TypedSession<T> {
    /// This session, as a `T`.
    #[must_use]
    pub fn new(session: Session) -> Self {
        Self { session, of: PhantomData }
    }

    /// The session itself.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }
}

impl<T: Serialize + DeserializeOwned> TypedSession<T> {
    /// Returns the value of the session.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`], and [`SessionError::Type`] if the attributes are no `T`.
    pub async fn load(&self) -> Result<T, SessionError> {
        let members = self.session.read(members).await?;
        serde_json::from_value(Value::Object(members)).map_err(SessionError::wrong_type)
    }

    /// Sets every member, and removes those that are `None`; those that are as they were are no change.
    ///
    /// # Errors
    /// As [`Session::insert`]; [`SessionError::Type`] if a `T` has no members. Nothing was changed then.
    pub async fn store(&self, value: &T) -> Result<(), SessionError> {
        let value = serde_json::to_value(value).map_err(SessionError::wrong_type)?;
        let Value::Object(members) = value else {
            return Err(SessionError::wrong_type(serde::ser::Error::custom("it has no members")));
        };
        let limit = self.session.config().size_limit;
        self.session
            .write(|record, changes| {
                let mut changed = changes.clone();
                // Members that a `T` had and has no more, or does not write when they are empty.
                let before = serde_json::from_value::<T>(Value::Object(self::members(record, changes)));
                if let Ok(Ok(Value::Object(before))) = before.map(|before| serde_json::to_value(before)) {
                    let gone = before.keys().filter(|name| !members.contains_key(*name));
                    gone.for_each(|name| changed.unset(record, name));
                }
                for (name, value) in members {
                    if name.starts_with('_') {
                        return Err(SessionError::ReservedName);
                    }
                    match value {
                        // As if it had never been there, which for an `Option` is the same.
                        Value::Null => changed.unset(record, &name),
                        value => changed.set(record, &name, value.to_string(), limit)?,
                    }
                }
                *changes = changed;
                Ok(())
            })
            .await
    }
}

/// All attributes that are JSON.
fn members(record: Option<&Record>, changes: &Changes) -> Map<String, Value> {
    let names = record.into_iter().flat_map(|record| record.fields.keys()).chain(changes.fields.keys());
    let value = |name: &String| serde_json::from_str(changes.text(record, name)?).ok();
    names.filter_map(|name| Some((name.clone(), value(name)?))).collect()
}

impl<T> Clone for TypedSession<T> {
    fn clone(&self) -> Self {
        Self::new(self.session.clone())
    }
}

impl<T> fmt::Debug for TypedSession<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedSession").field(&self.session).finish()
    }
}

impl<T, S: Send + Sync> FromRequestParts<S> for TypedSession<T> {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        <Session as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Self::new)
    }
}
