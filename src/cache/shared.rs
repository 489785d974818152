use super::{
    channel::Channel,
    context::Choices,
    lives::{Ends, Freshness, Lives, after},
    memory::{Memory, Slot},
    payload::{self, Form},
    settings::Settings,
    store::{CacheStore, Change, Entry, Put},
};
use crate::{CircuitBreaker, Error, ErrorKind, in_progress::InProgress, single_flight::Flights};
use quick_cache::sync as quick;
use std::{
    any::Any,
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

/// The second tier, if there is one.
type SharedStore = Option<Arc<dyn CacheStore>>;

/// Errors that are kept for a while.
const MAX_FAILURES: usize = 10_000;
/// The tags of one value.
const MAX_TAGS: usize = 100;

/// Why an entry has no value for this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It is of another form, version or type.
    Unreadable,
    /// Its time is over.
    Over,
}

/// A change by this process. Until it [is done](Self::done), the store may or may not have it: then this process hears of it
/// as of one by another.
pub(super) struct OwnChange<'a, V: Clone + Send + Sync + 'static> {
    shared: &'a Shared<V>,
    change: Change,
    is_done: bool,
}

impl<V: Clone + Send + Sync + 'static> OwnChange<'_, V> {
    pub(super) fn change(&self) -> &Change {
        &self.change
    }

    pub(super) fn done(mut self) {
        self.is_done = true;
        self.shared.channel.end_change(&self.change, true);
    }
}

impl<V: Clone + Send + Sync + 'static> Drop for OwnChange<'_, V> {
    fn drop(&mut self) {
        if !self.is_done && self.shared.channel.end_change(&self.change, false) {
            self.shared.follow(&self.change);
        }
    }
}

/// The end of a computation, as those see it who wait for it.
#[derive(Clone)]
pub(super) enum Landing<V> {
    Value(V),
    /// An error of the computation, whose type each call knows.
    Failed(Arc<dyn Any + Send + Sync>),
    TimedOut,
    Panicked,
}

/// All that the clones of a cache share.
pub(super) struct Shared<V> {
    pub(super) memory: Memory<V>,
    pub(super) flights: Arc<Flights<Landing<V>>>,
    pub(super) in_progress: Arc<InProgress>,
    /// Errors with the end of their lives.
    failures: quick::Cache<Arc<str>, (Arc<dyn Any + Send + Sync>, u64)>,
    pub(super) store: SharedStore,
    pub(super) store_time: StoreTime,
    pub(super) channel: Channel,
    breaker: CircuitBreaker,
}

/// What this process knows of the clock of the store.
#[derive(Debug)]
pub(super) struct StoreTime {
    /// How far it is ahead of the clock of this process, in microseconds; the least number if it is not known.
    ahead_us: AtomicI64,
    /// The latest invalidation that was seen.
    latest_us: AtomicU64,
}

impl StoreTime {
    pub(super) fn learn(&self, now_us: u64, now_ms: u64) {
        let ahead = i64::try_from(now_us).unwrap_or(0) - i64::try_from(now_ms.saturating_mul(1_000)).unwrap_or(0);
        self.ahead_us.store(ahead, Ordering::Relaxed);
    }

    /// The time of the store now, if it is known.
    pub(super) fn now_us(&self, now_ms: u64) -> Option<u64> {
        let ahead = Some(self.ahead_us.load(Ordering::Relaxed)).filter(|ahead| *ahead != i64::MIN)?;
        now_ms.saturating_mul(1_000).checked_add_signed(ahead)
    }

    pub(super) fn see_invalidation(&self, at_us: u64) {
        self.latest_us.fetch_max(at_us, Ordering::Relaxed);
    }

    pub(super) fn latest_us(&self) -> u64 {
        self.latest_us.load(Ordering::Relaxed)
    }
}

impl<V: Clone + Send + Sync + 'static> Shared<V> {
    pub(super) fn new(capacity: usize, store: SharedStore) -> Self {
        Self {
            memory: Memory::new(capacity),
            flights: Arc::default(),
            in_progress: Arc::default(),
            failures: quick::Cache::new(MAX_FAILURES.min(capacity)),
            breaker: store.as_ref().and_then(|store| store.breaker()).unwrap_or_default(),
            channel: Channel::new(),
            store,
            store_time: StoreTime { ahead_us: AtomicI64::new(i64::MIN), latest_us: AtomicU64::new(0) },
        }
    }

    /// The error that is kept of a key.
    pub(super) fn failure(&self, name: &str, now_ms: u64) -> Option<Arc<dyn Any + Send + Sync>> {
        self.failures.get(name).filter(|(_, until_ms)| now_ms < *until_ms).map(|(failure, _)| failure)
    }

    pub(super) fn keep_failure(&self, name: &Arc<str>, failure: Arc<dyn Any + Send + Sync>, until_ms: u64) {
        self.failures.insert(Arc::clone(name), (failure, until_ms));
    }

    /// Forgets what this process has of a key, and whatever a computation under way brings.
    pub(super) fn forget(&self, name: &str) {
        self.in_progress.change_and(name, || self.memory.remove(name));
        self.flights.detach(name);
        self.failures.remove(name);
    }

    /// Changes what memory knows to be invalid. Computations that began before are left to those who wait for them.
    pub(super) fn invalidate(&self, in_memory: impl FnOnce(&Memory<V>)) {
        in_memory(&self.memory);
        self.flights.detach_all();
    }

    /// Calls the store, if its circuit is not open.
    pub(super) async fn call<T>(
        &self,
        settings: &Settings<V>,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.breaker.call("the cache's store", settings.store_timeout, call).await
    }

    /// What a change tells others, if they listen.
    pub(super) fn change(&self, settings: &Settings<V>, names: &[&str], tags: &[Box<str>]) -> Option<OwnChange<'_, V>> {
        settings.channel_ttl.map(|_| OwnChange {
            shared: self,
            change: self.channel.begin_change(names, tags),
            is_done: false,
        })
    }

    /// Hears of a change. One of this process is known, unless its call has failed.
    pub(super) fn hear(&self, change: &Change) {
        if !self.channel.is_known(change) {
            self.follow(change);
        }
    }

    fn follow(&self, change: &Change) {
        for name in &change.names {
            self.forget(name);
        }
        if change.tags.iter().any(|tag| tag.is_empty()) {
            self.invalidate(Memory::clear);
        } else if !change.tags.is_empty() {
            self.invalidate(|memory| memory.invalidate(&change.tags));
        }
    }

    /// When memory asks the store for a value again, in milliseconds.
    fn until_ms(&self, settings: &Settings<V>, is_stored: bool, now_ms: u64) -> u64 {
        let Some(_) = &self.store else { return u64::MAX };
        // Of a value that is here alone nothing is heard.
        let heard = settings.channel_ttl.filter(|_| is_stored && self.channel.is_open());
        after(now_ms, heard.unwrap_or(settings.memory_ttl))
    }

    /// The slot of an entry that the store gave when its clock showed `now_us`.
    pub(super) fn slot(
        &self,
        settings: &Settings<V>,
        entry: &Entry,
        now_us: u64,
        moment: u64,
    ) -> Result<Slot<V>, Unusable> {
        let read = || {
            let form = Form::of_number(entry.form).filter(|_| entry.version == settings.version)?;
            settings.codec.as_ref()?.decode(&form.read(&entry.payload)?)
        };
        let value = read().ok_or(Unusable::Unreadable)?;
        let now_ms = settings.clock.now_ms();
        let (ends, until_ms) = (entry.ends(now_us, now_ms), self.until_ms(settings, true, now_ms));
        if ends.freshness(now_ms) == Freshness::Over {
            return Err(Unusable::Over);
        }
        let (created_us, tags) = (entry.created_us, entry.tags.as_slice().into());
        Ok(Slot { value, ends, until_ms, pause_ms: 0, moment, created_us, tags })
    }

    /// The slot of a value that was computed or set.
    pub(super) fn new_slot(
        &self,
        settings: &Settings<V>,
        value: V,
        lives: Lives,
        (moment, created_us, is_stored): (u64, u64, bool),
        tags: Vec<Box<str>>,
    ) -> Slot<V> {
        let now_ms = settings.clock.now_ms();
        let ends = Ends::of(lives, now_ms);
        let until_ms = self.until_ms(settings, is_stored, now_ms);
        Slot { value, ends, until_ms, pause_ms: 0, moment, created_us, tags: tags.into() }
    }

    /// An entry for the store.
    pub(super) fn put<'a>(
        settings: &Settings<V>,
        name: &'a str,
        value: &V,
        lives: Lives,
        tags: &'a [Box<str>],
    ) -> Result<Put<'a>, Error> {
        let codec = settings.codec.as_ref().ok_or_else(|| Error::new(ErrorKind::Configuration, "there is no codec"))?;
        let (form, payload) = payload::write(codec.encode(value)?, settings.compression_above);
        Ok(Put {
            name,
            lease: None,
            created_us: None,
            lives,
            form: form.number(),
            version: settings.version,
            tags,
            payload,
        })
    }
}

/// The tags of a value, as they are stored.
pub(super) fn tags_of(choices: &Choices) -> Result<Vec<Box<str>>, Error> {
    if choices.tags.len() > MAX_TAGS {
        return Err(Error::new(ErrorKind::InvalidInput, "a value has more than 100 tags"));
    }
    Ok(choices.tags.iter().map(|tag| super::key::tag(tag)).collect())
}

impl<V> fmt::Debug for Shared<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("memory", &self.memory).field("store", &self.store).finish_non_exhaustive()
    }
}
