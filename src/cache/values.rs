//! Values without a computation: read, set, removed and invalidated.

use super::{
    context::Choices,
    event::{CacheEvent, Tier},
    key::{self, CacheKey},
    listener::listen,
    lives::Freshness,
    memory::Memory,
    namespace::Cache,
    shared::{OwnChange, Shared, tags_of},
    store::LookedMany,
};
use crate::Error;
use std::{borrow::Cow, sync::Arc, time::Duration};

/// Tags that one script invalidates: a function of Lua takes no more than some thousands of values.
const MAX_TAGS: usize = 1_000;

/// The options of a value that is set.
///
/// ```
/// use axum_upstash::cache::EntryOptions;
/// use std::time::Duration;
///
/// let options = EntryOptions::new().ttl(Duration::from_secs(5)).tags(["drinks"]);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct EntryOptions(Choices);

impl EntryOptions {
    /// The options of the namespace.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the value for so long.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.0.ttl = Some(ttl);
        self
    }

    /// Gives the value tags, up to 100.
    pub fn tags(mut self, tags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.tags = tags.into_iter().map(Into::into).collect();
        self
    }
}

impl<K: CacheKey + ?Sized, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// The value, if it is fresh. Redis that fails is a miss, which the log says.
    ///
    /// One round trip, none if memory has the value.
    pub async fn get(&self, key: &K) -> Option<V> {
        let name = key::name(key);
        if let Some(value) = self.fresh_in_memory(&name, self.settings.clock.now_ms()) {
            self.settings.observe(CacheEvent::Hit(Tier::Memory));
            return Some(value);
        }
        self.find(&[name]).await.pop().flatten()
    }

    /// The values of several keys, in one round trip.
    pub async fn get_many<'a>(&self, keys: impl IntoIterator<Item = &'a K>) -> Vec<Option<V>>
    where
        K: 'a,
    {
        let names: Vec<Cow<'_, str>> = keys.into_iter().map(key::name).collect();
        self.find(&names).await
    }

    /// Whether there is a fresh value.
    pub async fn has(&self, key: &K) -> bool {
        self.get(key).await.is_some()
    }

    fn fresh_in_memory(&self, name: &str, now_ms: u64) -> Option<V> {
        let slot = self.shared.memory.get(name, now_ms)?;
        (self.shared.memory.freshness(&slot, now_ms) == Freshness::Fresh).then(|| slot.value.clone())
    }

    async fn find(&self, names: &[Cow<'_, str>]) -> Vec<Option<V>> {
        let now_ms = self.settings.clock.now_ms();
        let mut values: Vec<Option<V>> = names.iter().map(|name| self.fresh_in_memory(name, now_ms)).collect();
        for _ in values.iter().flatten() {
            self.settings.observe(CacheEvent::Hit(Tier::Memory));
        }
        let missing: Vec<usize> = (0..names.len()).filter(|at| values[*at].is_none()).collect();
        let Some(store) = self.shared.store.as_ref().filter(|_| !missing.is_empty()) else {
            missing.iter().for_each(|_| self.settings.observe(CacheEvent::Miss));
            return values;
        };
        listen(&self.shared, &self.settings);
        let asked: Vec<&str> = missing.iter().map(|at| &*names[*at]).collect();
        let moment = self.shared.memory.moment();
        let watches: Vec<_> = missing.iter().map(|at| self.shared.in_progress.watch((*names[*at]).into())).collect();
        let found = self.shared.call(&self.settings, store.look_many(&asked)).await;
        let nothing = |_| LookedMany { now_us: 0, entries: vec![None; missing.len()] };
        let LookedMany { now_us, entries } = found.unwrap_or_else(nothing);
        for ((at, entry), watch) in missing.into_iter().zip(entries).zip(watches) {
            let slot = entry.and_then(|entry| self.shared.slot(&self.settings, &entry, now_us, moment).ok());
            let now_ms = self.settings.clock.now_ms();
            let is_fresh = slot.as_ref().is_some_and(|slot| slot.ends.freshness(now_ms) == Freshness::Fresh);
            if let Some(slot) = slot {
                if is_fresh {
                    values[at] = Some(slot.value.clone());
                }
                watch.unless_changed(|| self.shared.memory.insert(&(*names[at]).into(), slot));
            }
            self.settings.observe(if is_fresh { CacheEvent::Hit(Tier::Redis) } else { CacheEvent::Miss });
        }
        values
    }

    /// Sets a value, in place of any other and of those that are being computed.
    ///
    /// # Errors
    /// If it cannot be encoded; then nothing is changed. If Redis fails.
    pub async fn set(&self, key: &K, value: V) -> Result<(), Error> {
        self.set_with(key, value, EntryOptions::new()).await
    }

    /// [`set`](Self::set) with options.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if there are more than 100 tags. Otherwise as
    /// [`set`](Self::set).
    pub async fn set_with(&self, key: &K, value: V, options: EntryOptions) -> Result<(), Error> {
        self.put(vec![((*key::name(key)).into(), value)], &options).await
    }

    /// Sets several values in one round trip.
    ///
    /// # Errors
    /// As [`set`](Self::set), for all of them.
    pub async fn set_many<'a>(&self, values: impl IntoIterator<Item = (&'a K, V)>) -> Result<(), Error>
    where
        K: 'a,
    {
        let values = values.into_iter().map(|(key, value)| ((*key::name(key)).into(), value)).collect();
        self.put(values, &EntryOptions::new()).await
    }

    async fn put(&self, values: Vec<(Arc<str>, V)>, EntryOptions(choices): &EntryOptions) -> Result<(), Error> {
        let tags = tags_of(choices)?;
        let mut puts = Vec::new();
        let lives: Vec<_> = values.iter().map(|(_, value)| self.settings.lives(choices.ttl, value)).collect();
        if self.shared.store.is_some() {
            for ((name, value), lives) in values.iter().zip(&lives) {
                puts.push(Shared::put(&self.settings, name, value, *lives, &tags)?);
            }
        }
        listen(&self.shared, &self.settings);
        let moment = self.shared.memory.moment();
        let watches: Vec<_> = values
            .iter()
            .map(|(name, _)| {
                // No computation from an older source may come behind.
                self.shared.forget(name);
                self.shared.in_progress.watch(Arc::clone(name))
            })
            .collect();
        let mut own = None;
        if let Some(store) = self.shared.store.as_ref().filter(|_| !puts.is_empty()) {
            let names: Vec<&str> = puts.iter().map(|put| put.name).collect();
            let change = self.shared.change(&self.settings, &names, &[]);
            self.shared.call(&self.settings, store.put(&puts, change.as_ref().map(OwnChange::change))).await?;
            own = change;
        }
        drop(puts);
        for (((name, value), lives), watch) in values.into_iter().zip(lives).zip(watches) {
            // Of two that are set at once, the store knows which one is the later.
            let is_alone = !watch.since().is_changed() || self.shared.store.is_none();
            self.shared.forget(&name);
            if is_alone {
                let slot = self.shared.new_slot(&self.settings, value, lives, (moment, 0, true), tags.clone());
                self.shared.memory.insert(&name, slot);
            }
        }
        if let Some(own) = own {
            own.done();
        }
        Ok(())
    }

    /// Removes a value, and those of this key that are being computed.
    ///
    /// # Errors
    /// If Redis fails.
    pub async fn remove(&self, key: &K) -> Result<(), Error> {
        let name = key::name(key);
        self.shared.forget(&name);
        if let Some(store) = &self.shared.store {
            let change = self.shared.change(&self.settings, &[&name], &[]);
            self.shared.call(&self.settings, store.remove(&[&name], change.as_ref().map(OwnChange::change))).await?;
            // Another call may have read in between.
            self.shared.forget(&name);
            if let Some(change) = change {
                change.done();
            }
        }
        Ok(())
    }

    /// Invalidates the values that have one of these tags, and those of computations that began before. One round
    /// trip for each thousand.
    ///
    /// # Errors
    /// If Redis fails.
    pub async fn invalidate_tags(&self, tags: impl IntoIterator<Item = impl AsRef<str>>) -> Result<(), Error> {
        let tags: Vec<Box<str>> = tags.into_iter().map(|tag| key::tag(tag.as_ref())).collect();
        for tags in tags.chunks(MAX_TAGS) {
            self.invalidate(tags, |memory| memory.invalidate(tags)).await?;
        }
        Ok(())
    }

    /// Invalidates all values of the namespace, and those of computations that began before. It takes as long for one value
    /// as for a million.
    ///
    /// # Errors
    /// If Redis fails.
    pub async fn clear(&self) -> Result<(), Error> {
        self.invalidate(&["".into()], Memory::clear).await
    }

    async fn invalidate(&self, tags: &[Box<str>], in_memory: impl Fn(&Memory<V>)) -> Result<(), Error> {
        self.shared.invalidate(&in_memory);
        if let Some(store) = &self.shared.store {
            let change = self.shared.change(&self.settings, &[], tags);
            let invalidate = store.invalidate(tags, self.settings.max_life, change.as_ref().map(OwnChange::change));
            self.shared.call(&self.settings, invalidate).await?;
            // Another call may have read in between.
            self.shared.invalidate(&in_memory);
            if let Some(change) = change {
                change.done();
            }
        }
        Ok(())
    }
}
