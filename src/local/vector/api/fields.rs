//! The fields of a request, each read by itself so that an error names it.

use std::collections::HashMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::local::vector::{refusal::Refusal, score::SparseVector, store::Metadata};

/// The fields of a JSON object. A field that is null is absent.
#[derive(Debug)]
pub(super) struct Fields<'a>(HashMap<String, &'a RawValue>);

/// The fields of all calls and answers.
const KNOWN: [&str; 28] = [
    "additionalK",
    "cursor",
    "data",
    "deleteExisting",
    "filter",
    "fusionAlgorithm",
    "id",
    "ids",
    "includeData",
    "includeMetadata",
    "includeVectors",
    "limit",
    "maxIdle",
    "metadata",
    "metadataUpdateMode",
    "namespace",
    "newNamespace",
    "nextCursor",
    "prefix",
    "queryMode",
    "score",
    "scores",
    "sparseVector",
    "topK",
    "uuid",
    "vector",
    "vectors",
    "weightingStrategy",
];

const NUMBERS: &str = "a list of numbers that 32 bits can hold";

/// A JSON value that is not looked into yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Object,
    List,
    Text,
    Other,
}

pub(super) fn form(json: &RawValue) -> Form {
    match json.get().as_bytes().first() {
        Some(b'{') => Form::Object,
        Some(b'[') => Form::List,
        Some(b'"') => Form::Text,
        _ => Form::Other,
    }
}

/// Reads a body as JSON.
pub(super) fn json(body: &[u8]) -> Result<&RawValue, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::invalid(format!("the body is no JSON: {error}")))
}

/// The items of a list.
pub(super) fn items(json: &RawValue) -> Result<Vec<&RawValue>, Refusal> {
    serde_json::from_str(json.get()).map_err(|_| Refusal::invalid("the body is not a list"))
}

impl<'a> Fields<'a> {
    pub(super) fn of(json: &'a RawValue) -> Result<Self, Refusal> {
        let mut fields: HashMap<String, &RawValue> =
            serde_json::from_str(json.get()).map_err(|_| Refusal::invalid("a JSON object is expected"))?;
        fields.retain(|_, value| value.get() != "null");
        Ok(Self(fields))
    }

    /// Refuses a field that no call has, as one that is misspelt. One of another call changes nothing: the official SDKs
    /// send such ones.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        match self.0.into_keys().filter(|name| !KNOWN.contains(&name.as_str())).min() {
            None => Ok(()),
            Some(name) => {
                let name: String = name.chars().take(40).collect();
                Err(Refusal::unprocessable(format!("Unknown field: {name}")))
            }
        }
    }

    pub(super) fn raw(&mut self, name: &str) -> Option<&'a RawValue> {
        self.0.remove(name)
    }

    fn read<T: DeserializeOwned>(&mut self, name: &str, expected: &str) -> Result<Option<T>, Refusal> {
        let Some(json) = self.raw(name) else { return Ok(None) };
        serde_json::from_str(json.get()).map(Some).map_err(|_| expects(name, expected))
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        self.read(name, "a text")
    }

    /// An id. One that is a number is the text of it.
    pub(super) fn id(&mut self, max_bytes: usize) -> Result<String, Refusal> {
        let json = self.raw("id").ok_or_else(|| Refusal::unprocessable("id is missing"))?;
        id(json).and_then(|id| {
            if id.len() > max_bytes {
                Err(Refusal::unprocessable(format!(
                    "Exceeded max id size: {} bytes, limit: {max_bytes} bytes",
                    id.len()
                )))
            } else {
                Ok(id)
            }
        })
    }

    pub(super) fn ids(&mut self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        let Some(json) = self.raw(name) else { return Ok(None) };
        // The official SDKs take one id as well.
        if form(json) != Form::List {
            return Ok(Some(vec![id(json)?]));
        }
        let items = items(json).map_err(|_| expects(name, "a list of ids"))?;
        items.into_iter().map(id).collect::<Result<_, _>>().map(Some)
    }

    /// A truth, which may be a text.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Refusal> {
        match self.raw(name).map(RawValue::get) {
            None | Some("false" | "\"false\"") => Ok(false),
            Some("true" | "\"true\"") => Ok(true),
            Some(_) => Err(expects(name, "true or false")),
        }
    }

    /// A whole number, which may be a text.
    pub(super) fn count(&mut self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(json) = self.raw(name) else { return Ok(None) };
        let digits = json.get().trim_matches('"');
        // 10.0 is a whole number as well.
        let whole = digits.trim_end_matches('0').strip_suffix('.').unwrap_or(digits);
        whole.parse().map(Some).map_err(|_| expects(name, "a whole number that is not negative"))
    }

    /// One of several names.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, known: &[(&str, T)]) -> Result<Option<T>, Refusal> {
        let names = || known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let Some(text) = self.text(name)?.filter(|text| !text.is_empty()) else { return Ok(None) };
        let found = known.iter().find(|(known, _)| *known == text);
        found.map(|(_, value)| Some(*value)).ok_or_else(|| expects(name, &format!("one of {}", names())))
    }

    pub(super) fn vector(&mut self) -> Result<Option<Vec<f32>>, Refusal> {
        let vector: Option<Vec<f32>> = self.read("vector", NUMBERS)?;
        match &vector {
            Some(vector) if !vector.iter().all(|number| number.is_finite()) => Err(expects("vector", NUMBERS)),
            _ => Ok(vector),
        }
    }

    pub(super) fn sparse_vector(&mut self, most: usize) -> Result<Option<SparseVector>, Refusal> {
        #[derive(Deserialize)]
        struct Entries {
            indices: Vec<i32>,
            values: Vec<f32>,
        }
        let name = "sparseVector";
        let Some(Entries { indices, values }) =
            self.read(name, "indices and values, two lists of numbers that 32 bits can hold")?
        else {
            return Ok(None);
        };
        if indices.len() != values.len() {
            return Err(expects(name, "as many indices as values"));
        }
        if indices.is_empty() || indices.len() > most {
            return Err(expects(name, &format!("1 to {most} entries")));
        }
        if indices.iter().any(|index| *index < 0) || values.iter().any(|value| !value.is_finite()) {
            return Err(expects(name, "indices from 0 to 2147483647, and values that 32 bits can hold"));
        }
        Ok(Some(SparseVector::sorted(indices.into_iter().zip(values).collect())))
    }

    pub(super) fn metadata(&mut self, max_bytes: usize) -> Result<Option<Metadata>, Refusal> {
        let Some(json) = self.raw("metadata") else { return Ok(None) };
        if json.get().len() > max_bytes {
            return Err(oversized_metadata(json.get().len(), max_bytes));
        }
        let metadata = Metadata::read(json).ok_or_else(|| {
            expects("metadata", "a JSON object of at most 127 levels, with numbers and texts that can be read")
        })?;
        Ok(Some(metadata))
    }

    pub(super) fn data(&mut self, max_bytes: usize) -> Result<Option<String>, Refusal> {
        let data = self.text("data")?;
        match data.as_ref().map(String::len) {
            Some(bytes) if bytes > max_bytes => {
                Err(Refusal::unprocessable(format!("Exceeded max data size: {bytes} bytes, limit: {max_bytes} bytes")))
            }
            _ => Ok(data),
        }
    }
}

/// The refusal of metadata that is too large.
pub(crate) fn oversized_metadata(bytes: usize, max: usize) -> Refusal {
    Refusal::unprocessable(format!("Exceeded max metadata size: {bytes} bytes, limit: {max} bytes"))
}

/// An id: a text, or a number.
pub(super) fn id(json: &RawValue) -> Result<String, Refusal> {
    let text = json.get();
    match form(json) {
        Form::Text => serde_json::from_str(text).map_err(|_| expects("id", "a text or a number")),
        Form::Other if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => Ok(text.to_owned()),
        _ => Err(expects("id", "a text or a number")),
    }
}

fn expects(name: &str, expected: &str) -> Refusal {
    Refusal::unprocessable(format!("{name} must be {expected}"))
}
