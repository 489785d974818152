//! The requests that look for records.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde::Serialize;

use super::{Index, resumable::Resumable, state::State};
use crate::local::vector::{
    api::{Asked, Include, Reply, Selector, results, view},
    refusal::Refusal,
    score::DenseQuery,
    store::Search,
};

impl Index {
    pub(super) fn query(
        &self,
        namespace: &str,
        queries: Vec<Asked>,
        is_list: bool,
        now_ms: u64,
        is_abandoned: &AtomicBool,
    ) -> Result<Reply, Refusal> {
        self.quota().query(queries.len() as u64, &self.shared.limits, now_ms)?;
        let state = self.read();
        let Some(namespace) = state.get(namespace) else {
            let none: [u8; 0] = [];
            return Ok(match queries.len() {
                1 => Reply::of(&none),
                count => Reply::of(&vec![none; count]),
            });
        };
        let queries: Vec<(Search, usize, Include)> = queries.into_iter().map(|asked| self.search(asked)).collect();
        let mut found = Vec::with_capacity(queries.len());
        for (search, count, include) in &queries {
            if is_abandoned.load(Ordering::Relaxed) {
                return Err(Refusal::new(503, "the client has gone"));
            }
            found.push(results(namespace, &search.best(namespace, *count, now_ms), *include));
        }
        // A list of one query is answered as the query is.
        Ok(match (&found[..], is_list) {
            ([one], _) => Reply::of(one),
            (all, _) => Reply::of(&all),
        })
    }

    fn search(&self, asked: Asked) -> (Search, usize, Include) {
        let Asked { dense, sparse, count, include, filter, weighting, fusion, .. } = asked;
        let dense = dense.map(|vector| DenseQuery::new(vector, self.settings.similarity));
        let threads = self.shared.threads;
        (Search { dense, sparse, weighting, fusion, filter, threads }, count, include)
    }

    pub(super) fn resumable_query(
        &self,
        namespace: &str,
        asked: Asked,
        max_idle_s: u64,
        now_ms: u64,
    ) -> Result<Reply, Refusal> {
        let state = self.read();
        if state.get(namespace).is_none() {
            return Ok(Reply::of(&serde_json::json!({"uuid": "", "scores": []})));
        }
        let (search, count, include) = self.search(asked);
        let query = Arc::new(Resumable::new(namespace.to_owned(), search, include, max_idle_s));
        // In use from its first page on.
        drop(query.progress(now_ms));
        let id = self.resumables.open(Arc::clone(&query), &self.shared.limits, now_ms)?;
        if let Err(refusal) = self.quota().query(1, &self.shared.limits, now_ms) {
            self.resumables.end(&id, now_ms)?;
            return Err(refusal);
        }
        Ok(next_page(&state, &query, count, now_ms, Some(&id)))
    }

    pub(super) fn resumable_next(&self, id: &str, count: usize, now_ms: u64) -> Result<Reply, Refusal> {
        let query = self.resumables.get(id, now_ms)?;
        self.quota().query(1, &self.shared.limits, now_ms)?;
        Ok(next_page(&self.read(), &query, count, now_ms, None))
    }

    pub(super) fn fetch(&self, namespace: &str, selector: &Selector, include: Include) -> Reply {
        let state = self.read();
        let namespace = state.get(namespace);
        let view = |slot: u32| view(namespace?, slot, include, None);
        match (selector, namespace) {
            (Selector::Ids(ids), _) => {
                let slots = ids.iter().map(|id| namespace.and_then(|namespace| namespace.slot(id)));
                Reply::of(&slots.map(|slot| slot.and_then(view)).collect::<Vec<_>>())
            }
            (Selector::Prefix(prefix), Some(namespace)) => {
                let page = namespace.page(0, self.shared.limits.top_k, prefix);
                Reply::of(&page.slots.into_iter().filter_map(view).collect::<Vec<_>>())
            }
            _ => Reply::of(&[0_u8; 0]),
        }
    }

    pub(super) fn range(&self, namespace: &str, cursor: u64, limit: usize, prefix: &str, include: Include) -> Reply {
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

    pub(super) fn random(&self, namespace: &str) -> Result<Reply, Refusal> {
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
}

/// The next results of a query that goes on, with its id if it is new.
fn next_page(state: &State, query: &Resumable, count: usize, now_ms: u64, id: Option<&str>) -> Reply {
    #[derive(Serialize)]
    struct Begun<'a, T> {
        uuid: &'a str,
        scores: &'a T,
    }
    let mut progress = query.progress(now_ms);
    let scores = match state.get(&query.namespace) {
        None => Vec::new(),
        Some(namespace) => {
            let found = query.search.next(namespace, count, now_ms, &progress.returned);
            let ids = found.iter().filter_map(|found| namespace.record(found.slot));
            progress.returned.extend(ids.map(|record| Arc::clone(&record.id)));
            results(namespace, &found, query.include)
        }
    };
    match id {
        Some(uuid) => Reply::of(&Begun { uuid, scores: &scores }),
        None => Reply::of(&scores),
    }
}
