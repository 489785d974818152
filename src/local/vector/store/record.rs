use std::sync::Arc;

use serde_json::{Value, value::RawValue};

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

    fn of_value(value: Value) -> Option<Self> {
        Some(Self { text: serde_json::value::to_raw_value(&value).ok()?, value })
    }

    /// The object with a patch of it.
    pub(crate) fn patched(old: Option<&Self>, patch: &Self) -> Option<Self> {
        let mut value = old.map_or_else(|| Value::Object(serde_json::Map::new()), |old| old.value.clone());
        merge(&mut value, &patch.value);
        Self::of_value(value)
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

/// `MergePatch` of RFC 7396, section 2.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

impl Record {
    /// The bytes of metadata and data.
    pub(crate) fn bytes(&self) -> u64 {
        (self.metadata.as_ref().map_or(0, Metadata::bytes) + self.data.as_ref().map_or(0, |data| data.len())) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::merge;
    use serde_json::json;

    /// The examples of RFC 7396, appendix A.
    #[test]
    fn patches_merge_as_the_rfc_has_it() {
        for (mut target, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            merge(&mut target, &patch);
            assert_eq!(target, expected, "{patch}");
        }
    }
}
