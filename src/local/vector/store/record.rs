use std::sync::Arc;

use serde_json::{Value, value::RawValue};

use super::merge_patch::merge;
use crate::local::vector::score::SparseVector;

/// A record of a namespace, without its dense vector.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) id: Arc<str>,
    pub(crate) sparse: Option<SparseVector>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) data: Option<Box<str>>,
    /// The time from which queries find it.
    pub(crate) searchable_at_ms: u64,
}

/// A record that takes the place of one with its id.
#[derive(Debug, Clone)]
pub(crate) struct NewRecord {
    pub(crate) id: String,
    pub(crate) dense: Option<Vec<f32>>,
    pub(crate) sparse: Option<SparseVector>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) data: Option<String>,
}

/// What a record has instead of what it had.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) new: NewRecord,
    /// Whether the metadata is a merge patch (RFC 7396).
    pub(crate) is_patch: bool,
}

/// A JSON object, as it was written and as filters read it.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    text: Box<RawValue>,
    value: Value,
}

impl Metadata {
    /// `None` if it is no object, or nested too deeply.
    pub(crate) fn read(text: &RawValue) -> Option<Self> {
        let value: Value = serde_json::from_str(text.get()).ok()?;
        value.is_object().then(|| Self { text: text.to_owned(), value })
    }

    /// The object with a patch of it (RFC 7396). Fields that it does not name stay as they were written.
    pub(crate) fn patched(old: Option<&Self>, patch: &Self) -> Option<Self> {
        let text = merge(old.map(|old| &*old.text), &patch.text)?;
        Self::read(&text)
    }

    pub(crate) fn text(&self) -> &RawValue {
        &self.text
    }

    pub(crate) fn value(&self) -> &Value {
        &self.value
    }

    pub(crate) fn bytes(&self) -> usize {
        self.text.get().len()
    }
}

impl Record {
    /// The bytes of all but the dense vector.
    pub(crate) fn bytes(&self) -> u64 {
        bytes(&self.id, self.sparse.as_ref(), self.metadata.as_ref(), self.data.as_deref())
    }
}

impl NewRecord {
    /// The bytes of all but the dense vector.
    pub(crate) fn bytes(&self) -> u64 {
        bytes(&self.id, self.sparse.as_ref(), self.metadata.as_ref(), self.data.as_deref())
    }
}

fn bytes(id: &str, sparse: Option<&SparseVector>, metadata: Option<&Metadata>, data: Option<&str>) -> u64 {
    let sparse = sparse.map_or(0, |sparse| sparse.indices.len() * 8);
    (id.len() + sparse + metadata.map_or(0, Metadata::bytes) + data.map_or(0, str::len)) as u64
}
