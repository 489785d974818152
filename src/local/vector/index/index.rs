use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::sync::Semaphore;

use super::{
    LocalVectorIndex, checks,
    quota::Quota,
    resumable::{Resumable, Resumables},
    state::State,
};
use crate::local::{
    clock::LocalClock,
    vector::{
        api::{Asked, Halves, Include, Reply, Request, Selector, oversized_metadata, results, view},
        embed::{self, Embedder},
        limits::LocalVectorLimits,
        refusal::Refusal,
        score::DenseQuery,
        store::{Change, Counts, NewRecord, Search, is_large},
    },
};

/// An index, and what it holds.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) settings: LocalVectorIndex,
    limits: LocalVectorLimits,
    clock: LocalClock,
    /// The time from a write until queries find it.
    delay: Duration,
    embedder: Arc<Embedder>,
    state: RwLock<State>,
    resumables: Resumables,
    quota: Mutex<Quota>,
    /// The records, for a guess how long a request takes.
    records: AtomicU64,
    /// Requests that take every core, one after the other.
    large: Semaphore,
}

impl Index {
    pub(crate) fn new(
        settings: LocalVectorIndex,
        limits: LocalVectorLimits,
        clock: LocalClock,
        delay: Duration,
        embedder: Arc<Embedder>,
    ) -> Self {
        let state = RwLock::new(State::new(settings.dimension));
        let (resumables, quota) = (Resumables::default(), Mutex::default());
        let (records, large) = (AtomicU64::new(0), Semaphore::new(1));
        Self { settings, limits, clock, delay, embedder, state, resumables, quota, records, large }
    }

    /// Does what a request asks for, in a namespace. It is done as a whole or not at all.
    pub(crate) async fn call(self: &Arc<Self>, namespace: String, request: Request) -> Result<Reply, Refusal> {
        let request = self.embedded(request).await?;
        let index = Arc::clone(self);
        let records = usize::try_from(self.records.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        if !is_large(records, self.settings.dimension.max(16)) {
            return index.run(&namespace, request);
        }
        // One after the other: each has all cores, and comes to its turn.
        let _turn = self.large.acquire().await.map_err(|_| Refusal::new(503, "this server is shutting down"))?;
        let task = tokio::task::spawn_blocking(move || index.run(&namespace, request));
        task.await.map_err(|_| Refusal::new(500, "the request failed in the server"))?
    }

    /// The request with vectors in place of texts.
    async fn embedded(&self, mut request: Request) -> Result<Request, Refusal> {
        let settings = &self.settings;
        match &mut request {
            Request::Upsert { records, is_text } => {
                if *is_text {
                    checks::takes_texts(settings)?;
                    self.embed_records(records).await?;
                }
                records.iter().try_for_each(|record| checks::record(settings, record))?;
            }
            Request::Update { change } => {
                let has_vectors = change.new.dense.is_some() || change.new.sparse.is_some();
                if settings.embeds() && change.new.data.is_some() && !has_vectors {
                    self.embed_records(std::slice::from_mut(&mut change.new)).await?;
                }
                checks::change(settings, change)?;
            }
            Request::Query { queries, .. } => self.embed_queries(queries).await?,
            Request::ResumableQuery { query, .. } => self.embed_queries(std::slice::from_mut(query)).await?,
            _ => {}
        }
        Ok(request)
    }

    async fn embed_records(&self, records: &mut [NewRecord]) -> Result<(), Refusal> {
        let texts: Vec<&str> = records.iter().map(|record| record.data.as_deref().unwrap_or_default()).collect();
        let mut dense = if self.settings.kind.has_dense() {
            self.embedder.dense(&texts, self.settings.dimension).await?
        } else {
            Vec::new()
        }
        .into_iter();
        for record in records {
            let text = record.data.as_deref().unwrap_or_default();
            if self.settings.kind.has_sparse() {
                record.sparse = Some(embed::document(text, self.limits.sparse_entries));
            }
            record.dense = dense.next();
        }
        Ok(())
    }

    async fn embed_queries(&self, queries: &mut [Asked]) -> Result<(), Refusal> {
        for query in queries {
            if let Some((text, halves)) = query.text.take() {
                checks::takes_texts(&self.settings)?;
                if self.settings.kind.has_dense() && halves != Halves::Sparse {
                    query.dense = self.embedder.dense(&[&text], self.settings.dimension).await?.pop();
                }
                if self.settings.kind.has_sparse() && halves != Halves::Dense {
                    query.sparse = Some(embed::query(&text, self.limits.sparse_entries));
                }
            }
            checks::query(&self.settings, query.dense.as_deref(), query.sparse.as_ref())?;
        }
        Ok(())
    }

    fn run(&self, namespace: &str, request: Request) -> Result<Reply, Refusal> {
        let now_ms = self.clock.now_ms();
        match request {
            Request::Upsert { records, .. } => self.upsert(namespace, records, now_ms),
            Request::Query { queries, is_list } => self.query(namespace, queries, is_list, now_ms),
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

    fn upsert(&self, namespace: &str, records: Vec<NewRecord>, now_ms: u64) -> Result<Reply, Refusal> {
        let mut state = self.write();
        self.check_room(&state, &records)?;
        state.check(namespace, &self.limits)?;
        self.quota().update(records.len() as u64, &self.limits, now_ms)?;
        let namespace = state.get_or_create(namespace);
        let searchable_at_ms = self.searchable_at_ms(now_ms);
        for record in records {
            namespace.upsert(record, searchable_at_ms);
        }
        self.count_records(&state);
        Ok(Reply::success())
    }

    /// Whether there is room for new records. Those that they replace are not set off against them.
    fn check_room(&self, state: &State, records: &[NewRecord]) -> Result<(), Refusal> {
        let held: u64 = state.all().map(|(_, namespace)| namespace.len() as u64).sum();
        let dimensions = (held + records.len() as u64).saturating_mul(self.settings.dimension as u64);
        if dimensions > self.limits.total_dimensions {
            let text = format!("Exceeded max vector count times dimension: {}", self.limits.total_dimensions);
            return Err(Refusal::forbidden(text));
        }
        let held: u64 = state.all().map(|(_, namespace)| namespace.bytes()).sum();
        let new = records.iter().map(|record| {
            record.metadata.as_ref().map_or(0, |metadata| metadata.bytes())
                + record.data.as_ref().map_or(0, String::len)
        });
        if held.saturating_add(new.sum::<usize>() as u64) > self.limits.total_bytes {
            return Err(Refusal::forbidden(format!("Exceeded max total data size: {}", self.limits.total_bytes)));
        }
        Ok(())
    }

    fn update(&self, namespace: &str, change: Change, now_ms: u64) -> Result<Reply, Refusal> {
        let mut state = self.write();
        self.check_room(&state, std::slice::from_ref(&change.new))?;
        self.quota().update(1, &self.limits, now_ms)?;
        let searchable_at_ms = self.searchable_at_ms(now_ms);
        let is_updated = match state.get_mut(namespace) {
            None => false,
            Some(namespace) => {
                let max = self.limits.metadata_bytes;
                if let Some(bytes) = namespace.oversized(&change, max) {
                    return Err(oversized_metadata(bytes, max));
                }
                namespace.update(change, searchable_at_ms)
            }
        };
        Ok(Reply::of(&serde_json::json!({"updated": u8::from(is_updated)})))
    }

    fn delete(&self, namespace: &str, selector: &Selector, now_ms: u64) -> Result<Reply, Refusal> {
        let mut state = self.write();
        self.quota().update(1, &self.limits, now_ms)?;
        let Some(namespace) = state.get_mut(namespace) else {
            return Ok(Reply::of(&serde_json::json!({"deleted": 0})));
        };
        let deleted = {
            let selected: Vec<Arc<str>> = match selector {
                Selector::Ids(ids) => ids.iter().map(|id| id.as_str().into()).collect(),
                Selector::Prefix(prefix) => {
                    let records = namespace.records().filter(|(_, record)| record.id.starts_with(prefix.as_str()));
                    records.map(|(_, record)| Arc::clone(&record.id)).collect()
                }
                Selector::Matching(filter) => {
                    let records = namespace
                        .records()
                        .filter(|(_, record)| filter.holds(record.metadata.as_ref().map(|metadata| metadata.value())));
                    records.map(|(_, record)| Arc::clone(&record.id)).collect()
                }
            };
            selected.iter().filter(|id| namespace.delete(id)).count()
        };
        namespace.tidy();
        self.count_records(&state);
        Ok(Reply::of(&serde_json::json!({"deleted": deleted})))
    }

    fn query(&self, namespace: &str, queries: Vec<Asked>, is_list: bool, now_ms: u64) -> Result<Reply, Refusal> {
        self.quota().query(queries.len() as u64, &self.limits, now_ms)?;
        let state = self.read();
        let Some(namespace) = state.get(namespace) else {
            let none: [u8; 0] = [];
            return Ok(match queries.len() {
                1 => Reply::of(&none),
                count => Reply::of(&vec![none; count]),
            });
        };
        let queries: Vec<(Search, usize, Include)> = queries.into_iter().map(|asked| self.search(asked)).collect();
        let found: Vec<_> = queries
            .iter()
            .map(|(search, count, include)| results(namespace, &search.best(namespace, *count, now_ms), *include))
            .collect();
        // A list of one query is answered as the query is.
        Ok(match (&found[..], is_list) {
            ([one], _) => Reply::of(one),
            (all, _) => Reply::of(&all),
        })
    }

    fn search(&self, asked: Asked) -> (Search, usize, Include) {
        let Asked { dense, sparse, count, include, filter, weighting, fusion, .. } = asked;
        let dense = dense.map(|vector| DenseQuery::new(vector, self.settings.similarity));
        (Search { dense, sparse, weighting, fusion, filter }, count, include)
    }

    fn resumable_query(&self, namespace: &str, asked: Asked, max_idle_s: u64, now_ms: u64) -> Result<Reply, Refusal> {
        self.quota().query(1, &self.limits, now_ms)?;
        let state = self.read();
        if state.get(namespace).is_none() {
            return Ok(Reply::of(&serde_json::json!({"uuid": "", "scores": []})));
        }
        let (search, count, include) = self.search(asked);
        let query = Arc::new(Resumable::new(namespace.to_owned(), search, include, max_idle_s));
        // In use from its first page on.
        drop(query.progress(now_ms));
        let id = self.resumables.open(Arc::clone(&query), &self.limits, now_ms)?;
        Ok(next_page(&state, &query, count, now_ms, Some(&id)))
    }

    fn resumable_next(&self, id: &str, count: usize, now_ms: u64) -> Result<Reply, Refusal> {
        let query = self.resumables.get(id, now_ms)?;
        self.quota().query(1, &self.limits, now_ms)?;
        Ok(next_page(&self.read(), &query, count, now_ms, None))
    }

    fn fetch(&self, namespace: &str, selector: &Selector, include: Include) -> Reply {
        let state = self.read();
        let namespace = state.get(namespace);
        let view = |slot: u32| view(namespace?, slot, include, None);
        match (selector, namespace) {
            (Selector::Ids(ids), _) => {
                let slots = ids.iter().map(|id| namespace.and_then(|namespace| namespace.slot(id)));
                Reply::of(&slots.map(|slot| slot.and_then(view)).collect::<Vec<_>>())
            }
            (Selector::Prefix(prefix), Some(namespace)) => {
                let page = namespace.page(0, self.limits.top_k, prefix);
                Reply::of(&page.slots.into_iter().filter_map(view).collect::<Vec<_>>())
            }
            _ => Reply::of(&[0_u8; 0]),
        }
    }

    fn range(&self, namespace: &str, cursor: u64, limit: usize, prefix: &str, include: Include) -> Reply {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Range<T> {
            next_cursor: String,
            vectors: Vec<T>,
        }
        let state = self.read();
        let (vectors, next) = match state.get(namespace) {
            None => (Vec::new(), None),
            Some(namespace) => {
                let page = namespace.page(cursor, limit, prefix);
                let views = page.slots.into_iter().filter_map(|slot| view(namespace, slot, include, None));
                (views.collect(), page.next)
            }
        };
        Reply::of(&Range { next_cursor: next.map(|next| next.to_string()).unwrap_or_default(), vectors })
    }

    fn random(&self, namespace: &str) -> Result<Reply, Refusal> {
        let random = getrandom::u64().map_err(|_| Refusal::new(500, "the operating system gave no random bytes"))?;
        let state = self.read();
        let include = Include { vectors: true, metadata: true, data: true };
        let record = state.get(namespace).filter(|namespace| namespace.len() > 0).and_then(|namespace| {
            let at = usize::try_from(random % namespace.len() as u64).ok()?;
            let (slot, _) = namespace.records().nth(at)?;
            view(namespace, slot, include, None)
        });
        Ok(Reply::of(&record))
    }

    fn info(&self, now_ms: u64) -> Reply {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Dense<'a> {
            dimension: usize,
            similarity_function: &'a str,
            embedding_model: &'a str,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Sparse<'a> {
            embedding_model: &'a str,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Info<'a> {
            #[serde(flatten)]
            all: Counts,
            index_size: u64,
            dimension: usize,
            similarity_function: &'a str,
            index_type: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            dense_index: Option<Dense<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            sparse_index: Option<Sparse<'a>>,
            namespaces: BTreeMap<&'a str, Counts>,
        }
        let state = self.read();
        let settings = &self.settings;
        let namespaces: BTreeMap<&str, Counts> =
            state.all().map(|(name, namespace)| (name, namespace.counts(now_ms))).collect();
        let all = namespaces.values().fold(Counts::default(), |all, one| Counts {
            vector_count: all.vector_count + one.vector_count,
            pending_vector_count: all.pending_vector_count + one.pending_vector_count,
        });
        let numbers = (all.vector_count + all.pending_vector_count) as u64 * settings.dimension as u64;
        let similarity_function = if settings.kind.has_dense() { settings.similarity.name() } else { "" };
        let model = |model: &'_ Option<String>| model.clone().unwrap_or_default();
        let (dense_model, sparse_model) = (model(&settings.dense_model), model(&settings.sparse_model));
        let dimension = settings.dimension;
        let dense = Dense { dimension, similarity_function, embedding_model: &dense_model };
        Reply::of(&Info {
            all,
            index_size: numbers * 4 + state.all().map(|(_, namespace)| namespace.bytes()).sum::<u64>(),
            dimension,
            similarity_function,
            index_type: settings.kind.name(),
            dense_index: settings.kind.has_dense().then_some(dense),
            sparse_index: settings.kind.has_sparse().then_some(Sparse { embedding_model: &sparse_model }),
            namespaces,
        })
    }

    fn searchable_at_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_add(u64::try_from(self.delay.as_millis()).unwrap_or(u64::MAX))
    }

    fn count_records(&self, state: &State) {
        let records = state.all().map(|(_, namespace)| namespace.len() as u64).sum();
        self.records.store(records, Ordering::Relaxed);
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn quota(&self) -> std::sync::MutexGuard<'_, Quota> {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The next results of a query that goes on, with its id if it is new.
fn next_page(state: &State, query: &Resumable, count: usize, now_ms: u64, id: Option<&str>) -> Reply {
    #[derive(Serialize)]
    struct Begun<'a, T> {
        uuid: &'a str,
        scores: &'a T,
    }
    let mut progress = query.progress(now_ms);
    let scores = match state.instance(&query.namespace) {
        None => Vec::new(),
        Some((namespace, instance)) => {
            if progress.instance != instance {
                (progress.instance, progress.returned) = (instance, HashSet::new());
            }
            let found = query.search.next(namespace, count, now_ms, &progress.returned);
            progress.returned.extend(found.iter().filter_map(|found| namespace.number(found.slot)));
            results(namespace, &found, query.include)
        }
    };
    match id {
        Some(uuid) => Reply::of(&Begun { uuid, scores: &scores }),
        None => Reply::of(&scores),
    }
}
