use std::{collections::HashSet, sync::Arc};

use super::{Metadata, Namespace, scan};
use crate::local::vector::{
    filter::Filter,
    score::{DenseQuery, Fusion, Ranked, SparseVector, Weighting, best_first, fuse},
};

/// A query of a namespace.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    pub(crate) dense: Option<DenseQuery>,
    pub(crate) sparse: Option<SparseVector>,
    pub(crate) weighting: Weighting,
    pub(crate) fusion: Fusion,
    pub(crate) filter: Filter,
    /// The threads of a scan of many vectors.
    pub(crate) threads: usize,
}

impl Search {
    /// The best `count` of all records.
    pub(crate) fn best(&self, namespace: &Namespace, count: usize, now_ms: u64) -> Vec<Ranked> {
        self.run(namespace, count, usize::MAX, now_ms, None)
    }

    /// The best `count` of the records whose ids are not among those. Of each half so many are fused, and no more.
    pub(crate) fn next(
        &self,
        namespace: &Namespace,
        count: usize,
        now_ms: u64,
        returned: &HashSet<Arc<str>>,
    ) -> Vec<Ranked> {
        self.run(namespace, count, count, now_ms, Some(returned))
    }

    fn run(
        &self,
        namespace: &Namespace,
        count: usize,
        fused: usize,
        now_ms: u64,
        returned: Option<&HashSet<Arc<str>>>,
    ) -> Vec<Ranked> {
        let accept = |slot: u32| {
            let Some(record) = namespace.record(slot) else { return false };
            let is_new = || returned.is_none_or(|returned| !returned.contains(&record.id));
            record.searchable_at_ms <= now_ms
                && is_new()
                && self.filter.holds(record.metadata.as_ref().map(Metadata::value))
        };
        let dense = |count: usize| {
            self.dense.as_ref().map(|query| match count {
                usize::MAX => scan::all(&namespace.dense, query, self.threads, &accept),
                _ => scan::best(&namespace.dense, query, count, self.threads, &accept),
            })
        };
        let sparse = |count: usize| {
            self.sparse.as_ref().map(|query| {
                let (total, slots) = (namespace.len(), namespace.slots.len());
                let mut found = namespace.postings.scores(query, self.weighting, total, slots);
                found.retain(|record| accept(record.slot));
                best_first(found, count)
            })
        };
        match (self.dense.is_some(), self.sparse.is_some()) {
            (true, true) => {
                let (dense, sparse) = (dense(fused).unwrap_or_default(), sparse(fused).unwrap_or_default());
                fuse(self.fusion, [&dense, &sparse], count)
            }
            (true, false) => dense(count).unwrap_or_default(),
            (false, _) => sparse(count).unwrap_or_default(),
        }
    }
}
