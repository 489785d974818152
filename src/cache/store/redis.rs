use super::{CacheStore, Lease, Looked, LookedMany, Put};
use crate::{
    CircuitBreaker, Error, ErrorKind,
    redis::{RELEASE, Redis, Script},
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use std::time::Duration;

static LOOK: Script = Script::new(include_str!("lookup.lua"));
static LOOK_MANY: Script = Script::new(include_str!("lookup_many.lua"));
static PUT: Script = Script::new(include_str!("put.lua"));
static INVALIDATE: Script = Script::new(include_str!("invalidate.lua"));
static RENEW: Script = Script::new(include_str!("renew.lua"));

/// Entries of one namespace in Redis.
#[derive(Debug)]
pub(in crate::cache) struct RedisCacheStore {
    redis: Redis,
    /// The begin of all keys, whose braces keep a namespace in one slot of a cluster.
    base: String,
}

impl RedisCacheStore {
    pub(in crate::cache) fn new(redis: Redis, prefix: &str, namespace: &str) -> Self {
        let plain = |text: &str| text.replace('%', "%25").replace('{', "%7B").replace('}', "%7D");
        Self { redis, base: format!("{{{}:{}}}", plain(prefix), plain(namespace)) }
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
}

impl CacheStore for RedisCacheStore {
    fn look<'a>(
        &'a self,
        name: &'a str,
        version: u32,
        eager: Option<f64>,
        lease: Option<&'a Lease>,
    ) -> BoxFuture<'a, Result<Looked, Error>> {
        Box::pin(async move {
            let (lease_name, ttl_ms) = lease.map_or(("", 0), |lease| (&*lease.name, millis(lease.ttl)));
            let call = self.redis.script(&LOOK).key(self.stamps()).key(self.entry(name)).key(self.lease(name));
            let call = call.arg(lease_name).arg(ttl_ms).arg(version);
            let call = call.arg(eager.map_or_else(String::new, |part| part.to_string())).repeatable();
            let (now_us, entry, leads) = call.query::<(String, Option<Bytes>, u8)>().await?;
            Ok(Looked { now_us: time(&now_us)?, entry, leads: leads == 1 })
        })
    }

    fn peek<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(Option<Bytes>, u64), Error>> {
        Box::pin(async move {
            let mut found = self.redis.mget::<Option<Bytes>>(&[self.entry(name), self.latest()]).await?.into_iter();
            let entry = found.next().flatten();
            // What cannot be read is later than any entry.
            let latest =
                found.next().flatten().map_or(Some(0), |latest| std::str::from_utf8(&latest).ok()?.parse().ok());
            Ok((entry, latest.unwrap_or(u64::MAX)))
        })
    }

    fn look_many<'a>(&'a self, names: &'a [&'a str]) -> BoxFuture<'a, Result<LookedMany, Error>> {
        Box::pin(async move {
            let mut call = self.redis.script(&LOOK_MANY).key(self.stamps());
            for name in names {
                call = call.key(self.entry(name));
            }
            let mut found = call.repeatable().query::<Vec<Option<Bytes>>>().await?;
            let now_us = found.first_mut().and_then(Option::take).unwrap_or_default();
            let now_us = time(std::str::from_utf8(&now_us).unwrap_or_default())?;
            found.remove(0);
            found.resize(names.len(), None);
            Ok(LookedMany { now_us, entries: found })
        })
    }

    fn put<'a>(&'a self, puts: &'a [Put<'a>]) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            let mut call = self.redis.script(&PUT);
            for put in puts {
                call = call
                    .key(self.entry(put.name))
                    .key(self.lease(put.name))
                    .arg(put.lease.unwrap_or_default())
                    .arg(put.created_us.map_or_else(String::new, |created| created.to_string()))
                    .arg(millis(put.lives.fresh))
                    .arg(millis(put.lives.stale))
                    .arg(millis(put.lives.on_error))
                    .arg(millis(put.lives.longest()).max(1))
                    .arg(millis(put.took))
                    .arg(put.version)
                    .arg(put.tags.join(" "))
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

    fn remove<'a>(&'a self, names: &'a [&'a str]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let keys: Vec<String> = names.iter().flat_map(|name| [self.entry(name), self.lease(name)]).collect();
            self.redis.unlink(&keys).repeatable().await.map(drop)
        })
    }

    fn invalidate<'a>(&'a self, tags: &'a [Box<str>], longest: Duration) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let mut call =
                self.redis.script(&INVALIDATE).key(self.stamps()).key(self.latest()).arg(millis(longest).max(1));
            for tag in tags {
                call = call.arg(&**tag);
            }
            call.repeatable().query::<i64>().await.map(drop)
        })
    }

    fn breaker(&self) -> CircuitBreaker {
        self.redis.breaker()
    }
}

fn time(text: &str) -> Result<u64, Error> {
    text.parse().map_err(|_| Error::new(ErrorKind::Decode, "the script of the cache did not give the time"))
}

fn millis(duration: Duration) -> u64 {
    // As numbers of Lua are, exact to a microsecond for 200 years.
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).min(1 << 42)
}
