//! The requests that change records.

use std::sync::Arc;

use super::{Index, state::State};
use crate::local::vector::{
    api::{Reply, Selector, oversized_metadata},
    refusal::Refusal,
    store::{Change, Metadata, NewRecord},
};

impl Index {
    pub(super) fn upsert(&self, namespace: &str, records: Vec<NewRecord>, now_ms: u64) -> Result<Reply, Refusal> {
        let mut state = self.write();
        self.check_room(&state, &records)?;
        state.check(namespace, &self.shared.limits)?;
        self.quota().update(records.len() as u64, &self.shared.limits, now_ms)?;
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
        if dimensions > self.shared.limits.total_dimensions {
            let text = format!("Exceeded max vector count times dimension: {}", self.shared.limits.total_dimensions);
            return Err(Refusal::forbidden(text));
        }
        let held: u64 = state.all().map(|(_, namespace)| namespace.bytes()).sum();
        let new = records.iter().map(|record| {
            record.metadata.as_ref().map_or(0, |metadata| metadata.bytes())
                + record.data.as_ref().map_or(0, String::len)
        });
        if held.saturating_add(new.sum::<usize>() as u64) > self.shared.limits.total_bytes {
            return Err(Refusal::forbidden(format!(
                "Exceeded max total data size: {}",
                self.shared.limits.total_bytes
            )));
        }
        Ok(())
    }

    pub(super) fn update(&self, namespace: &str, change: Change, now_ms: u64) -> Result<Reply, Refusal> {
        let mut state = self.write();
        self.check_room(&state, std::slice::from_ref(&change.new))?;
        self.quota().update(1, &self.shared.limits, now_ms)?;
        let searchable_at_ms = self.searchable_at_ms(now_ms);
        let is_updated = match state.get_mut(namespace) {
            None => false,
            Some(namespace) => {
                let max = self.shared.limits.metadata_bytes;
                if let Some(bytes) = namespace.oversized(&change, max) {
                    return Err(oversized_metadata(bytes, max));
                }
                namespace.update(change, searchable_at_ms)
            }
        };
        Ok(Reply::of(&serde_json::json!({"updated": u8::from(is_updated)})))
    }

    pub(super) fn delete(&self, namespace: &str, selector: &Selector, now_ms: u64) -> Result<Reply, Refusal> {
        let mut state = self.write();
        self.quota().update(1, &self.shared.limits, now_ms)?;
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
                        .filter(|(_, record)| filter.holds(record.metadata.as_ref().map(Metadata::value)));
                    records.map(|(_, record)| Arc::clone(&record.id)).collect()
                }
            };
            selected.iter().filter(|id| namespace.delete(id)).count()
        };
        namespace.tidy();
        self.count_records(&state);
        Ok(Reply::of(&serde_json::json!({"deleted": deleted})))
    }
}
