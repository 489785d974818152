use super::{CacheStore, Change, Changes, Entry, Heard, Lease, Look, Looked, LookedMany, Peeked, Put};
use crate::{Clock, Error};
use futures_core::{Stream, future::BoxFuture};
use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::mpsc;

/// A store in memory, which the caches of several "processes" share in a test. It grows without a bound. Feature `testing`.
///
/// ```
/// use axum_upstash::cache::{Cache, store::MemoryCacheStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryCacheStore::new();
/// let [one, two] = [(); 2].map(|()| Cache::<str, u32>::with_store("prices", store.clone()));
/// one.set("tea", 3).await?;
/// assert_eq!(two.get("tea").await, Some(3));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryCacheStore {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

#[derive(Default)]
struct State {
    entries: HashMap<Box<str>, Entry>,
    /// The name of the holder, and the end in microseconds.
    leases: HashMap<Box<str>, (Box<str>, u64)>,
    /// When each tag was invalidated.
    stamps: HashMap<Box<str>, u64>,
    latest_us: u64,
    listeners: Vec<mpsc::UnboundedSender<Change>>,
    /// Times are those of the clock, and all different.
    last_us: u64,
}

impl MemoryCacheStore {
    /// A store without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The state, and the time.
    fn now(&self) -> (MutexGuard<'_, State>, u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.last_us = (state.last_us + 1).max(self.clock.now_ms().saturating_mul(1_000));
        let now_us = state.last_us;
        (state, now_us)
    }
}

impl State {
    fn entry(&self, name: &str, now_us: u64) -> Option<&Entry> {
        self.entries.get(name).filter(|entry| now_us < entry.expires_us())
    }

    fn valid(&self, name: &str, now_us: u64) -> Option<Entry> {
        let entry = self.entry(name, now_us)?;
        let is_valid = |tag: &str| self.stamps.get(tag).is_none_or(|stamp| *stamp < entry.created_us);
        (is_valid("") && entry.tags.iter().all(|tag| is_valid(tag))).then(|| entry.clone())
    }

    fn holder(&self, name: &str, now_us: u64) -> Option<&str> {
        self.leases.get(name).filter(|(_, until_us)| now_us < *until_us).map(|(holder, _)| &**holder)
    }

    fn hold(&mut self, name: &str, lease: &Lease, now_us: u64) {
        let until_us = now_us.saturating_add(u64::try_from(lease.ttl.as_micros()).unwrap_or(u64::MAX));
        self.leases.insert(name.into(), (lease.name.as_str().into(), until_us));
    }

    fn announce(&mut self, change: Option<&Change>) {
        if let Some(change) = change {
            self.listeners.retain(|listener| listener.send(change.clone()).is_ok());
        }
    }
}

impl CacheStore for MemoryCacheStore {
    fn look<'a>(&'a self, look: Look<'a>) -> BoxFuture<'a, Result<Looked, Error>> {
        Box::pin(async move {
            let (mut state, now_us) = self.now();
            let entry = state.valid(look.name, now_us).filter(|entry| entry.version == look.version);
            let is_fresh = entry.as_ref().is_some_and(|entry| entry.is_fresh(now_us, look.eager));
            let leads = !is_fresh && state.holder(look.name, now_us).is_none_or(|holder| holder == look.lease.name);
            if leads {
                state.hold(look.name, look.lease, now_us);
            }
            Ok(Looked { now_us, entry, leads })
        })
    }

    fn peek<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Peeked, Error>> {
        Box::pin(async move {
            let (state, now_us) = self.now();
            Ok(Peeked { entry: state.entry(name, now_us).cloned(), latest_us: state.latest_us })
        })
    }

    fn look_many<'a>(&'a self, names: &'a [&'a str]) -> BoxFuture<'a, Result<LookedMany, Error>> {
        Box::pin(async move {
            let (state, now_us) = self.now();
            Ok(LookedMany { now_us, entries: names.iter().map(|name| state.valid(name, now_us)).collect() })
        })
    }

    fn put<'a>(&'a self, puts: &'a [Put<'a>], change: Option<&'a Change>) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            let (mut state, now_us) = self.now();
            let mut kept = 0;
            for put in puts {
                let is_repeated = put.lease.is_some()
                    && state
                        .entry(put.name, now_us)
                        .is_some_and(|entry| Some(entry.created_us) == put.created_us && entry.payload == put.payload);
                if is_repeated {
                    kept += 1;
                } else if put.lease.is_none_or(|lease| state.holder(put.name, now_us) == Some(lease)) {
                    state.entries.insert(put.name.into(), Entry::of(put, now_us));
                    state.leases.remove(put.name);
                    kept += 1;
                }
            }
            state.announce(change.filter(|_| kept > 0));
            Ok(kept)
        })
    }

    fn renew<'a>(&'a self, name: &'a str, lease: &'a Lease) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            let (mut state, now_us) = self.now();
            let is_held = state.holder(name, now_us) == Some(&lease.name);
            if is_held {
                state.hold(name, lease, now_us);
            }
            Ok(is_held)
        })
    }

    fn release<'a>(&'a self, name: &'a str, lease: &'a Lease) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let (mut state, now_us) = self.now();
            if state.holder(name, now_us) == Some(&lease.name) {
                state.leases.remove(name);
            }
            Ok(())
        })
    }

    fn remove<'a>(&'a self, names: &'a [&'a str], change: Option<&'a Change>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let (mut state, _) = self.now();
            for name in names {
                state.entries.remove(*name);
                state.leases.remove(*name);
            }
            state.announce(change);
            Ok(())
        })
    }

    fn invalidate<'a>(
        &'a self,
        tags: &'a [Box<str>],
        _longest: Duration,
        change: Option<&'a Change>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let (mut state, now_us) = self.now();
            state.latest_us = now_us;
            state.stamps.extend(tags.iter().map(|tag| (tag.clone(), now_us)));
            state.announce(change);
            Ok(())
        })
    }

    fn changes(&self) -> Option<Changes> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.now().0.listeners.push(sender);
        Some(Box::pin(Listening { receiver, is_open: false }))
    }
}

/// The changes that a listener hears.
struct Listening {
    receiver: mpsc::UnboundedReceiver<Change>,
    is_open: bool,
}

impl Stream for Listening {
    type Item = Result<Heard, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !std::mem::replace(&mut self.is_open, true) {
            return Poll::Ready(Some(Ok(Heard::Open)));
        }
        self.receiver.poll_recv(cx).map(|change| change.map(|change| Ok(Heard::Change(change))))
    }
}

/// Without entries: they are the application's.
impl fmt::Debug for MemoryCacheStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryCacheStore")
    }
}
