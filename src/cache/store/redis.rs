use super::{CacheStore, Change, Changes, Entry, Heard, Lease, Look, Looked, LookedMany, Peeked, Put};
use crate::{
    CircuitBreaker, Error, ErrorKind,
    redis::{PubSubEvent, RELEASE, Redis, Script, ScriptCall, Subscription},
};
use bytes::Bytes;
use futures_core::{Stream, future::BoxFuture};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

static LOOK: Script = Script::new(include_str!("lookup.lua"));
static LOOK_MANY: Script = Script::new(include_str!("lookup_many.lua"));
static PUT: Script = Script::new(include_str!("put.lua"));
static REMOVE: Script = Script::new(include_str!("remove.lua"));
static INVALIDATE: Script = Script::new(include_str!("invalidate.lua"));
static RENEW: Script = Script::new(include_str!("renew.lua"));

/// Instead of an argument that is empty: over REST there is none beside one of any bytes, which a
/// payload may be.
const NOTHING: &str = "-";

/// Entries of one namespace in Redis, under keys that begin with `{<prefix>:<namespace>}`. Each key has an end.
///
/// ```no_run
/// use axum_upstash::{cache::{Cache, store::RedisCacheStore}, redis::Redis};
///
/// # fn make(redis: Redis) {
/// let store = RedisCacheStore::new(redis, "shop", "products");
/// let products = Cache::<u64, String>::with_store("products", store);
/// # }
/// ```
#[derive(Debug)]
pub struct RedisCacheStore {
    redis: Redis,
    /// The begin of all keys, whose braces keep a namespace in one slot of a cluster.
    base: String,
}

impl RedisCacheStore {
    /// The entries of a namespace.
    #[must_use]
    pub fn new(redis: Redis, prefix: impl AsRef<str>, namespace: impl AsRef<str>) -> Self {
        let plain = |text: &str| text.replace('%', "%25").replace('{', "%7B").replace('}', "%7D");
        // The last colon is the one between them.
        let namespace = plain(namespace.as_ref()).replace(':', "%3A");
        Self { redis, base: format!("{{{}:{namespace}}}", plain(prefix.as_ref())) }
    }

    fn entry(&self, name: &str) -> String {
        format!("{}:e:{name}", self.base)
    }

    fn lease(&self, name: &str) -> String {
        format!("{}:lease:{name}", self.base)
    }

    fn latest(&self) -> String {
        format!("{}:latest", self.base)
    }

    fn stamps(&self) -> String {
        format!("{}:stamps", self.base)
    }

    fn channel(&self) -> String {
        format!("{}:changes", self.base)
    }

    /// The channel and the message of a change as arguments of a script, if others hear of it.
    fn announce<'a>(&self, call: ScriptCall<'a>, change: Option<&Change>) -> Result<ScriptCall<'a>, Error> {
        let Some(change) = change else { return Ok(call.arg(NOTHING).arg(NOTHING)) };
        let unwritable = |_| Error::new(ErrorKind::InvalidInput, "the change of the cache cannot be written");
        Ok(call.arg(self.channel()).arg(serde_json::to_string(change).map_err(unwritable)?))
    }
}

impl CacheStore for RedisCacheStore {
    fn look<'a>(&'a self, look: Look<'a>) -> BoxFuture<'a, Result<Looked, Error>> {
        Box::pin(async move {
            let call = |eager: Option<f64>| {
                let call = self.redis.script(&LOOK);
                let call = call.key(self.stamps()).key(self.entry(look.name)).key(self.lease(look.name));
                let call = call.arg(&*look.lease.name).arg(millis(look.lease.ttl)).arg(look.version);
                call.arg(eager.map_or_else(String::new, |part| part.to_string())).repeatable()
            };
            let (mut now_us, mut entry, mut leads) = call(look.eager).query::<(String, Option<Bytes>, u8)>().await?;
            if leads == 0 && entry.as_ref().is_some_and(|entry| Entry::from_bytes(entry).is_none()) {
                // One that only looks like an entry is not fresh.
                (now_us, entry, leads) = call(Some(0.0)).query().await?;
            }
            let entry = entry.as_ref().and_then(Entry::from_bytes);
            Ok(Looked { now_us: time(&now_us)?, entry, leads: leads == 1 })
        })
    }

    fn peek<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Peeked, Error>> {
        Box::pin(async move {
            let mut found = self.redis.mget::<Option<Bytes>>(&[self.entry(name), self.latest()]).await?.into_iter();
            let entry = found.next().flatten().as_ref().and_then(Entry::from_bytes);
            // What cannot be read is later than any entry.
            let latest =
                found.next().flatten().map_or(Some(0), |latest| std::str::from_utf8(&latest).ok()?.parse().ok());
            Ok(Peeked { entry, latest_us: latest.unwrap_or(u64::MAX) })
        })
    }

    fn look_many<'a>(&'a self, names: &'a [&'a str]) -> BoxFuture<'a, Result<LookedMany, Error>> {
        Box::pin(async move {
            let mut call = self.redis.script(&LOOK_MANY).key(self.stamps());
            for name in names {
                call = call.key(self.entry(name));
            }
            let found = call.repeatable().query::<Vec<Option<Bytes>>>().await?;
            let mut found = found.into_iter();
            let now_us = found.next().flatten().unwrap_or_default();
            let now_us = time(std::str::from_utf8(&now_us).unwrap_or_default())?;
            let mut entries: Vec<_> = found.map(|entry| entry.as_ref().and_then(Entry::from_bytes)).collect();
            entries.resize(names.len(), None);
            Ok(LookedMany { now_us, entries })
        })
    }

    fn put<'a>(&'a self, puts: &'a [Put<'a>], change: Option<&'a Change>) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            let mut call = self.announce(self.redis.script(&PUT), change)?;
            for put in puts {
                call = call
                    .key(self.entry(put.name))
                    .key(self.lease(put.name))
                    .arg(put.lease.unwrap_or(NOTHING))
                    .arg(put.created_us.map_or_else(|| NOTHING.to_owned(), |created| created.to_string()))
                    .arg(millis(put.lives.fresh))
                    .arg(millis(put.lives.stale))
                    .arg(millis(put.lives.on_error))
                    .arg(millis(put.lives.longest()).max(1))
                    .arg(put.form)
                    .arg(put.version)
                    .arg(format!(" {}", put.tags.join(" ")))
                    .arg(put.payload.clone());
            }
            call.repeatable().query().await
        })
    }

    fn renew<'a>(&'a self, name: &'a str, lease: &'a Lease) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            let call = self.redis.script(&RENEW).key(self.lease(name)).arg(&*lease.name).arg(millis(lease.ttl));
            Ok(call.repeatable().query::<u8>().await? == 1)
        })
    }

    fn release<'a>(&'a self, name: &'a str, lease: &'a Lease) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let call = self.redis.script(&RELEASE).key(self.lease(name)).arg(&*lease.name);
            call.repeatable().query::<i64>().await.map(drop)
        })
    }

    fn remove<'a>(&'a self, names: &'a [&'a str], change: Option<&'a Change>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let keys: Vec<String> = names.iter().flat_map(|name| [self.entry(name), self.lease(name)]).collect();
            if change.is_none() {
                return self.redis.unlink(&keys).repeatable().await.map(drop);
            }
            let mut call = self.announce(self.redis.script(&REMOVE), change)?;
            for key in keys {
                call = call.key(key);
            }
            call.repeatable().query::<i64>().await.map(drop)
        })
    }

    fn invalidate<'a>(
        &'a self,
        tags: &'a [Box<str>],
        longest: Duration,
        change: Option<&'a Change>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let call = self.redis.script(&INVALIDATE).key(self.stamps()).key(self.latest());
            let mut call = self.announce(call, change)?.arg(millis(longest).max(1));
            for tag in tags {
                call = call.arg(&**tag);
            }
            call.repeatable().query::<i64>().await.map(drop)
        })
    }

    fn changes(&self) -> Option<Changes> {
        // A stream that is lost ends: the caller has to know how long it heard nothing.
        Some(Box::pin(Messages(self.redis.subscribe([self.channel()]).max_reconnects(0))))
    }

    fn breaker(&self) -> Option<CircuitBreaker> {
        Some(self.redis.breaker())
    }
}

/// The changes of a channel.
struct Messages(Subscription);

impl Stream for Messages {
    type Item = Result<Heard, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let unreadable = || Error::new(ErrorKind::Decode, "a message of the cache's channel cannot be read");
            return Poll::Ready(match ready!(Pin::new(&mut self.0).poll_next(cx)) {
                Some(Ok(PubSubEvent::Subscribed { .. })) => Some(Ok(Heard::Open)),
                Some(Ok(PubSubEvent::Message(message))) => {
                    let change = serde_json::from_slice(&message.payload).map(Heard::Change);
                    Some(change.map_err(|_| unreadable()))
                }
                Some(Ok(PubSubEvent::Gap)) => continue,
                Some(Err(error)) => Some(Err(error)),
                None => None,
            });
        }
    }
}

fn time(text: &str) -> Result<u64, Error> {
    text.parse().map_err(|_| Error::new(ErrorKind::Decode, "the script of the cache did not give the time"))
}

fn millis(duration: Duration) -> u64 {
    // As numbers of Lua are, exact to a microsecond for 200 years.
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).min(1 << 42)
}
