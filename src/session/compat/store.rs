use super::record::{Stored, Storing};
use crate::{Error, redis::Redis};
use std::{error::Error as _, fmt::Write as _};

/// A store for `tower_sessions::SessionManagerLayer` in Redis, over REST or TCP.
///
/// ```
/// # #[cfg(feature = "tower-sessions-0_15")]
/// # fn with(redis: axum_upstash::redis::Redis) {
/// use axum::Router;
/// use axum_upstash::session::compat::TowerSessionStore;
/// use tower_sessions::SessionManagerLayer;
///
/// let app: Router = Router::new().layer(SessionManagerLayer::new(TowerSessionStore::new(redis)));
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct TowerSessionStore {
    redis: Redis,
    prefix: String,
    on_missing: OnMissing,
}

/// The policy for saving a session that is gone: it has expired, or another request has ended it.
///
/// ```
/// use axum_upstash::session::compat::{OnMissing, TowerSessionStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let store = TowerSessionStore::new(redis).with_on_missing(OnMissing::Ignore);
/// # drop(store);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnMissing {
    /// Saving fails, and tower-sessions answers with 500, so that no client believes that the change was kept.
    #[default]
    Error,
    /// It is stored anew: a logout in another request can be undone by that.
    Recreate,
    /// Nothing happens, as with `tower-sessions-redis-store`.
    Ignore,
}

/// Number of attempts to create an id that is not taken. Of 128 random bits none ever is.
const TRIES: usize = 4;

impl TowerSessionStore {
    /// Keeps sessions in this database, under keys that begin with `tower.sessions:`.
    pub fn new(redis: Redis) -> Self {
        Self { redis, prefix: "tower.sessions:".to_owned(), on_missing: OnMissing::default() }
    }

    /// Sets the prefix of the keys.
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the policy for saving a session that is gone ([`OnMissing`]).
    pub fn with_on_missing(mut self, policy: OnMissing) -> Self {
        self.on_missing = policy;
        self
    }

    fn key(&self, id: &str) -> String {
        [&self.prefix, id].concat()
    }

    /// Whether it was stored. `only` is `NX`, `XX` or nothing.
    async fn set(&self, id: &str, value: &str, expires: i64, only: Option<&'static str>) -> Result<bool, Error> {
        let call = self.redis.cmd("SET").key(self.key(id)).arg(value).arg("EXAT").arg(expires.max(1));
        let call = only.into_iter().fold(call, |call, only| call.arg(only));
        Ok(call.query::<Option<String>>().await?.is_some())
    }

    async fn get(&self, id: &str) -> Result<Option<String>, Error> {
        self.redis.cmd("GET").key(self.key(id)).query().await
    }

    async fn delete(&self, id: &str) -> Result<(), Error> {
        self.redis.cmd("DEL").key(self.key(id)).repeatable().await.map(drop)
    }

    /// Whether it was there to be saved, or is now.
    async fn save(&self, id: &str, value: &str, expires: i64) -> Result<bool, Error> {
        let only = (self.on_missing != OnMissing::Recreate).then_some("XX");
        Ok(self.set(id, value, expires, only).await? || self.on_missing == OnMissing::Ignore)
    }
}

/// With all that it is about: the trait takes nothing but text.
fn text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}

fn encode(data: &std::collections::HashMap<String, serde_json::Value>, expires: i64) -> Result<String, String> {
    serde_json::to_string(&Storing { data, expires }).map_err(|error| error.to_string())
}

fn decode(text: &str) -> Result<Stored, String> {
    serde_json::from_str(text).map_err(|_| "what is stored is no session".to_owned())
}

/// The trait of one version of tower-sessions. They are the same word for word, and of different types.
macro_rules! session_store {
    ($core:ident) => {
        const _: () = {
            use $core::{
                SessionStore,
                session::{Id, Record},
                session_store::{Error as StoreError, Result},
            };

            #[async_trait::async_trait]
            impl SessionStore for TowerSessionStore {
                async fn create(&self, record: &mut Record) -> Result<()> {
                    let expires = record.expiry_date.unix_timestamp();
                    let value = encode(&record.data, expires).map_err(StoreError::Encode)?;
                    for _ in 0..TRIES {
                        let id = record.id.to_string();
                        let created = self.set(&id, &value, expires, Some("NX")).await;
                        if created.map_err(|error| StoreError::Backend(text(&error)))? {
                            return Ok(());
                        }
                        record.id = Id::default();
                    }
                    Err(StoreError::Backend("every id that was tried is taken".to_owned()))
                }

                async fn save(&self, record: &Record) -> Result<()> {
                    let expires = record.expiry_date.unix_timestamp();
                    let value = encode(&record.data, expires).map_err(StoreError::Encode)?;
                    let saved = TowerSessionStore::save(self, &record.id.to_string(), &value, expires).await;
                    if saved.map_err(|error| StoreError::Backend(text(&error)))? {
                        return Ok(());
                    }
                    Err(StoreError::Backend("the session has ended since it was loaded".to_owned()))
                }

                async fn load(&self, id: &Id) -> Result<Option<Record>> {
                    let found = self.get(&id.to_string()).await.map_err(|error| StoreError::Backend(text(&error)))?;
                    let Some(found) = found else { return Ok(None) };
                    let Stored { data, expires } = decode(&found).map_err(StoreError::Decode)?;
                    let expiry_date = cookie::time::OffsetDateTime::from_unix_timestamp(expires)
                        .map_err(|error| StoreError::Decode(error.to_string()))?;
                    Ok(Some(Record { id: *id, data, expiry_date }))
                }

                async fn delete(&self, id: &Id) -> Result<()> {
                    let deleted = TowerSessionStore::delete(self, &id.to_string()).await;
                    deleted.map_err(|error| StoreError::Backend(text(&error)))
                }
            }
        };
    };
}

#[cfg(feature = "tower-sessions-0_15")]
session_store!(tower_sessions_core_0_15);
#[cfg(feature = "tower-sessions-0_14")]
session_store!(tower_sessions_core_0_14);
