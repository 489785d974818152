//! The counts and the settings of an index.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Index;
use crate::local::vector::{api::Reply, store::Counts};

impl Index {
    pub(super) fn info(&self, now_ms: u64) -> Reply {
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
}
