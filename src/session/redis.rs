use super::{Action, Commit, Committed, Load, Loaded, Record, SessionKey, SessionStore, record::MOVED_MS};
use crate::{
    Error, ErrorKind,
    redis::{Redis, Script},
};
use futures_core::future::BoxFuture;
use std::collections::BTreeMap;

static LOAD: Script = Script::new(include_str!("load.lua"));
static COMMIT: Script = Script::new(include_str!("commit.lua"));

/// Sessions in Redis: one hash each, one script to load it and one to commit, so one request each.
///
/// A field of the hash is an attribute; `_c` is when the session began, `_v` its version. After a rotation the old key
/// holds `_r`, the new one's name, for ten seconds. The database needs eviction
/// off: Upstash evicts keys with a time to live first, and every session has one
/// ([eviction](https://upstash.com/docs/redis/features/eviction)).
#[derive(Debug, Clone)]
pub struct RedisStore {
    redis: Redis,
    prefix: String,
}

impl RedisStore {
    /// Keeps sessions in this database, under keys that begin with `axum-upstash:session:`.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis, prefix: "axum-upstash:session".to_owned() }
    }

    /// Keys begin with `prefix` and a colon.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    fn key(&self, key: &SessionKey) -> String {
        format!("{}:{}", self.prefix, key.as_str())
    }

    async fn read(&self, Load { key, lifetime, now_ms }: Load<'_>) -> Result<Loaded, Error> {
        let call = self.redis.script(&LOAD).key(self.key(key)).arg(now_ms).arg(lifetime.idle_ms);
        // Beginning the idle time twice is the same as once.
        let call = call.arg(lifetime.absolute_ms.unwrap_or(0)).repeatable();
        let mut fields: BTreeMap<String, String> = call.query().await?;
        if fields.is_empty() {
            return Ok(Loaded::Absent);
        }
        if fields.contains_key("_r") {
            return Ok(Loaded::Moved);
        }
        let mut number = |name: &str| fields.remove(name).and_then(|text| text.parse().ok());
        match (number("_c"), number("_v")) {
            (Some(created_ms), Some(version)) => {
                fields.retain(|name, _| !name.starts_with('_'));
                Ok(Loaded::Found(Record::new(created_ms, version, fields)))
            }
            _ => Err(unreadable("the hash is not a session: _c or _v is missing")),
        }
    }

    async fn write(&self, key: &SessionKey, commit: &Commit) -> Result<Committed, Error> {
        let Commit { action, set, remove, lifetime, now_ms } = commit;
        let mut call = self.redis.script(&COMMIT).key(self.key(key));
        let mut new_key = "";
        if let Action::Rotate { to } = action {
            call = call.key(self.key(to));
            new_key = to.as_str();
        }
        call = call.arg(match action {
            Action::Create => "create",
            Action::Update | Action::Rotate { .. } => "update",
            Action::Destroy => "destroy",
        });
        call = call.arg(*now_ms).arg(lifetime.idle_ms).arg(lifetime.absolute_ms.unwrap_or(0));
        call = call.arg(new_key).arg(MOVED_MS).arg(set.len());
        for field in set {
            call = call.arg((&field.0, &field.1));
        }
        for name in remove {
            call = call.arg(name);
        }
        // Anything else may answer differently the second time, or undo what another request wrote in between.
        if *action == Action::Destroy {
            call = call.repeatable();
        }
        match call.query::<String>().await?.as_str() {
            "" => Ok(Committed::Done),
            "gone" => Ok(Committed::Gone),
            moved => SessionKey::stored(moved)
                .map(Committed::moved)
                .ok_or_else(|| unreadable("the hash is not a session: _r is no key")),
        }
    }
}

fn unreadable(problem: &'static str) -> Error {
    Error::new(ErrorKind::Decode, problem).with_operation("session")
}

impl SessionStore for RedisStore {
    fn load<'a>(&'a self, load: Load<'a>) -> BoxFuture<'a, Result<Loaded, Error>> {
        Box::pin(self.read(load))
    }

    fn commit<'a>(&'a self, key: &'a SessionKey, commit: &'a Commit) -> BoxFuture<'a, Result<Committed, Error>> {
        Box::pin(self.write(key, commit))
    }
}
