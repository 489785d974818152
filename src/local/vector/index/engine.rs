use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Semaphore;

use super::{LocalVectorIndex, quota::Quota, resumable::Resumables, state::State};
use crate::local::{
    clock::LocalClock,
    vector::{
        api::{Cost, Reply, Request},
        embed::Embedder,
        limits::LocalVectorLimits,
        refusal::Refusal,
        store::is_large,
    },
};

/// An index, and what it holds.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) settings: LocalVectorIndex,
    pub(super) shared: Arc<Shared>,
    state: RwLock<State>,
    pub(super) resumables: Resumables,
    quota: Mutex<Quota>,
    /// The records, for a guess how long a request takes.
    records: AtomicU64,
    /// Requests that take every core, one after the other.
    large: Arc<Semaphore>,
}

/// Says that nothing waits for an answer any more, when it is dropped.
struct Abandoned(Arc<AtomicBool>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What all indexes of a server have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) limits: LocalVectorLimits,
    pub(crate) clock: LocalClock,
    /// The time from a write until queries find it.
    pub(crate) delay: Duration,
    pub(crate) embedder: Embedder,
    /// The threads of a scan of many vectors.
    pub(crate) threads: usize,
}

impl Index {
    pub(crate) fn new(settings: LocalVectorIndex, shared: Arc<Shared>) -> Self {
        let state = RwLock::new(State::new(settings.dimension));
        let (resumables, quota) = (Resumables::default(), Mutex::default());
        let (records, large) = (AtomicU64::new(0), Arc::new(Semaphore::new(1)));
        Self { settings, shared, state, resumables, quota, records, large }
    }

    /// Does what a request asks for, in a namespace. It is done as a whole or not at all.
    pub(crate) async fn call(self: &Arc<Self>, namespace: String, request: Request) -> Result<Reply, Refusal> {
        let request = self.embedded(request).await?;
        let (index, cost) = (Arc::clone(self), request.cost());
        let records = usize::try_from(self.records.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let dimension = self.settings.dimension.max(16);
        let work = match cost {
            Cost::Cheap => 0,
            Cost::Scan { scans, filter_bytes } => {
                records.saturating_mul(dimension.saturating_mul(scans).saturating_add(filter_bytes))
            }
        };
        // A request that waits for a long one must not hold up a thread of the runtime.
        if !is_large(records, dimension) && !is_large(work, 1) {
            return index.run(&namespace, request, &AtomicBool::new(false));
        }
        // Long ones have all cores one after the other, so that each comes to its turn.
        let turn = match is_large(work, 1) {
            true => Some(Arc::clone(&self.large).acquire_owned().await),
            false => None,
        };
        let turn = turn.transpose().map_err(|_| Refusal::new(503, "this server is shutting down"))?;
        let abandoned = Abandoned(Arc::default());
        let is_abandoned = Arc::clone(&abandoned.0);
        let task = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            index.run(&namespace, request, &is_abandoned)
        });
        task.await.map_err(|_| Refusal::new(500, "the request failed in the server"))?
    }

    fn run(&self, namespace: &str, request: Request, is_abandoned: &AtomicBool) -> Result<Reply, Refusal> {
        let now_ms = self.shared.clock.now_ms();
        match request {
            Request::Upsert { records, .. } => self.upsert(namespace, records, now_ms),
            Request::Query { queries, is_list } => self.query(namespace, queries, is_list, now_ms, is_abandoned),
            Request::ResumableQuery { query, max_idle_s } => self.resumable_query(namespace, query, max_idle_s, now_ms),
            Request::ResumableNext { id, count } => self.resumable_next(&id, count, now_ms),
            Request::ResumableEnd { id } => self.resumables.end(&id, now_ms).map(|()| Reply::success()),
            Request::Fetch { selector, include } => Ok(self.fetch(namespace, &selector, include)),
            Request::Delete { selector } => self.delete(namespace, &selector, now_ms),
            Request::Update { change } => self.update(namespace, change, now_ms),
            Request::Range { cursor, limit, prefix, include } => {
                Ok(self.range(namespace, cursor, limit, &prefix, include))
            }
            Request::Random => self.random(namespace),
            Request::Info => Ok(self.info(now_ms)),
            Request::Reset { is_all } => {
                let mut state = self.write();
                if is_all {
                    state.reset_all()
                } else {
                    state.reset(namespace)
                }
                self.count_records(&state);
                Ok(Reply::success())
            }
            Request::ListNamespaces => Ok(Reply::of(&self.read().names())),
            Request::DeleteNamespace => {
                let mut state = self.write();
                state.delete(namespace, &self.settings)?;
                self.count_records(&state);
                Ok(Reply::success())
            }
            Request::RenameNamespace { from, to, is_forced } => {
                self.write().rename(&from, &to, is_forced, &self.settings)?;
                Ok(Reply::of(&serde_json::json!({"renamed": true})))
            }
        }
    }

    pub(super) fn searchable_at_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_add(u64::try_from(self.shared.delay.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn count_records(&self, state: &State) {
        let records = state.all().map(|(_, namespace)| namespace.len() as u64).sum();
        self.records.store(records, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn quota(&self) -> MutexGuard<'_, Quota> {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
