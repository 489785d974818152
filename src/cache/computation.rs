//! One computation: a lookup in the store, the closure, and what becomes of its value. It runs in a task of its own, so that
//! a call that is dropped leaves those that wait with it in peace.

use super::{
    beside::{both, until_first},
    context::{Choices, ComputeContext},
    event::{CacheEvent, Tier},
    lives::{Freshness, after},
    memory::Slot,
    settings::Settings,
    shared::{Landing, Shared, Unusable, tags_of},
    store::{CacheStore, Lease, Look, Peeked},
};
use crate::{
    in_progress::Watch,
    rt::{Deadline, random_id, sleep, timeout},
    single_flight::Leader,
};
use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

/// The first pause before another look for the value of another process, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(200)];

pub(super) struct Computation<V> {
    pub(super) shared: Arc<Shared<V>>,
    pub(super) settings: Settings<V>,
    pub(super) name: Arc<str>,
    pub(super) leader: Leader<Landing<V>>,
    /// The value is fresh, and is computed ahead of its end.
    pub(super) is_eager: bool,
    /// The store has just failed, and is not asked again.
    pub(super) is_alone: bool,
}

/// What a computation begins with.
struct Begin<V> {
    /// The lease in the store, and the time at which it was taken.
    lease: Option<(Arc<dyn CacheStore>, Lease, u64)>,
    previous: Option<Slot<V>>,
    moment: u64,
}

enum Turn<V> {
    /// There is a value that can be used.
    Found(Slot<V>),
    Compute(Begin<V>),
}

/// The end of the closure.
enum Ended<V, E> {
    Value(V),
    Failed(E),
    TimedOut,
    Panicked,
}

impl<V: Clone + Send + Sync + 'static> Computation<V> {
    pub(super) async fn run<E, F, Fut>(self, compute: F)
    where
        E: Send + Sync + 'static,
        F: FnOnce(ComputeContext<V>) -> Fut + Send,
        Fut: Future<Output = Result<V, E>> + Send,
    {
        // From before the lookup: what changes the key from now on overtakes this computation.
        let watch = self.shared.in_progress.watch(Arc::clone(&self.name));
        let known = self.shared.memory.get(&self.name, self.settings.clock.now_ms()).map(|slot| Slot::clone(&slot));
        let begin = match self.begin(known).await {
            Turn::Found(slot) => {
                let is_fresh = slot.ends.freshness(self.settings.clock.now_ms()) == Freshness::Fresh;
                let event = if is_fresh { CacheEvent::Hit } else { CacheEvent::Stale };
                self.settings.observe(event(Tier::Redis));
                let value = slot.value.clone();
                self.keep(&watch, slot);
                return self.leader.land(Landing::Value(value));
            }
            Turn::Compute(begin) => begin,
        };
        let now_ms = self.settings.clock.now_ms();
        if begin.previous.as_ref().is_none_or(|slot| slot.ends.freshness(now_ms) < Freshness::Stale) {
            self.settings.observe(CacheEvent::Miss);
        }
        let context = ComputeContext::new(begin.previous.as_ref().map(|slot| slot.value.clone()));
        let ended = {
            let limit = self.settings.hard_timeout;
            let compute = caught(|| compute(context.clone()));
            let keep_lease = keep_lease(begin.lease.as_ref().map(|(store, lease, _)| (store, &*self.name, lease)));
            let offer_stale = self.offer_stale(begin.previous.as_ref());
            match timeout(limit, until_first(compute, both(keep_lease, offer_stale))).await {
                Ok(Ok(Ok(value))) => Ended::Value(value),
                Ok(Ok(Err(error))) => Ended::Failed(error),
                Ok(Err(Panic)) => Ended::Panicked,
                Err(_) => Ended::TimedOut,
            }
        };
        match ended {
            Ended::Value(value) => self.succeed(&watch, begin, value, &context.choices()).await,
            Ended::Failed(error) => {
                let error: Arc<dyn Any + Send + Sync> = Arc::new(error);
                if let Some(ttl) = context.choices().keeps_error_for {
                    let until_ms = after(self.settings.clock.now_ms(), ttl);
                    self.shared.keep_failure(&self.name, Arc::clone(&error), until_ms);
                }
                self.fail(&watch, begin, Landing::Failed(error)).await;
            }
            Ended::TimedOut => self.fail(&watch, begin, Landing::TimedOut).await,
            Ended::Panicked => self.fail(&watch, begin, Landing::Panicked).await,
        }
    }

    /// Finds a value that is most likely there, by one command: this process had it a moment ago, and nothing was
    /// invalidated since it was created, as far as is known. Otherwise the computation goes on with a lookup.
    pub(super) async fn find(mut self, known: Option<&Slot<V>>) -> Result<V, Self> {
        let shared = Arc::clone(&self.shared);
        let time = &shared.store_time;
        let is_likely = known.is_some_and(|slot| {
            slot.ends.freshness(self.settings.clock.now_ms()) == Freshness::Fresh && slot.created_us > time.latest_us()
        });
        let Some(store) = shared.store.as_ref().filter(|_| is_likely) else { return Err(self) };
        let watch = self.shared.in_progress.watch(Arc::clone(&self.name));
        let moment = self.shared.memory.moment();
        let peeked = self.shared.call(&self.settings, store.peek(&self.name)).await;
        let (entry, latest_us) = match peeked {
            Ok(Peeked { entry: Some(entry), latest_us }) => (entry, latest_us),
            Ok(_) => return Err(self),
            Err(_) => {
                self.is_alone = true;
                return Err(self);
            }
        };
        if latest_us != u64::MAX {
            time.see_invalidation(latest_us);
        }
        let now_ms = self.settings.clock.now_ms();
        let slot = time.now_us(now_ms).map(|now_us| self.shared.slot(&self.settings, &entry, now_us, moment));
        match slot {
            Some(Ok(mut slot)) if slot.created_us > latest_us && slot.ends.freshness(now_ms) == Freshness::Fresh => {
                self.settings.observe(CacheEvent::Hit(Tier::Redis));
                // A replica may have answered, which is behind.
                slot.until_ms = slot.until_ms.min(after(now_ms, self.settings.memory_ttl));
                let value = slot.value.clone();
                self.keep(&watch, slot);
                self.leader.land(Landing::Value(value.clone()));
                Ok(value)
            }
            _ => Err(self),
        }
    }

    /// Looks for the value of another process, or takes the lease of the computation.
    async fn begin(&self, known: Option<Slot<V>>) -> Turn<V> {
        let moment = self.shared.memory.moment();
        let alone = || Turn::Compute(Begin { lease: None, previous: known.clone(), moment });
        let store = self.shared.store.as_ref().filter(|_| !self.is_alone);
        let (Some(store), Ok(name)) = (store, random_id::<16>()) else { return alone() };
        let lease = Lease { name, ttl: self.settings.lease };
        let until = Deadline::after(self.settings.hard_timeout);
        let (mut pause, mut eager) = (PAUSES[0], self.settings.eager.filter(|_| self.is_eager));
        // There is an entry that this process cannot read, whatever the store takes it for.
        let mut is_unreadable = false;
        loop {
            let moment = self.shared.memory.moment();
            let look = store.look(Look { eager, ..Look::new(&self.name, self.settings.version, &lease) });
            // Without the store, values are computed, and are not shared.
            let Ok(looked) = self.shared.call(&self.settings, look).await else { return alone() };
            self.shared.store_time.learn(looked.now_us, self.settings.clock.now_ms());
            let entry = looked.entry.as_ref();
            let slot = entry.map(|entry| self.shared.slot(&self.settings, entry, looked.now_us, moment));
            let cannot_read = matches!(slot, Some(Err(Unusable::Unreadable)));
            let slot = slot.and_then(Result::ok);
            let now_ms = self.settings.clock.now_ms();
            let freshness = slot.as_ref().map_or(Freshness::Over, |slot| slot.ends.freshness(now_ms));
            match (freshness, slot) {
                (Freshness::Fresh | Freshness::Stale, Some(slot)) if !looked.leads => return Turn::Found(slot),
                (Freshness::Fresh, Some(slot)) if is_unreadable => {
                    // Another process has replaced it.
                    self.release(store, &lease).await;
                    return Turn::Found(slot);
                }
                (_, previous) if looked.leads => {
                    if let (Freshness::Fresh | Freshness::Stale, Some(stale)) = (freshness, &previous) {
                        self.settings.observe(CacheEvent::Stale(Tier::Redis));
                        self.leader.land_for_now(Landing::Value(stale.value.clone()));
                    }
                    let lease = Some((Arc::clone(store), lease, looked.now_us));
                    return Turn::Compute(Begin { lease, previous, moment });
                }
                // It would be in the way for all of its life.
                _ if cannot_read && !is_unreadable => {
                    (is_unreadable, eager) = (true, Some(0.0));
                    continue;
                }
                _ if until.remaining().is_zero() => {
                    return Turn::Compute(Begin { lease: None, previous: None, moment });
                }
                _ => {}
            }
            sleep(pause.min(until.remaining())).await;
            pause = pause.mul_f64(1.5).min(PAUSES[1]);
        }
    }

    /// Lets those who wait have a stale value if the computation takes a while.
    async fn offer_stale(&self, previous: Option<&Slot<V>>) {
        if let (Some(limit), Some(slot)) = (self.settings.soft_timeout, previous) {
            sleep(limit).await;
            if slot.ends.freshness(self.settings.clock.now_ms()) > Freshness::Over {
                self.settings.observe(CacheEvent::Stale(Tier::Redis));
                self.leader.land_for_now(Landing::Value(slot.value.clone()));
            }
        }
    }

    async fn succeed(self, watch: &Watch, begin: Begin<V>, value: V, choices: &Choices) {
        let Self { shared, settings, name, .. } = &self;
        settings.observe(CacheEvent::Computed);
        let tags = tags_of(choices);
        let tags = match tags {
            Ok(tags) if !choices.is_skipped => tags,
            outcome => {
                if let Err(error) = outcome {
                    tracing::warn!(%error, namespace = &*settings.namespace, "a value was computed, and is not kept");
                    settings.observe(CacheEvent::NotStored);
                }
                if let Some((store, lease, _)) = &begin.lease {
                    self.release(store, lease).await;
                }
                return self.leader.land(Landing::Value(value));
            }
        };
        let lives = settings.lives(choices.ttl, &value);
        let (mut is_overtaken, mut is_stored) = (false, false);
        if let Some((store, lease, created_us)) = &begin.lease {
            let stored = match Shared::put(settings, name, &value, lives, &tags) {
                Ok(mut put) => {
                    (put.lease, put.created_us) = (Some(&*lease.name), Some(*created_us));
                    shared.call(settings, store.put(&[put], None)).await
                }
                Err(error) => {
                    self.release(store, lease).await;
                    Err(error)
                }
            };
            match stored {
                Ok(1..) => is_stored = true,
                Ok(0) => {
                    is_overtaken = true;
                    settings.observe(CacheEvent::NotStored);
                }
                Err(error) => {
                    tracing::warn!(error = %error.without_key(), namespace = &*settings.namespace, "a value was not stored");
                    settings.observe(CacheEvent::NotStored);
                }
            }
        }
        if !is_overtaken {
            let created_us = begin.lease.as_ref().map_or(0, |(_, _, created_us)| *created_us);
            let slot = shared.new_slot(settings, value.clone(), lives, (begin.moment, created_us, is_stored), tags);
            self.keep(watch, slot);
        }
        self.leader.land(Landing::Value(value));
    }

    async fn fail(self, watch: &Watch, begin: Begin<V>, landing: Landing<V>) {
        self.settings.observe(CacheEvent::ComputeFailed);
        if let Some((store, lease, _)) = &begin.lease {
            self.release(store, lease).await;
        }
        let now_ms = self.settings.clock.now_ms();
        let usable = begin.previous.filter(|slot| slot.ends.freshness(now_ms) > Freshness::Over);
        let Some(mut slot) = usable else { return self.leader.land(landing) };
        let tier = if begin.lease.is_some() { Tier::Redis } else { Tier::Memory };
        self.settings.observe(CacheEvent::Stale(tier));
        // For a while without another try, and for no longer than memory may hold it.
        let pause_ms = after(now_ms, self.settings.error_pause).min(slot.ends.on_error_ms.max(slot.ends.stale_ms));
        if begin.lease.is_some() {
            slot.ends.fresh_ms = pause_ms;
        } else {
            // There is no store to ask: nothing else ends the pause.
            slot.pause_ms = pause_ms;
        }
        let value = slot.value.clone();
        self.keep(watch, slot);
        self.leader.land(Landing::Value(value));
    }

    /// Keeps a value in memory, unless the key was changed meanwhile.
    fn keep(&self, watch: &Watch, slot: Slot<V>) {
        watch.unless_changed(|| self.shared.memory.insert(&self.name, slot));
    }

    async fn release(&self, store: &Arc<dyn CacheStore>, lease: &Lease) {
        // Otherwise it ends by itself.
        let _ = self.shared.call(&self.settings, store.release(&self.name, lease)).await;
    }
}

/// Prolongs a lease for as long as it is polled, and the lease is held.
async fn keep_lease(held: Option<(&Arc<dyn CacheStore>, &str, &Lease)>) {
    if let Some((store, name, lease)) = held {
        loop {
            sleep(lease.ttl / 3).await;
            if let Ok(false) = store.renew(name, lease).await {
                break;
            }
        }
    }
}

/// The closure or its future panicked.
struct Panic;

/// Runs a closure and its future. A panic of either is an error, so that those who wait hear of it.
async fn caught<T, Fut: Future<Output = T>>(begin: impl FnOnce() -> Fut) -> Result<T, Panic> {
    let future = catch_unwind(AssertUnwindSafe(begin)).map_err(|_| Panic)?;
    let mut future = pin!(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(_) => Poll::Ready(Err(Panic)),
    })
    .await
}
