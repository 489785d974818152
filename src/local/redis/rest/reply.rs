use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer, ser::SerializeSeq};

use crate::local::redis::resp::Value;

/// How the strings of a result are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As text; bytes that are not UTF-8 are lost.
    Plain,
    /// In base64, except an `OK` that is the whole result.
    Base64,
}

/// The outcome of one command: `{"result": …}` or `{"error": …}`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome<'a> {
    Result(Reply<'a>),
    Error(Cow<'a, str>),
}

impl<'a> Outcome<'a> {
    pub(super) fn new(value: &'a Value, encoding: Encoding) -> Self {
        match value {
            Value::Error(text) => Self::Error(text_of(text)),
            Value::Status(text) if text == "OK" => Self::Result(Reply(value, Encoding::Plain)),
            _ => Self::Result(Reply(value, encoding)),
        }
    }
}

/// A reply as JSON: null, an integer, a string, or an array of these.
#[derive(Debug)]
pub(super) struct Reply<'a>(&'a Value, Encoding);

impl Serialize for Reply<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Status(bytes) | Value::Bulk(bytes) | Value::Error(bytes) => match self.1 {
                Encoding::Plain => serializer.serialize_str(&text_of(bytes)),
                Encoding::Base64 => serializer.serialize_str(&STANDARD.encode(bytes)),
            },
            Value::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(&Reply(item, self.1))?;
                }
                sequence.end()
            }
        }
    }
}

/// Text with U+FFFD for each byte that is not UTF-8, as Upstash has it, rather than one for several.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.into();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &Value, encoding: Encoding) -> String {
        serde_json::to_string(&Outcome::new(value, encoding)).unwrap()
    }

    fn ok() -> Value {
        Value::Status("OK".into())
    }

    #[test]
    fn plain_strings_are_text() {
        let value = Value::Array(vec![
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Bulk(b"a\"\xe2\x82b".to_vec().into()),
            Value::Array(vec![ok(), Value::error("ERR inside")]),
        ]);
        assert_eq!(
            json(&value, Encoding::Plain),
            r#"{"result":[null,-9223372036854775808,"a\"��b",["OK","ERR inside"]]}"#
        );
    }

    #[test]
    fn base64_covers_every_string_of_a_result_but_a_lone_ok() {
        assert_eq!(json(&ok(), Encoding::Base64), r#"{"result":"OK"}"#);
        let bulk_ok = Value::Bulk("OK".into());
        assert_eq!(json(&bulk_ok, Encoding::Base64), r#"{"result":"T0s="}"#);
        let nested = Value::Array(vec![
            ok(),
            Value::Array(vec![Value::Bulk(b"\xff".to_vec().into()), Value::Integer(1)]),
            Value::Bulk("".into()),
        ]);
        assert_eq!(json(&nested, Encoding::Base64), r#"{"result":["T0s=",["/w==",1],""]}"#);
    }

    #[test]
    fn errors_are_never_encoded() {
        let error = Value::error("WRONGTYPE x");
        assert_eq!(json(&error, Encoding::Base64), r#"{"error":"WRONGTYPE x"}"#);
    }
}
