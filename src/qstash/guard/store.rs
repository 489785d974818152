#[cfg(feature = "redis")]
use crate::redis::{RELEASE, Redis, SetOptions};
use crate::{
    Error,
    expiring_map::{ExpiringMap, Spare},
};
use std::{fmt, sync::Arc, time::Duration};

/// The value of a message that was handled.
pub(super) const DONE: &str = "done";

/// Messages and tokens that memory holds.
const CAPACITY: usize = 100_000;

/// The back ends that keep the keys of guards.
pub(super) enum Store {
    #[cfg(feature = "redis")]
    Redis(Redis),
    Memory(ExpiringMap<Value>),
}

/// One key with its value and its time to live.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a str,
    pub(super) ttl: Duration,
    /// The time of the guard's clock, for memory.
    pub(super) now_ms: u64,
}

/// A value in memory.
#[derive(Clone)]
pub(super) struct Value {
    text: Arc<str>,
    until_ms: u64,
}

impl Spare for Value {
    /// A message that is in progress is kept for longer than one that is done.
    fn spare(&self) -> u32 {
        u32::from(&*self.text == DONE)
    }
}

impl Entry<'_> {
    fn in_memory(&self) -> (Value, u64) {
        let until_ms = self.now_ms.saturating_add(u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX));
        (Value { text: self.value.into(), until_ms }, until_ms)
    }
}

impl Store {
    pub(super) fn memory() -> Self {
        Self::Memory(ExpiringMap::new(CAPACITY))
    }

    /// Puts the value if there is none, and returns the one that is there instead. One command.
    ///
    /// A value of the caller's own counts as none: it was put by a request whose answer was lost.
    pub(super) async fn put_first(&self, entry: Entry<'_>) -> Result<Option<String>, Error> {
        let found = match self {
            #[cfg(feature = "redis")]
            Self::Redis(redis) => {
                let options = SetOptions::new().if_absent().expire(entry.ttl);
                redis.set_get::<Option<String>>(entry.key, entry.value, options).repeatable().await?
            }
            Self::Memory(keys) => keys.update(entry.key, entry.now_ms, |found: Option<Value>| match found {
                Some(found) => {
                    let text = found.text.to_string();
                    let until_ms = found.until_ms;
                    (Some((found, until_ms)), Some(text))
                }
                None => (Some(entry.in_memory()), None),
            }),
        };
        Ok(found.filter(|found| found != entry.value))
    }

    /// Puts the value in place of any other. One command.
    pub(super) async fn put(&self, entry: Entry<'_>) -> Result<(), Error> {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(redis) => redis.psetex(entry.key, entry.ttl, entry.value).repeatable().await,
            Self::Memory(keys) => {
                keys.update(entry.key, entry.now_ms, |_| (Some(entry.in_memory()), ()));
                Ok(())
            }
        }
    }

    /// Forgets the key if it has this value. A script with two commands.
    pub(super) async fn remove(&self, entry: Entry<'_>) -> Result<(), Error> {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(redis) => {
                let removed = redis.script(&RELEASE).key(entry.key).arg(entry.value).repeatable().query::<i64>();
                removed.await.map(drop)
            }
            Self::Memory(_) => {
                self.remove_now(entry);
                Ok(())
            }
        }
    }

    /// The same at once, if the store is memory; otherwise `false`.
    pub(super) fn remove_now(&self, entry: Entry<'_>) -> bool {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(_) => false,
            Self::Memory(keys) => {
                keys.update(entry.key, entry.now_ms, |found: Option<Value>| {
                    let kept = found.filter(|found| &*found.text != entry.value);
                    (kept.map(|kept| (kept.clone(), kept.until_ms)), ())
                });
                true
            }
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(redis) => f.debug_tuple("Redis").field(redis).finish(),
            Self::Memory(_) => f.write_str("Memory"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn entry<'a>(value: &'a str, now_ms: u64) -> Entry<'a> {
        Entry { key: "k", value, ttl: Duration::from_millis(10), now_ms }
    }

    #[test]
    fn memory_keeps_the_first_value_until_its_time() {
        let store = Store::memory();
        let put_first = |value, now_ms| store.put_first(entry(value, now_ms)).now_or_never().unwrap().unwrap();
        assert_eq!(put_first("a", 0), None);
        assert_eq!(put_first("a", 1), None, "a value of the caller's own");
        assert_eq!(put_first("b", 9).as_deref(), Some("a"));
        assert_eq!(put_first("b", 10), None, "the look did not prolong it");
        store.remove(entry("a", 11)).now_or_never().unwrap().unwrap();
        assert_eq!(put_first("c", 11).as_deref(), Some("b"), "it was another one's to remove");
        store.remove(entry("b", 11)).now_or_never().unwrap().unwrap();
        store.put(entry(DONE, 12)).now_or_never().unwrap().unwrap();
        assert_eq!(put_first("c", 21).as_deref(), Some(DONE));
        assert_eq!(put_first("c", 22), None);
    }
}
