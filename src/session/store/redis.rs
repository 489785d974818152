use super::{
    Change, Commit, CommitAction, CommitOutcome, Confirm, Load, Loaded, MOVED_MS, Record, Replaced, SessionSelector,
    SessionStore, SessionsOf,
};
use crate::{
    CircuitBreaker, Error, ErrorKind,
    redis::{Cmd, Redis, Script},
    session::{DeviceInfo, Lifetime, PrincipalKey, SessionKey},
};
use futures_core::future::BoxFuture;
use std::{collections::BTreeMap, sync::Arc};

static LOAD: Script = Script::new(include_str!("load.lua"));
static COMMIT: Script = Script::new(include_str!("commit.lua"));
static CONFIRM: Script = Script::new(include_str!("confirm.lua"));
static PRUNE: Script = Script::new(include_str!("prune.lua"));
static END_ONE: Script = Script::new(include_str!("end_one.lua"));
static END_MANY: Script = Script::new(include_str!("end_many.lua"));
static END_ALL: Script = Script::new(include_str!("end_all.lua"));

/// Sessions in one request.
const CHUNK: usize = 500;

/// Limit of the rotations that one request follows, all within seconds.
const MAX_MOVES: usize = 4;

/// Sessions in Redis: one hash each, one script to load it and one to commit, so one request each.
///
/// A field of the hash is an attribute; those that begin with `_` are the store's own: `_c` is when the session began, `_l`
/// when it was last used, `_v` its version, `_p` whose it is, `_t` when that was set, `_i` and `_a` a lifetime of its own.
/// After a rotation the old key has `_s`, the new one's name, and the new one `_o`; a request with the new id leaves `_r`
/// in the place of the old session, for ten seconds. The sessions of a principal are in a sorted set at
/// `<prefix>:of:<principal>`.
///
/// Both scripts write, so that they run on the primary. A commit of one instance is read by the next one, even in a
/// database with read replicas ("Global"), whose plain reads could come from a replica without the commit.
///
/// The database needs eviction off: Upstash evicts keys with a time to live first, and every session has one
/// ([eviction](https://upstash.com/docs/redis/features/eviction)). In a Redis cluster the keys of one commit have to be in
/// one slot: choose a prefix with a hash tag, `{session}`.
///
/// ```
/// use axum_upstash::session::{KeyRing, SessionLayer, store::RedisSessionStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let store = RedisSessionStore::new(redis).with_prefix("shop:session");
/// let layer = SessionLayer::new(store, KeyRing::random()?);
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RedisSessionStore {
    redis: Redis,
    prefix: String,
}

impl RedisSessionStore {
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
        [&self.prefix, ":", key.as_str()].concat()
    }

    fn index(&self, principal: &PrincipalKey) -> String {
        [&self.prefix, ":of:", principal.as_str()].concat()
    }

    async fn read(&self, load: Load<'_>) -> Result<Loaded, Error> {
        let Load { key, lifetime, since_ms, now_ms, others } = load;
        let call = self.redis.script(&LOAD).key(self.key(key)).arg(now_ms).arg(lifetime.idle_ms);
        // Beginning the idle time twice is the same as once.
        let call = call.arg(lifetime.absolute_ms.unwrap_or(0)).arg(MOVED_MS).arg(since_ms);
        let call = others.iter().fold(call, |call, other| call.arg(other.as_str())).repeatable();
        let fields: BTreeMap<String, String> = call.query().await?;
        if fields.is_empty() {
            return Ok(Loaded::Absent);
        }
        if fields.contains_key("_r") {
            return Ok(Loaded::Moved);
        }
        record(fields)
            .map(|record| Loaded::Found(Arc::new(record)))
            .ok_or_else(|| unreadable("the hash is not a session: _c or _v is missing"))
    }

    async fn write(&self, key: &SessionKey, commit: &Commit) -> Result<CommitOutcome, Error> {
        let Commit { action, set, remove, expect, principal, new_principal, device, lifetime, now_ms, .. } = commit;
        let (name, other) = match action {
            CommitAction::Create => ("create", None),
            CommitAction::Fork { of, .. } => ("fork", Some(of)),
            CommitAction::Update => ("update", None),
            CommitAction::Rotate { to } => ("rotate", Some(to)),
            CommitAction::Replace { by } => ("replace", Some(by)),
            CommitAction::Destroy => ("destroy", None),
        };
        let mut keys = vec![self.key(key)];
        let mut place = |key: Option<String>| {
            let Some(key) = key else { return 0 };
            keys.push(key);
            keys.len()
        };
        let other_place = place(other.map(|other| self.key(other)));
        // If the commit leaves the index unchanged, the index is not asked.
        let forks = matches!(action, CommitAction::Fork { .. });
        let stays = new_principal.is_keep() && commit.own_lifetime.is_keep() && matches!(action, CommitAction::Update);
        let moves = !stays && !forks;
        let index = place(principal.as_ref().filter(|_| moves).map(|principal| self.index(principal)));
        let new_index = place(new_principal.as_option().flatten().map(|new| self.index(new)));
        let linked = place(commit.linked.as_ref().map(|linked| self.key(linked)));
        let text = |principal: &Option<PrincipalKey>| principal.as_ref().map(|key| key.as_str().to_owned());
        let new = new_principal.as_option().map(|new| new.map_or("-", PrincipalKey::as_str).to_owned());
        let (mut own_set, mut own_removed) = device.as_ref().map(reserved).unwrap_or_default();
        match commit.own_lifetime {
            Change::Set(own) if own.until_closed => own_set.push(("_k", "0".to_owned())),
            Change::Set(_) | Change::Clear => own_removed.push("_k"),
            Change::Keep => {}
        }

        let call = keys.iter().fold(self.redis.script(&COMMIT), |call, key| call.key(key));
        let mut call = call.arg(name).arg(*now_ms).arg(lifetime.idle_ms).arg(lifetime.absolute_ms.unwrap_or(0));
        call = call.arg(other.map_or("", SessionKey::as_str)).arg(MOVED_MS);
        call = call.arg(other_place).arg(index).arg(new_index);
        let whosever = matches!(action, CommitAction::Fork { afresh: true, .. }).then(|| "*".to_owned());
        call = call.arg(whosever.or(text(principal)).unwrap_or_default()).arg(new.unwrap_or_default());
        call = call.arg(expect.version.map(|version| version.to_string()).unwrap_or_default());
        call = call.arg(set.len() + own_set.len()).arg(remove.len() + own_removed.len()).arg(expect.fields.len());
        call = call.arg(commit.unread.map(|limit| limit.to_string()).unwrap_or_default());
        call = call.arg(commit.grace_ms).arg(commit.since_ms);
        let (idle, absolute) = match commit.own_lifetime {
            Change::Keep => (String::new(), String::new()),
            Change::Clear => ("-".to_owned(), String::new()),
            Change::Set(own) => (own.idle_ms.to_string(), own.absolute_ms.unwrap_or(0).to_string()),
        };
        call = call.arg(idle).arg(absolute).arg(u8::from(commit.begins_anew)).arg(linked);
        for (name, text) in set {
            call = call.arg(name).arg(text);
        }
        for (name, text) in own_set {
            call = call.arg(name).arg(text);
        }
        for name in remove {
            call = call.arg(name);
        }
        for name in own_removed {
            call = call.arg(name);
        }
        for (name, text) in &expect.fields {
            call = call.arg(name).arg(u8::from(text.is_some())).arg(text.as_deref().unwrap_or_default());
        }
        // Anything else may answer differently the second time, or undo what another request wrote in between.
        if matches!(action, CommitAction::Destroy | CommitAction::Rotate { .. }) {
            call = call.repeatable();
        }
        let reply: Vec<String> = call.query().await?;
        let words: Vec<&str> = reply.iter().map(String::as_str).collect();
        match words[..] {
            ["done"] => Ok(CommitOutcome::Done),
            ["gone"] => Ok(CommitOutcome::Gone),
            ["conflict"] => Ok(CommitOutcome::Conflict),
            ["unread"] => Ok(CommitOutcome::Unread),
            ["principal", is] => Ok(CommitOutcome::principal(PrincipalKey::stored(is))),
            ["moved", to] => moved(to).map(CommitOutcome::moved),
            ["linked", with] => moved(with).map(CommitOutcome::linked),
            _ => Err(unreadable("the script answered something else")),
        }
    }

    async fn confirmed(&self, confirm: Confirm<'_>) -> Result<(), Error> {
        let Confirm { key, replaces, principal, .. } = confirm;
        let mut call = self.redis.script(&CONFIRM).key(self.key(key)).key(self.key(replaces));
        if let Some(principal) = principal {
            call = call.key(self.index(principal));
        }
        let call = call.arg(key.as_str()).arg(replaces.as_str()).arg(MOVED_MS);
        call.repeatable().query::<i64>().await?;
        Ok(())
    }

    async fn list(&self, query: SessionsOf<'_>) -> Result<Vec<(SessionKey, Record)>, Error> {
        let index = self.index(query.principal);
        let names: Vec<String> = self.redis.cmd("ZRANGE").key(&index).arg(0).arg(-1).query().await?;
        let keys: Vec<SessionKey> = names.iter().filter_map(|name| SessionKey::stored(name)).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let (mut alive, mut doubtful) = (Vec::new(), Vec::new());
        for keys in keys.chunks(CHUNK) {
            let mut pipeline = self.redis.pipeline();
            let mut slots = Vec::new();
            for key in keys {
                let cmd = Cmd::new("HMGET").key(self.key(key)).arg(&OWN[..]);
                slots.push(pipeline.issue::<Vec<Option<String>>>(cmd));
            }
            let mut results = pipeline.exec().await?;
            for (key, slot) in keys.iter().zip(slots) {
                let values = results.take(slot)?;
                let fields = OWN.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?)));
                let record = record(fields.collect());
                match record.filter(|record| record.principal.as_ref() == Some(query.principal)) {
                    Some(record) if query.lives(&record) => alive.push((key.clone(), record)),
                    // One that seems to be over may be used by an instance whose clock is behind.
                    Some(_) => {}
                    None => doubtful.push(key),
                }
            }
        }
        for doubtful in doubtful.chunks(CHUNK) {
            // By a script, which sees what there is and not what a replica knows of it.
            let call = self.redis.script(&PRUNE).key(&index);
            let call = doubtful.iter().fold(call, |call, key| call.key(self.key(key)));
            call.arg(query.principal.as_str()).repeatable().query::<i64>().await?;
        }
        Ok(alive)
    }

    async fn end_one(&self, query: SessionsOf<'_>, key: &SessionKey) -> Result<usize, Error> {
        let (mut key, mut linked) = (key.clone(), None);
        for _ in 0..MAX_MOVES {
            let mut call = self.redis.script(&END_ONE).key(self.index(query.principal)).key(self.key(&key));
            if let Some(linked) = &linked {
                call = call.key(self.key(linked));
            }
            let call = call.arg(key.as_str()).arg(query.principal.as_str());
            let call = call.arg(linked.as_ref().map_or("", SessionKey::as_str));
            let reply: Vec<String> = call.repeatable().query().await?;
            match reply.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["moved", to] => (key, linked) = (moved(to)?, None),
                ["linked", with] => linked = Some(moved(with)?),
                ["done"] => return Ok(1),
                _ => return Ok(0),
            }
        }
        Ok(0)
    }

    async fn end_all(&self, query: SessionsOf<'_>, keep: Option<&SessionKey>) -> Result<usize, Error> {
        let index = self.index(query.principal);
        let mut keep = keep.cloned();
        let lasts = query.lifetime.absolute_ms.unwrap_or(query.lifetime.idle_ms);
        for _ in 0..MAX_MOVES {
            let mut call = self.redis.script(&END_ALL).key(&index);
            if let Some(keep) = &keep {
                call = call.key(self.key(keep));
            }
            let call = call.arg(keep.as_ref().map_or("", SessionKey::as_str)).arg(lasts).arg(query.principal.as_str());
            let reply: Vec<String> = call.repeatable().query().await?;
            match reply.split_first() {
                Some((word, [to])) if word == "moved" => keep = Some(moved(to)?),
                Some((_, [])) => return Ok(0),
                Some((_, names)) => {
                    // From here on none of them moves, so that these are all.
                    let keys: Vec<SessionKey> = names.iter().filter_map(|name| SessionKey::stored(name)).collect();
                    let mut ended = 0;
                    for keys in keys.chunks(CHUNK) {
                        let call = keys
                            .iter()
                            .fold(self.redis.script(&END_MANY).key(&index), |call, key| call.key(self.key(key)));
                        let call = call.arg(query.principal.as_str());
                        let call = call.arg(keep.as_ref().map_or("", SessionKey::as_str)).arg(MOVED_MS);
                        ended += call.query::<usize>().await?;
                    }
                    return Ok(ended);
                }
                None => break,
            }
        }
        Err(unreadable("the session is rotated again and again"))
    }
}

/// The store's own fields, but for those that only the scripts read.
const OWN: [&str; 13] = ["_c", "_v", "_l", "_p", "_t", "_u", "_n", "_i", "_a", "_k", "_o", "_s", "_d"];

fn record(mut fields: BTreeMap<String, String>) -> Option<Record> {
    let mut own = |name: &str| fields.remove(name);
    fn number(text: Option<String>) -> Option<u64> {
        text?.parse().ok()
    }
    let created_ms = number(own("_c"))?;
    let version = number(own("_v"))?;
    let mut record = Record::begun(created_ms, version, BTreeMap::new());
    record.seen_ms = number(own("_l")).unwrap_or(created_ms);
    record.principal = own("_p").and_then(|text| PrincipalKey::stored(&text));
    record.authenticated_ms = number(own("_t"));
    record.device = DeviceInfo { user_agent: own("_u"), network: own("_n") };
    let absolute_ms = number(own("_a")).filter(|&ms| ms > 0);
    let until_closed = own("_k").is_some();
    record.lifetime = number(own("_i")).map(|idle_ms| Lifetime { idle_ms, absolute_ms, until_closed });
    record.replaces = own("_o").and_then(|text| SessionKey::stored(&text));
    let by = own("_s").and_then(|text| SessionKey::stored(&text));
    record.replaced = by.zip(number(own("_d"))).map(|(by, at_ms)| Replaced { by, at_ms });
    fields.retain(|name, _| !name.starts_with('_'));
    record.fields = fields;
    Some(record)
}

/// As fields: those that are there, and the names of the others.
fn reserved(device: &DeviceInfo) -> (Vec<(&'static str, String)>, Vec<&'static str>) {
    let (mut there, mut absent) = (Vec::new(), Vec::new());
    for (name, value) in [("_u", &device.user_agent), ("_n", &device.network)] {
        match value {
            Some(value) => there.push((name, value.clone())),
            None => absent.push(name),
        }
    }
    (there, absent)
}

fn moved(to: &str) -> Result<SessionKey, Error> {
    SessionKey::stored(to).ok_or_else(|| unreadable("the hash is not a session: _r is no key"))
}

fn unreadable(problem: &'static str) -> Error {
    Error::new(ErrorKind::Decode, problem).with_operation("session")
}

impl SessionStore for RedisSessionStore {
    fn load<'a>(&'a self, load: Load<'a>) -> BoxFuture<'a, Result<Loaded, Error>> {
        Box::pin(self.read(load))
    }

    fn commit<'a>(&'a self, key: &'a SessionKey, commit: &'a Commit) -> BoxFuture<'a, Result<CommitOutcome, Error>> {
        Box::pin(self.write(key, commit))
    }

    fn confirm<'a>(&'a self, confirm: Confirm<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.confirmed(confirm))
    }

    fn breaker(&self) -> Option<CircuitBreaker> {
        Some(self.redis.breaker())
    }

    fn sessions_of<'a>(&'a self, query: SessionsOf<'a>) -> BoxFuture<'a, Result<Vec<(SessionKey, Record)>, Error>> {
        Box::pin(self.list(query))
    }

    fn end<'a>(&'a self, query: SessionsOf<'a>, which: SessionSelector<'a>) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(async move {
            match which {
                SessionSelector::One(key) => self.end_one(query, key).await,
                SessionSelector::Others(keep) => self.end_all(query, Some(keep)).await,
                SessionSelector::All => self.end_all(query, None).await,
            }
        })
    }
}
