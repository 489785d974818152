use std::io;

use bytes::{Buf, Bytes, BytesMut};

use super::{Allowance, Value};

/// Deeper replies are refused: only a script can make one, and reading, writing and dropping it would recurse.
const MAX_DEPTH: usize = 256;
/// Redis itself takes no larger string (`proto-max-bulk-len`).
const MAX_BULK: usize = 512 * 1024 * 1024;
const LINE_END: usize = 2;
const MAX_LINE: usize = 16 * 1024 * 1024;
/// How many elements of an array are reserved for on its word alone.
const MAX_RESERVE: usize = 1024;

/// Decodes replies from bytes that arrive in any pieces, looking at each byte once.
///
/// An item that is larger than the [`Allowance`] is not kept: its bytes are counted and dropped as they arrive, and an
/// error replaces it.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    open: Vec<OpenArray>,
    bulk: Option<usize>,
    /// Bytes of a string, with its line end, that are still to be dropped.
    skip: usize,
    scanned: usize,
}

#[derive(Debug)]
struct OpenArray {
    missing: usize,
    items: Vec<Value>,
}

enum Token {
    Value(Value),
    /// A string that is not kept. It is counted already.
    Dropped,
    Array(usize),
}

impl Decoder {
    /// Takes the next reply from `buffer`, or what there is of it and gives `None`.
    pub(crate) fn decode(&mut self, buffer: &mut BytesMut, allowance: &mut Allowance) -> io::Result<Option<Value>> {
        while let Some(token) = self.token(buffer, allowance)? {
            match token {
                Token::Value(value) => {
                    let kept = match value {
                        Value::Bulk(_) => value,
                        line => allowance.takes_line(self.open.len(), line).unwrap_or(Value::Null),
                    };
                    if let Some(reply) = self.close(kept, allowance) {
                        return Ok(Some(reply));
                    }
                }
                Token::Dropped => {
                    if let Some(reply) = self.close(Value::Null, allowance) {
                        return Ok(Some(reply));
                    }
                }
                Token::Array(_) if self.open.len() == MAX_DEPTH => {
                    return Err(invalid("the reply is nested too deeply"));
                }
                Token::Array(missing) => {
                    self.open.push(OpenArray { missing, items: Vec::with_capacity(missing.min(MAX_RESERVE)) })
                }
            }
        }
        Ok(None)
    }

    /// Whether it stands between two replies.
    pub(crate) fn is_idle(&self) -> bool {
        self.open.is_empty() && self.bulk.is_none() && self.skip == 0 && self.scanned == 0
    }

    /// Adds a value to the innermost open array, and returns the reply that it completes.
    fn close(&mut self, mut value: Value, allowance: &mut Allowance) -> Option<Value> {
        loop {
            value = allowance.end_value(self.open.len(), value);
            let Some(array) = self.open.last_mut() else {
                return Some(value);
            };
            // Of an item that is not kept only the end has to be found.
            if allowance.keeps() {
                array.items.push(value);
            } else {
                array.items = Vec::new();
            }
            array.missing -= 1;
            if array.missing > 0 {
                return None;
            }
            value = Value::Array(std::mem::take(&mut array.items));
            self.open.pop();
        }
    }

    fn token(&mut self, buffer: &mut BytesMut, allowance: &mut Allowance) -> io::Result<Option<Token>> {
        if let Some(length) = self.bulk {
            return self.bulk(length, buffer);
        }
        if self.skip > 0 {
            return Ok(self.skip(buffer));
        }
        let Some(mut line) = self.line(buffer)? else {
            return Ok(None);
        };
        if line.is_empty() {
            return Err(invalid("a reply has no type"));
        }
        let value = match line.get_u8() {
            b'+' => Value::Status(line),
            b'-' => Value::Error(line),
            b':' => Value::Integer(integer(&line)?),
            b'$' => match length(&line, MAX_BULK)? {
                Some(length) if allowance.takes(length) => {
                    self.bulk = Some(length);
                    return self.bulk(length, buffer);
                }
                Some(length) => {
                    self.skip = length + LINE_END;
                    return Ok(self.skip(buffer));
                }
                None => Value::Null,
            },
            b'*' => match length(&line, u32::MAX as usize)? {
                Some(0) => Value::Array(Vec::new()),
                Some(length) => return Ok(Some(Token::Array(length))),
                None => Value::Null,
            },
            _ => return Err(invalid("a reply has an unknown type")),
        };
        Ok(Some(Token::Value(value)))
    }

    fn bulk(&mut self, length: usize, buffer: &mut BytesMut) -> io::Result<Option<Token>> {
        if buffer.len() < length + 2 {
            return Ok(None);
        }
        let bytes = buffer.split_to(length).freeze();
        if !buffer.starts_with(b"\r\n") {
            return Err(invalid("a string is not as long as announced"));
        }
        buffer.advance(2);
        self.bulk = None;
        Ok(Some(Token::Value(Value::Bulk(bytes))))
    }

    /// Drops what there is of a string that is not kept.
    fn skip(&mut self, buffer: &mut BytesMut) -> Option<Token> {
        let dropped = self.skip.min(buffer.len());
        buffer.advance(dropped);
        self.skip -= dropped;
        (self.skip == 0).then_some(Token::Dropped)
    }

    fn line(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
        let Some(end) = buffer[self.scanned..].windows(2).position(|pair| pair == b"\r\n") else {
            // The last byte may be the first half of the line end.
            self.scanned = buffer.len().saturating_sub(1);
            if self.scanned > MAX_LINE {
                return Err(invalid("a line is too long"));
            }
            return Ok(None);
        };
        let line = buffer.split_to(self.scanned + end).freeze();
        buffer.advance(2);
        self.scanned = 0;
        Ok(Some(line))
    }
}

fn integer(line: &[u8]) -> io::Result<i64> {
    std::str::from_utf8(line).ok().and_then(|text| text.parse().ok()).ok_or_else(|| invalid("an integer is not one"))
}

fn length(line: &[u8], max: usize) -> io::Result<Option<usize>> {
    match integer(line)? {
        -1 => Ok(None),
        length => usize::try_from(length)
            .ok()
            .filter(|length| *length <= max)
            .map(Some)
            .ok_or_else(|| invalid("a length is out of bounds")),
    }
}

fn invalid(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::redis::resp::allowance::model::Model;
    use proptest::prelude::*;

    fn write(value: &Value, out: &mut Vec<u8>) {
        let mut part = |head: String, tail: &[u8]| {
            out.extend_from_slice(head.as_bytes());
            out.extend_from_slice(tail);
            out.extend_from_slice(b"\r\n");
        };
        match value {
            Value::Status(text) => part("+".into(), text),
            Value::Error(text) => part("-".into(), text),
            Value::Integer(number) => part(format!(":{number}"), b""),
            Value::Bulk(bytes) => part(format!("${}\r\n", bytes.len()), bytes),
            Value::Null => part("$-1".into(), b""),
            Value::Array(items) => {
                part(format!("*{}", items.len()), b"");
                items.iter().for_each(|item| write(item, out));
            }
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            "[ -~]{0,20}".prop_map(|text| Value::Status(text.into())),
            "[ -~]{0,20}".prop_map(|text| Value::Error(text.into())),
            any::<i64>().prop_map(Value::Integer),
            any::<Vec<u8>>().prop_map(|bytes| Value::Bulk(bytes.into())),
            Just(Value::Null),
        ];
        leaf.prop_recursive(5, 64, 6, |inner| prop::collection::vec(inner, 0..6).prop_map(Value::Array))
    }

    fn decode_in_pieces(bytes: &[u8], sizes: &[usize]) -> io::Result<(Vec<Value>, bool)> {
        decode_within(Allowance::unlimited(), bytes, sizes)
    }

    fn decode_within(mut allowance: Allowance, bytes: &[u8], sizes: &[usize]) -> io::Result<(Vec<Value>, bool)> {
        let (mut decoder, mut buffer, mut found) = (Decoder::default(), BytesMut::new(), vec![]);
        let (mut rest, mut sizes) = (bytes, sizes.iter().cycle());
        while !rest.is_empty() {
            let size = sizes.next().map_or(1, |size| *size).clamp(1, rest.len());
            buffer.extend_from_slice(&rest[..size]);
            rest = &rest[size..];
            while let Some(value) = decoder.decode(&mut buffer, &mut allowance)? {
                found.push(value);
            }
        }
        Ok((found, decoder.is_idle() && buffer.is_empty()))
    }

    proptest! {
        #[test]
        fn gives_back_what_was_written_however_it_is_split(
            replies in prop::collection::vec(values(), 1..5),
            sizes in prop::collection::vec(1_usize..40, 1..20),
        ) {
            let mut bytes = Vec::new();
            replies.iter().for_each(|reply| write(reply, &mut bytes));
            prop_assert_eq!(decode_in_pieces(&bytes, &sizes).unwrap(), (replies, true));
        }

        /// The slow way: decode everything, then look at the sizes.
        #[test]
        fn keeps_what_fits_and_nothing_else(
            replies in prop::collection::vec(values(), 1..8),
            sizes in prop::collection::vec(1_usize..40, 1..20),
            item in 0_usize..60,
            total in 0_usize..120,
            depth in 0_usize..2,
        ) {
            let mut bytes = Vec::new();
            replies.iter().for_each(|reply| write(reply, &mut bytes));
            let mut model = Model::new(item, total);
            let mut fit = |value| model.fit(value);
            let expected: Vec<_> = replies
                .into_iter()
                .map(|reply| match reply {
                    Value::Array(items) if depth == 1 => Value::Array(items.into_iter().map(&mut fit).collect()),
                    reply => fit(reply),
                })
                .collect();
            let allowance = Allowance::new(item, total).of_items_at(depth);
            prop_assert_eq!(decode_within(allowance, &bytes, &sizes).unwrap(), (expected, true));
        }

        #[test]
        fn takes_any_bytes_without_panic(bytes: Vec<u8>, sizes in prop::collection::vec(1_usize..9, 1..9)) {
            let _ = decode_in_pieces(&bytes, &sizes);
        }
    }

    #[test]
    fn waits_for_the_rest() {
        for bytes in ["", "$", "$3\r", "$3\r\nab", "$3\r\nabc\r", "*2\r\n:1\r\n", "+OK"] {
            let (found, _) = decode_in_pieces(bytes.as_bytes(), &[1]).unwrap();
            assert_eq!(found, [], "{bytes:?}");
        }
    }

    #[test]
    fn reads_both_nulls_and_empty_arrays() {
        let (found, idle) = decode_in_pieces(b"*-1\r\n$-1\r\n*0\r\n*1\r\n*0\r\n", &[64]).unwrap();
        let empty = Value::Array(vec![]);
        let nested = Value::Array(vec![empty.clone()]);
        assert_eq!(found, [Value::Null, Value::Null, empty, nested]);
        assert!(idle);
    }

    #[test]
    fn refuses_what_is_not_resp2() {
        for bytes in [
            "\r\n",
            "%1\r\n",
            "hello\r\n",
            ":\r\n",
            ":1.5\r\n",
            ":9223372036854775808\r\n",
            "$-2\r\n",
            "$536870913\r\n",
            "*99999999999\r\n",
            "$1\r\nabc\r\n",
        ] {
            assert!(decode_in_pieces(bytes.as_bytes(), &[64]).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn bounds_the_depth() {
        assert!(decode_in_pieces("*1\r\n".repeat(MAX_DEPTH).as_bytes(), &[999]).is_ok());
        assert!(decode_in_pieces("*1\r\n".repeat(MAX_DEPTH + 1).as_bytes(), &[999]).is_err());
    }
}
