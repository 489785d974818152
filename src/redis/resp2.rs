//! Reads RESP2, the form of replies under `Upstash-Response-Format: resp2`.

use super::{Reply, reply::Item};
use bytes::Bytes;
use std::fmt;

/// Deeper arrays are refused: reading and dropping them would recurse. No command nests deeper than a handful.
const MAX_DEPTH: usize = 128;

/// The bytes are not of RESP2, or of something else as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// Reads one reply after the other until the body ends. Strings are slices of the body: nothing is copied.
pub(super) fn replies(body: &Bytes) -> Result<Vec<Item>, Malformed> {
    let mut reader = Reader { body, at: 0 };
    let mut items = Vec::new();
    while reader.at < body.len() {
        items.push(match reader.reply(0)? {
            Reply::Error(text) => Item::Error(text),
            reply => Item::Result(reply),
        });
    }
    Ok(items)
}

struct Reader<'a> {
    body: &'a Bytes,
    at: usize,
}

impl<'a> Reader<'a> {
    fn reply(&mut self, depth: usize) -> Result<Reply, Malformed> {
        let line = self.line()?;
        let (kind, rest) = line.split_first().ok_or(Malformed("a reply has no type"))?;
        match kind {
            b'+' if rest == b"OK" => Ok(Reply::Ok),
            b'+' => Ok(Reply::Bulk(self.body.slice_ref(rest))),
            b'-' => Ok(Reply::Error(String::from_utf8_lossy(rest).into_owned())),
            b':' => integer(rest).map(Reply::Int),
            b'$' => match length(rest)? {
                Some(length) => self.bulk(length),
                None => Ok(Reply::Nil),
            },
            b'*' => match length(rest)? {
                Some(_) if depth >= MAX_DEPTH => Err(Malformed("arrays are nested too deeply")),
                Some(length) => {
                    // Each item takes at least four bytes, so an announced length cannot reserve more than there is.
                    let mut items = Vec::with_capacity(length.min((self.body.len() - self.at) / 4 + 1));
                    for _ in 0..length {
                        items.push(self.reply(depth + 1)?);
                    }
                    Ok(Reply::Array(items))
                }
                None => Ok(Reply::Nil),
            },
            _ => Err(Malformed("a reply has an unknown type")),
        }
    }

    fn bulk(&mut self, length: usize) -> Result<Reply, Malformed> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.body.len());
        let end = end.ok_or(Malformed("the answer ends within a string"))?;
        if self.body.get(end..end + 2) != Some(b"\r\n") {
            return Err(Malformed("a string is not as long as announced"));
        }
        let bytes = self.body.slice(self.at..end);
        self.at = end + 2;
        Ok(Reply::Bulk(bytes))
    }

    fn line(&mut self) -> Result<&'a [u8], Malformed> {
        let rest = &self.body[self.at..];
        let end = rest.windows(2).position(|pair| pair == b"\r\n").ok_or(Malformed("the answer ends within a line"))?;
        self.at += end + 2;
        Ok(&rest[..end])
    }
}

fn integer(text: &[u8]) -> Result<i64, Malformed> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Malformed("an integer is not one"))
}

fn length(text: &[u8]) -> Result<Option<usize>, Malformed> {
    match integer(text)? {
        -1 => Ok(None),
        length => usize::try_from(length).map(Some).map_err(|_| Malformed("a length is negative")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &'static [u8]) -> Result<Vec<Item>, Malformed> {
        replies(&Bytes::from_static(text))
    }

    #[test]
    fn every_type_in_a_row() {
        let items =
            read(b"+OK\r\n+PONG\r\n-WRONGTYPE no\r\n:-9\r\n$2\r\n\xff\n\r\n$-1\r\n*-1\r\n*2\r\n$0\r\n\r\n-ERR in\r\n")
                .unwrap();
        let shown: Vec<_> = items.iter().map(|item| format!("{item:?}")).collect();
        assert_eq!(
            shown,
            [
                "Result(Ok)",
                "Result(Bulk(b\"PONG\"))",
                "Error(\"WRONGTYPE no\")",
                "Result(Int(-9))",
                "Result(Bulk(b\"\\xff\\n\"))",
                "Result(Nil)",
                "Result(Nil)",
                "Result(Array([Bulk(b\"\"), Error(\"ERR in\")]))",
            ]
        );
    }

    #[test]
    fn what_is_cut_short_or_too_deep_is_refused() {
        for text in
            [&b"+OK"[..], b"$5\r\nabc\r\n", b"$3\r\nabcde", b"*2\r\n:1\r\n", b":x\r\n", b"$-2\r\n", b"?\r\n", b"\r\n"]
        {
            assert!(replies(&Bytes::copy_from_slice(text)).is_err(), "{text:?}");
        }
        assert!(replies(&Bytes::from("*1\r\n".repeat(100_000))).is_err());
        assert!(replies(&Bytes::from("*4000000000\r\n")).is_err());
        assert!(replies(&Bytes::from(format!("${}\r\n", u64::MAX))).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop::sample::select(b"+-:$*0123456789\r\nOK".to_vec()), 0..60)) {
            let _ = replies(&Bytes::from(bytes));
        }
    }
}
