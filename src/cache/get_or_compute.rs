use super::{
    computation::Computation,
    context::ComputeContext,
    error::ComputeError,
    event::{CacheEvent, Tier},
    key::{self, CacheKey},
    listener::listen,
    lives::{Freshness, after},
    memory::Slot,
    namespace::Cache,
    shared::Landing,
};
use crate::single_flight::{Leader, Role};
use std::{any::Any, future::Future, sync::Arc};

/// How often a call waits for one whose errors are of another type, before it gives up.
const MAX_FOREIGN_ERRORS: u8 = 10;

impl<K: CacheKey + ?Sized, V: Clone + Send + Sync + 'static> Cache<K, V> {
    /// The value of a key. If there is none that is fresh, it is computed, once for all calls of all processes.
    ///
    /// The computation runs in a task of its own: it goes on if this call is dropped, and its value is kept.
    ///
    /// - A value within [`stale_while_revalidate`](Self::with_stale_while_revalidate) is returned at once.
    /// - One within [`stale_if_error`](Self::with_stale_if_error) is returned if the computation fails, panics or takes
    ///   too long; or, with a [soft timeout](Self::with_soft_timeout), if it takes a while.
    ///
    /// # Errors
    /// The error of the computation, which all calls get that waited for it.
    pub async fn get_or_compute<E, F, Fut>(&self, key: &K, compute: F) -> Result<V, ComputeError<E>>
    where
        E: Send + Sync + 'static,
        F: FnOnce(ComputeContext<V>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<V, E>> + Send + 'static,
    {
        let key = key::name(key);
        let mut compute = Some(compute);
        let mut name: Option<Arc<str>> = None;
        let mut foreign_errors = 0;
        while foreign_errors < MAX_FOREIGN_ERRORS {
            let now_ms = self.settings.clock.now_ms();
            let known = self.shared.memory.get(&key, now_ms);
            let freshness = known.as_ref().map_or(Freshness::Over, |slot| self.shared.memory.freshness(slot, now_ms));
            if let (Freshness::Fresh, Some(slot)) = (freshness, &known) {
                self.settings.observe(CacheEvent::Hit(Tier::Memory));
                if self.is_late(slot, now_ms)
                    && let name = Arc::from(&*key)
                    && let Role::Leader(leader) = self.join(&name, now_ms)
                    && let Some(compute) = compute.take()
                {
                    self.settings.background.run(self.computation(&name, leader, true).run(compute));
                }
                return Ok(slot.value.clone());
            }
            listen(&self.shared, &self.settings);
            let name = name.get_or_insert_with(|| (*key).into());
            if let Some(failure) = self.shared.failure(name, now_ms)
                && let Some(error) = own_error(failure)
            {
                return Err(error);
            }
            let landing = match self.join(name, now_ms) {
                Role::Follower(landing) => landing,
                Role::Leader(leader) => {
                    // Another flight may have landed since.
                    let now_ms = self.settings.clock.now_ms();
                    let again = self.shared.memory.get(name, now_ms);
                    if again.as_ref().is_some_and(|slot| self.shared.memory.freshness(slot, now_ms) == Freshness::Fresh)
                    {
                        continue;
                    }
                    // A read without a task of its own: if this call is dropped, another one takes over.
                    let computation = match self.computation(name, leader, false).find(known.as_deref()).await {
                        Ok(value) => return Ok(value),
                        Err(computation) => computation,
                    };
                    let Some(compute) = compute.take() else { break };
                    let landing = computation.leader.follow();
                    let work = computation.run(compute);
                    if let Err(work) = self.settings.background.drive(work) {
                        // There is nothing to run it on.
                        work.await;
                    }
                    landing
                }
            };
            if let (Freshness::Stale, Some(slot)) = (freshness, &known) {
                self.settings.observe(CacheEvent::Stale(Tier::Memory));
                return Ok(slot.value.clone());
            }
            match landing.await {
                Some(Landing::Value(value)) => return Ok(value),
                Some(Landing::TimedOut) => return Err(ComputeError::TimedOut),
                Some(Landing::Panicked) => return Err(ComputeError::Panicked),
                Some(Landing::Failed(failure)) => {
                    // Of another type: this call computes for itself.
                    if let Some(error) = own_error(failure) {
                        return Err(error);
                    }
                    foreign_errors += 1;
                }
                // The call that led was dropped. There are only so many of them.
                None => {}
            }
        }
        Err(ComputeError::TimedOut)
    }

    fn computation(&self, name: &Arc<str>, leader: Leader<Landing<V>>, is_eager: bool) -> Computation<V> {
        Computation {
            shared: Arc::clone(&self.shared),
            settings: self.settings.clone(),
            name: Arc::clone(name),
            leader,
            is_eager,
            is_alone: false,
        }
    }

    /// Follows a computation that is as young as a value in memory may be old. An older one may be from before an
    /// invalidation by another process, so that the store is asked again.
    fn join(&self, name: &Arc<str>, now_ms: u64) -> Role<Landing<V>> {
        let is_shared = self.shared.store.is_some();
        let is_young = |begun_ms| now_ms < after(begun_ms, self.settings.memory_ttl);
        self.shared.flights.join_if(Arc::clone(name), now_ms, |begun_ms| !is_shared || is_young(begun_ms))
    }

    fn is_late(&self, slot: &Slot<V>, now_ms: u64) -> bool {
        self.settings.eager.is_some_and(|part| slot.ends.is_late(now_ms, part))
    }
}

fn own_error<E: Send + Sync + 'static>(failure: Arc<dyn Any + Send + Sync>) -> Option<ComputeError<E>> {
    failure.downcast().ok().map(ComputeError::Failed)
}
