//! Vectors in place of texts.

use super::{Index, IndexKind, checks};
use crate::local::vector::{
    api::{Asked, Halves, Request},
    embed::{self, LONG, in_background},
    refusal::Refusal,
    score::SparseVector,
    store::NewRecord,
};

impl Index {
    /// The request with vectors in place of texts.
    pub(super) async fn embedded(&self, mut request: Request) -> Result<Request, Refusal> {
        let settings = &self.settings;
        match &mut request {
            Request::Upsert { records, is_text } => {
                if *is_text {
                    checks::takes_texts(settings)?;
                    self.embed_records(records).await?;
                }
                let is_list = records.len() > 1;
                for (at, record) in records.iter().enumerate() {
                    checks::record(settings, record)
                        .map_err(|refusal| if is_list { refusal.of_item(at) } else { refusal })?;
                }
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
        self.quota().check_update(records.len() as u64, &self.shared.limits, self.shared.clock.now_ms())?;
        let texts = records.iter().map(|record| record.data.clone().unwrap_or_default()).collect();
        let embedded = self.embed(texts, Halves::Both, embed::document).await?;
        for (record, (dense, sparse)) in records.iter_mut().zip(embedded) {
            (record.dense, record.sparse) = (dense, sparse);
        }
        Ok(())
    }

    async fn embed_queries(&self, queries: &mut [Asked]) -> Result<(), Refusal> {
        for halves in [Halves::Both, Halves::Dense, Halves::Sparse] {
            // Only a hybrid index has halves.
            let own = |asked: Halves| if self.settings.kind == IndexKind::Hybrid { asked } else { Halves::Both };
            let is_of = |query: &&mut Asked| query.text.as_ref().is_some_and(|(_, asked)| own(*asked) == halves);
            let mut queries: Vec<&mut Asked> = queries.iter_mut().filter(is_of).collect();
            if queries.is_empty() {
                continue;
            }
            checks::takes_texts(&self.settings)?;
            self.quota().check_query(queries.len() as u64, &self.shared.limits, self.shared.clock.now_ms())?;
            let texts = queries.iter_mut().filter_map(|query| query.text.take()).map(|(text, _)| text).collect();
            let embedded = self.embed(texts, halves, embed::query).await?;
            for (query, (dense, sparse)) in queries.iter_mut().zip(embedded) {
                (query.dense, query.sparse) = (dense, sparse);
            }
        }
        queries
            .iter()
            .try_for_each(|query| checks::query(&self.settings, query.dense.as_deref(), query.sparse.as_ref()))
    }

    /// The vectors of texts, in their order.
    async fn embed(
        &self,
        texts: Vec<String>,
        halves: Halves,
        sparse: fn(&str, usize) -> SparseVector,
    ) -> Result<Vec<(Option<Vec<f32>>, Option<SparseVector>)>, Refusal> {
        let has_dense = self.settings.kind.has_dense() && halves != Halves::Sparse;
        let has_sparse = self.settings.kind.has_sparse() && halves != Halves::Dense;
        let (dimension, most) = (self.settings.dimension, self.shared.limits.sparse_entries);
        let dense = if has_dense { Some(self.shared.embedder.dense(&texts, dimension).await?) } else { None };
        let bytes: usize = texts.iter().map(String::len).sum();
        let of_texts = move || texts.iter().map(|text| has_sparse.then(|| sparse(text, most))).collect::<Vec<_>>();
        let sparse = if bytes > LONG { in_background(of_texts).await? } else { of_texts() };
        let dense = dense.map_or_else(|| vec![None; sparse.len()], |dense| dense.into_iter().map(Some).collect());
        Ok(dense.into_iter().zip(sparse).collect())
    }
}
