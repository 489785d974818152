use super::{
    QueryKey,
    doubts::Doubts,
    flight::{Flights, SharedResponse},
    key::Key,
    store::{Record, Records, ResponseStore},
    stored_response::StoredResponse,
    vary::{self, VarySpec},
};
use crate::{
    CircuitBreaker, Clock, Error, ErrorKind,
    background::Background,
    in_progress::{InProgress, Since},
    rt::random_u64,
};
use futures_core::future::BoxFuture;
use http::{HeaderMap, HeaderName};
use quick_cache::sync as quick;
use std::{fmt, future::Future, sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// How many resources the process remembers something about.
const REMEMBERED: usize = 4096;
/// Invalidations at a time that no response waits for. Beyond them responses wait.
const MAX_DEFERRED: usize = 256;
/// How long requests for a resource that could not be shared do not wait for each other.
const UNSHARED_MS: u64 = 10_000;
/// The least life of the record that names `Vary`; it outlives its variants, so that it seldom needs a new generation.
const VARY_MS: u64 = 3_600_000;

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) ttl: Option<Duration>,
    pub(super) name: Arc<str>,
    pub(super) prefix: Arc<str>,
    pub(super) query: QueryKey,
    pub(super) invalidates_later: bool,
    pub(super) background: Background,
    /// Whether a request waits for another one's response.
    pub(super) single_flight: bool,
    pub(super) body_limit: usize,
    pub(super) store_timeout: Duration,
    pub(super) wait_timeout: Duration,
    pub(super) clock: Clock,
    pub(super) request_directives: bool,
    pub(super) set_cookie: bool,
    pub(super) etag: bool,
}

/// The knowledge of this process beside the store. All of it is bounded, and losing it costs time only.
pub(super) struct Local {
    pub(super) flights: Arc<Flights>,
    specs: quick::Cache<Arc<str>, Arc<VarySpec>>,
    /// Separate for requests with `Authorization`: their responses say nothing about those of others.
    unshared: [quick::Cache<Arc<str>, u64>; 2],
    pub(super) in_progress: Arc<InProgress>,
    pub(super) doubts: Doubts,
    /// Invalidations that no response waits for.
    pub(super) deferred: Arc<Semaphore>,
}

impl Local {
    pub(super) fn new() -> Self {
        Self {
            flights: Arc::default(),
            specs: quick::Cache::new(REMEMBERED),
            unshared: [quick::Cache::new(REMEMBERED), quick::Cache::new(REMEMBERED)],
            in_progress: Arc::default(),
            doubts: Doubts::default(),
            deferred: Arc::new(Semaphore::new(MAX_DEFERRED)),
        }
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").field("flights", &self.flights).finish_non_exhaustive()
    }
}

/// The store and the settings behind all requests through one service.
pub(super) struct Cache {
    pub(super) settings: Settings,
    pub(super) store: Arc<dyn ResponseStore>,
    pub(super) breaker: CircuitBreaker,
    pub(super) local: Arc<Local>,
}

/// A response and its place in the store.
#[derive(Debug, Clone)]
pub(super) struct Placement {
    pub(super) shared: SharedResponse,
    /// The record under the primary key that leads to the variant, if that must be written.
    pointer: Option<Arc<VarySpec>>,
}

/// Its name in the log.
const STORE: &str = "response store";

/// The outcome of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Put {
    Done,
    /// Nothing was sent, or the store has refused it.
    Refused,
    /// It may arrive yet.
    Unknown,
}

fn may_arrive(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::Server | ErrorKind::Decode)
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Stored,
    Failed,
    /// The resource was changed meanwhile, and the written response is deleted.
    Outdated,
}

impl Cache {
    pub(super) fn now_ms(&self) -> u64 {
        self.settings.clock.now_ms()
    }

    /// Asks the store; an outage is a miss.
    pub(super) fn find(self: &Arc<Self>, key: &Key, variant: Option<Arc<str>>) -> BoxFuture<'static, Records> {
        let (cache, key) = (Arc::clone(self), key.shared());
        Box::pin(async move { cache.ask(cache.store.get(&key, variant.as_deref())).await.unwrap_or_default() })
    }

    /// Writes a response, unless the resource is changed before that is done.
    pub(super) fn write(
        self: &Arc<Self>,
        key: &Key,
        placement: &Placement,
        ttl_ms: u64,
        since: Since,
    ) -> BoxFuture<'static, Written> {
        let (cache, key, placement) = (Arc::clone(self), key.clone(), placement.clone());
        Box::pin(async move {
            let began_ms = cache.now_ms();
            // Whether older responses are out of reach once this is stored: of variants beside it nothing is known.
            let replaces = placement.shared.spec.is_none() || placement.pointer.is_some();
            let mut unknown = UnknownWrite { cache: &cache, key: Some(&key) };
            let put = cache.put(&key, placement, ttl_ms).await;
            let is_stored = put == Put::Done;
            if put != Put::Unknown {
                unknown.key = None;
            }
            // The deletion of a change in the meantime may have come before the write. A write that failed may have
            // come through all the same.
            if since.is_changed() {
                cache.delete(&key, 1).await;
                return Written::Outdated;
            }
            if is_stored && replaces {
                cache.settle(&key, began_ms, 1);
            }
            if is_stored { Written::Stored } else { Written::Failed }
        })
    }

    async fn put(&self, key: &Key, placement: Placement, ttl_ms: u64) -> Put {
        let SharedResponse { response, key: place, .. } = placement.shared;
        let ttl = Duration::from_millis(ttl_ms);
        let put = self.put_one(&place, Record::response(response), ttl).await;
        // The variant first, and what the process remembers last: nothing leads to what is not there yet.
        let (Put::Done, Some(spec)) = (put, placement.pointer) else { return put };
        let ttl = Duration::from_millis(spec.until_ms.saturating_sub(self.now_ms()));
        let put = self.put_one(key.as_str(), Record::vary(Arc::clone(&spec)), ttl).await;
        if put == Put::Done {
            self.remember(key, &spec);
        }
        put
    }

    async fn put_one(&self, key: &str, record: Record, ttl: Duration) -> Put {
        let Ok(permit) = self.breaker.permit(self.settings.store_timeout) else { return Put::Refused };
        match permit.call(STORE, self.store.put(key, record, ttl)).await {
            Ok(()) => Put::Done,
            Err(error) if may_arrive(&error) => Put::Unknown,
            Err(_) => Put::Refused,
        }
    }

    /// Forgets a resource with all its variants. What a handler is making of it at this moment is not stored either.
    pub(super) fn invalidate(self: &Arc<Self>, key: &Key) -> BoxFuture<'static, ()> {
        self.local.in_progress.change(key.as_str());
        // Now, and not with the first poll: the request may be given up.
        self.distrust(key);
        let (cache, key) = (Arc::clone(self), key.clone());
        Box::pin(async move { cache.delete(&key, 0).await })
    }

    /// Lets `work` go on without the response, if the settings say so. Gives it back if the response has to wait for it.
    pub(super) fn defer(&self, work: BoxFuture<'static, ()>) -> Option<BoxFuture<'static, ()>> {
        if !self.settings.invalidates_later {
            return Some(work);
        }
        let Ok(permit) = Arc::clone(&self.local.deferred).try_acquire_owned() else { return Some(work) };
        let deferred = async move {
            work.await;
            drop(permit);
        };
        self.settings.background.drive(deferred).err()
    }

    /// Deletes what is stored. `making` is 1 if the caller makes the resource itself.
    async fn delete(&self, key: &Key, making: usize) {
        let now_ms = self.distrust(key);
        if self.ask(self.store.delete(key.as_str())).await.is_some() {
            self.settle(key, now_ms, making);
        }
    }

    /// The store has nothing from before `since_ms` any more, unless another request is about to write it: that one finds
    /// out that the resource has changed only when its write is done.
    fn settle(&self, key: &Key, since_ms: u64, making: usize) {
        if self.local.in_progress.requests(key.as_str()) <= making {
            self.local.doubts.settle(key.as_str(), since_ms);
        }
    }

    /// Until the store has deleted it, or has a newer one, nothing that it has of the resource is used.
    fn distrust(&self, key: &Key) -> u64 {
        let now_ms = self.now_ms();
        self.local.specs.remove(key.as_str());
        self.local.doubts.add_deletion(key.shared(), now_ms);
        now_ms
    }

    /// An outage is in the breaker's log, and `None`.
    async fn ask<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Option<T> {
        self.breaker.call(STORE, self.settings.store_timeout, answer).await.ok()
    }

    /// The `Vary` that was last seen of a resource.
    pub(super) fn recall(&self, key: &Key) -> Option<Arc<VarySpec>> {
        self.local.specs.get(key.as_str())
    }

    pub(super) fn remember(&self, key: &Key, spec: &Arc<VarySpec>) {
        self.local.specs.insert(key.shared(), Arc::clone(spec));
    }

    /// Whether a response of this resource was lately not for others, so that waiting for one is idle.
    pub(super) fn is_unshared(&self, key: &Key, authorized: bool) -> bool {
        self.unshared(authorized).get(key.as_str()).is_some_and(|until_ms| until_ms > self.now_ms())
    }

    pub(super) fn mark_unshared(&self, key: &Key, authorized: bool) {
        self.unshared(authorized).insert(key.shared(), self.now_ms().saturating_add(UNSHARED_MS));
    }

    pub(super) fn mark_shared(&self, key: &Key, authorized: bool) {
        self.unshared(authorized).remove(key.as_str());
    }

    fn unshared(&self, authorized: bool) -> &quick::Cache<Arc<str>, u64> {
        &self.local.unshared[usize::from(authorized)]
    }

    /// Chooses the key of a response that varies by `names`, for a request with these headers.
    ///
    /// A resource that once varied keeps varying by all names seen: handlers that say `Vary` only in some answers are
    /// common, and more names only mean fewer hits.
    pub(super) fn place(
        &self,
        key: &Key,
        known: Option<Arc<VarySpec>>,
        names: Vec<HeaderName>,
        request: &HeaderMap,
        (response, since): (Arc<StoredResponse>, Since),
        ttl_ms: u64,
    ) -> Placement {
        let now_ms = self.now_ms();
        let known = known.filter(|spec| spec.until_ms > now_ms);
        if names.is_empty() && known.is_none() {
            return Placement {
                shared: SharedResponse { response, since, key: key.shared(), spec: None },
                pointer: None,
            };
        }
        if let Some(spec) = known.as_ref().filter(|spec| spec.covers(&names, now_ms.saturating_add(ttl_ms))) {
            let variant = spec.variant(key, request);
            return Placement { shared: SharedResponse { response, since, key: variant, spec: known }, pointer: None };
        }
        let mut names: Vec<HeaderName> = names.into_iter().chain(known.iter().flat_map(|s| s.names.clone())).collect();
        vary::sort(&mut names);
        // Never a generation that was used: the record may have been deleted since it was read, and with it all
        // variants of that generation.
        let spec = Arc::new(VarySpec {
            names,
            generation: random_u64(),
            until_ms: now_ms.saturating_add(ttl_ms.saturating_mul(2).max(VARY_MS)),
        });
        let variant = spec.variant(key, request);
        Placement {
            shared: SharedResponse { response, since, key: variant, spec: Some(Arc::clone(&spec)) },
            pointer: Some(spec),
        }
    }
}

/// A write whose end is not known, or whose caller was dropped: its response is not used.
struct UnknownWrite<'a> {
    cache: &'a Cache,
    key: Option<&'a Key>,
}

impl Drop for UnknownWrite<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.cache.local.specs.remove(key.as_str());
            self.cache.local.doubts.add_write(key.shared(), self.cache.now_ms());
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("settings", &self.settings).finish_non_exhaustive()
    }
}
