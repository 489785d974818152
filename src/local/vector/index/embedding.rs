//! Vectors in place of texts.

use super::{Index, checks};
use crate::local::vector::{
    api::{Asked, Halves, Request},
    embed,
    refusal::Refusal,
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
            self.shared.embedder.dense(&texts, self.settings.dimension).await?
        } else {
            Vec::new()
        }
        .into_iter();
        for record in records {
            let text = record.data.as_deref().unwrap_or_default();
            if self.settings.kind.has_sparse() {
                record.sparse = Some(embed::document(text, self.shared.limits.sparse_entries));
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
                    query.dense = self.shared.embedder.dense(&[&text], self.settings.dimension).await?.pop();
                }
                if self.settings.kind.has_sparse() && halves != Halves::Dense {
                    query.sparse = Some(embed::query(&text, self.shared.limits.sparse_entries));
                }
            }
            checks::query(&self.settings, query.dense.as_deref(), query.sparse.as_ref())?;
        }
        Ok(())
    }
}
