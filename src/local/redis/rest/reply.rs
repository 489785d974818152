use std::{borrow::Cow, io::Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::local::redis::resp::Value;

/// How the strings of a result are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As text; bytes that are not UTF-8 are lost.
    Plain,
    /// In base64, except an `OK` that is the whole result.
    Base64,
    /// Not as JSON at all, but as RESP2.
    Resp2,
}

/// Appends the outcome of one command: `{"result": …}` or `{"error": "…"}`.
///
/// It is written by hand, since it is most of what a server of this protocol does.
pub(super) fn write(value: &Value, encoding: Encoding, out: &mut Vec<u8>) {
    if let Value::Error(text) = value {
        error(&text_of(text), out);
        return;
    }
    let lone_ok = matches!(value, Value::Status(text) if text == "OK");
    out.extend_from_slice(b"{\"result\":");
    result(value, if lone_ok { Encoding::Plain } else { encoding }, out);
    out.push(b'}');
}

/// Appends `{"error": "…"}`.
pub(super) fn error(message: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"error\":");
    text(message, out);
    out.push(b'}');
}

/// Appends null, an integer, a string, or an array of these.
fn result(value: &Value, encoding: Encoding, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        // Writing to a `Vec` does not fail.
        Value::Integer(number) => drop(write!(out, "{number}")),
        Value::Status(bytes) | Value::Bulk(bytes) | Value::Error(bytes) => match encoding {
            Encoding::Base64 => base64(bytes, out),
            Encoding::Plain | Encoding::Resp2 => text(&text_of(bytes), out),
        },
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                result(item, encoding, out);
            }
            out.push(b']');
        }
    }
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let begin = out.len();
    out.resize(begin + bytes.len().div_ceil(3) * 4, 0);
    // The length is what padded base64 takes, so it fits.
    let _ = STANDARD.encode_slice(bytes, &mut out[begin..]);
    out.push(b'"');
}

fn text(text: &str, out: &mut Vec<u8>) {
    // A string can always be written, and to a `Vec` as well.
    let _ = serde_json::to_writer(out, text);
}

/// Text with U+FFFD for each byte that is not UTF-8, as Upstash has it, rather than one for several.
pub(super) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
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
    use proptest::prelude::*;

    fn json(value: &Value, encoding: Encoding) -> String {
        let mut out = Vec::new();
        write(value, encoding, &mut out);
        String::from_utf8(out).unwrap()
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

    proptest! {
        #[test]
        fn what_is_written_is_json(bytes in prop::collection::vec(any::<u8>(), 0..40), number in any::<i64>()) {
            let value = Value::Array(vec![Value::Bulk(bytes.clone().into()), Value::Integer(number)]);
            for encoding in [Encoding::Plain, Encoding::Base64] {
                let read: serde_json::Value = serde_json::from_str(&json(&value, encoding)).unwrap();
                prop_assert_eq!(&read["result"][1], &serde_json::json!(number));
                let text = read["result"][0].as_str().unwrap();
                match encoding {
                    Encoding::Base64 => prop_assert_eq!(STANDARD.decode(text).unwrap(), bytes.clone()),
                    _ => prop_assert_eq!(text, text_of(&bytes)),
                }
            }
        }
    }
}
