use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

/// A JSON object that is put together.
#[derive(Debug, Default)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    /// With a field.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// With a field, if it is set.
    pub(super) fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With a field, if it is not empty.
    pub(super) fn with_text(self, name: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.with(name, value) }
    }

    /// With a body: as text if it is one, otherwise in base64 under the other name.
    pub(super) fn with_body(self, name: &str, encoded_name: &str, body: &[u8]) -> Self {
        match std::str::from_utf8(body) {
            Ok(text) => self.with_text(name, text),
            Err(_) => self.with(encoded_name, STANDARD.encode(body)),
        }
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}
