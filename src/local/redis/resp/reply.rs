use super::Value;

/// Appends a reply as RESP2.
pub(crate) fn encode_reply(value: &Value, buffer: &mut Vec<u8>) {
    match value {
        Value::Status(text) => line(b'+', text, buffer),
        Value::Error(text) => line(b'-', text, buffer),
        Value::Integer(number) => line(b':', number.to_string().as_bytes(), buffer),
        Value::Null => buffer.extend_from_slice(b"$-1\r\n"),
        Value::Bulk(bytes) => {
            line(b'$', bytes.len().to_string().as_bytes(), buffer);
            buffer.extend_from_slice(bytes);
            buffer.extend_from_slice(b"\r\n");
        }
        Value::Array(items) => {
            line(b'*', items.len().to_string().as_bytes(), buffer);
            items.iter().for_each(|item| encode_reply(item, buffer));
        }
    }
}

/// A line cannot have a line end in it: Redis itself puts spaces there.
fn line(kind: u8, text: &[u8], buffer: &mut Vec<u8>) {
    buffer.push(kind);
    buffer.extend(text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
    buffer.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::redis::resp::{Allowance, Decoder};
    use bytes::{Bytes, BytesMut};
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Value> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            bytes().prop_map(Value::Bulk),
            "[A-Z ]{0,9}".prop_map(|text| Value::Status(text.into())),
            "[A-Z ]{0,9}".prop_map(|text| Value::Error(text.into())),
        ];
        leaf.prop_recursive(3, 20, 5, |inner| prop::collection::vec(inner, 0..5).prop_map(Value::Array))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in values()) {
            let mut buffer = Vec::new();
            encode_reply(&value, &mut buffer);
            let mut bytes = BytesMut::from(&buffer[..]);
            prop_assert_eq!(Decoder::default().decode(&mut bytes, &mut Allowance::unlimited()).unwrap(), Some(value));
            prop_assert!(bytes.is_empty());
        }
    }

    #[test]
    fn a_line_end_in_an_error_does_not_end_it() {
        let mut buffer = Vec::new();
        encode_reply(&Value::error("ERR a\r\n+OK"), &mut buffer);
        assert_eq!(buffer, b"-ERR a  +OK\r\n");
    }
}
