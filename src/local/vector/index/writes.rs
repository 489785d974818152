//! The requests that change records.

use std::{collections::HashMap, sync::Arc};

use super::{Index, state::State};
use crate::local::vector::{
    api::{Reply, Selector, oversized_metadata},
    refusal::Refusal,
    store::{Change, Metadata, NewRecord},
};

impl Index {
    pub(super) fn upsert(&self, namespace: &str, records: Vec<NewRecord>, now_ms: u64) -> Result<Reply, Refusal> {
        let mut state = self.write();
        self.check_room(&state, namespace, &records)?;
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

    /// Whether there is room for records, in the place of those with their ids.
    fn check_room(&self, state: &State, namespace: &str, records: &[NewRecord]) -> Result<(), Refusal> {
        let limits = &self.shared.limits;
        let namespace = state.get(namespace);
        let old = |record: &NewRecord| namespace.and_then(|namespace| namespace.record(namespace.slot(&record.id)?));
        let mut new: HashMap<&str, &NewRecord> = HashMap::new();
        new.extend(records.iter().map(|record| (record.id.as_str(), record)));
        let (mut count, mut bytes) = (0_u64, 0_u64);
        let mut freed = 0_u64;
        for record in new.values() {
            bytes = bytes.saturating_add(record.bytes());
            match old(record) {
                Some(old) => freed = freed.saturating_add(old.bytes()),
                None => count += 1,
            }
        }
        let held: u64 = state.all().map(|(_, namespace)| namespace.len() as u64).sum();
        let dimensions = held.saturating_add(count).saturating_mul(self.settings.dimension as u64);
        if count > 0 && dimensions > limits.total_dimensions {
            let text = format!("Exceeded max vector count times dimension: {}", limits.total_dimensions);
            return Err(Refusal::forbidden(text));
        }
        let held: u64 = state.all().map(|(_, namespace)| namespace.bytes()).sum();
        if bytes > freed && held.saturating_sub(freed).saturating_add(bytes) > limits.total_bytes {
            return Err(Refusal::forbidden(format!("Exceeded max total data size: {}", limits.total_bytes)));
        }
        Ok(())
    }

    pub(super) fn update(&self, namespace: &str, change: Change, now_ms: u64) -> Result<Reply, Refusal> {
        let mut state = self.write();
        let max = self.shared.limits.metadata_bytes;
        let is_known = state.get(namespace).is_some_and(|known| known.slot(&change.new.id).is_some());
        if is_known {
            self.check_room(&state, namespace, std::slice::from_ref(&change.new))?;
        }
        if let Some(bytes) = state.get(namespace).and_then(|namespace| namespace.oversized(&change, max)) {
            return Err(oversized_metadata(bytes, max));
        }
        self.quota().update(1, &self.shared.limits, now_ms)?;
        let searchable_at_ms = self.searchable_at_ms(now_ms);
        let is_updated = state.get_mut(namespace).is_some_and(|namespace| namespace.update(change, searchable_at_ms));
        Ok(Reply::of(&serde_json::json!({"updated": u8::from(is_updated)})))
    }

    pub(super) fn delete(&self, namespace: &str, selector: &Selector, now_ms: u64) -> Result<Reply, Refusal> {
        let mut state = self.write();
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
            self.quota().update(selected.len() as u64, &self.shared.limits, now_ms)?;
            selected.iter().filter(|id| namespace.delete(id)).count()
        };
        namespace.tidy();
        self.count_records(&state);
        Ok(Reply::of(&serde_json::json!({"deleted": deleted})))
    }
}
