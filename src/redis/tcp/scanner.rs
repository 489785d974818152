use super::super::resp2::Malformed;

/// Deeper arrays are refused, as [`resp2`](super::super::resp2) does.
const MAX_DEPTH: usize = 128;
/// The longest line: a number, a status or an error.
const MAX_LINE: usize = 1 << 20;
/// The largest string that a Redis may be set to hold is 512 MiB, and twice that is no string.
const MAX_STRING: usize = 1 << 30;

/// Finds the end of a reply in bytes that come in pieces, and looks at each byte of it once.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    /// The bytes before this position have been scanned.
    at: usize,
    /// The end of the string that is coming in.
    string_end: usize,
    /// How many items the arrays around it still miss.
    open: Vec<usize>,
}

impl Scanner {
    /// The length of the reply at the beginning of `bytes`, if all of it is there.
    ///
    /// `bytes` must begin as at the last call, if that found nothing.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        loop {
            if self.string_end > bytes.len() {
                return Ok(None);
            }
            let Some(line) = line(&bytes[self.at..])? else { return Ok(None) };
            let next = self.at + line.len() + 2;
            let (kind, rest) = line.split_first().ok_or(Malformed("a reply has no type"))?;
            match kind {
                b'+' | b'-' | b':' => self.at = next,
                b'$' => match length(rest)? {
                    None => self.at = next,
                    Some(length) if length > MAX_STRING => return Err(Malformed("a string is too long")),
                    Some(length) => {
                        self.string_end = next + length + 2;
                        if self.string_end > bytes.len() {
                            return Ok(None);
                        }
                        self.at = self.string_end;
                    }
                },
                b'*' => {
                    self.at = next;
                    if let Some(items @ 1..) = length(rest)? {
                        if self.open.len() >= MAX_DEPTH {
                            return Err(Malformed("arrays are nested too deeply"));
                        }
                        self.open.push(items);
                        continue;
                    }
                }
                _ => return Err(Malformed("a reply has an unknown type")),
            }
            if self.item_ended() {
                let end = std::mem::take(&mut self.at);
                self.string_end = 0;
                return Ok(Some(end));
            }
        }
    }

    /// How many bytes are known to be missing.
    pub(super) fn missing(&self, there: usize) -> usize {
        self.string_end.saturating_sub(there)
    }

    /// Counts an item of the innermost array, and those arrays that end with it; whether the reply ends.
    fn item_ended(&mut self) -> bool {
        while let Some(missing) = self.open.last_mut() {
            *missing -= 1;
            if *missing > 0 {
                return false;
            }
            self.open.pop();
        }
        true
    }
}

/// The line without its end, if that is there.
fn line(bytes: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) if end > 0 && bytes[end - 1] == b'\r' => Ok(Some(&bytes[..end - 1])),
        Some(_) => Err(Malformed("a line does not end as it should")),
        None if bytes.len() > MAX_LINE => Err(Malformed("a line is too long")),
        None => Ok(None),
    }
}

fn length(text: &[u8]) -> Result<Option<usize>, Malformed> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
    match number {
        Some(-1) => Ok(None),
        Some(number) => usize::try_from(number).map(Some).map_err(|_| Malformed("a length is negative")),
        None => Err(Malformed("a length is no number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply() -> impl Strategy<Value = Vec<u8>> {
        let leaf = prop_oneof![
            Just(b"+OK\r\n".to_vec()),
            Just(b"-ERR no\r\n".to_vec()),
            any::<i64>().prop_map(|number| format!(":{number}\r\n").into_bytes()),
            Just(b"$-1\r\n".to_vec()),
            Just(b"*-1\r\n".to_vec()),
            Just(b"*0\r\n".to_vec()),
            prop::collection::vec(prop::sample::select(b"a\r\n$*0".to_vec()), 0..20).prop_map(|text| [
                format!("${}\r\n", text.len()).as_bytes(),
                &text,
                b"\r\n"
            ]
            .concat()),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop::collection::vec(inner, 1..5)
                .prop_map(|items| [format!("*{}\r\n", items.len()).into_bytes(), items.concat()].concat())
        })
    }

    proptest! {
        #[test]
        fn the_end_is_found_however_the_bytes_come(
            replies in prop::collection::vec(reply(), 1..5),
            sizes in prop::collection::vec(1_usize..9, 1..20),
        ) {
            let all = replies.concat();
            let (mut buffer, mut found) = (Vec::new(), Vec::new());
            let (mut scanner, mut at) = (Scanner::default(), 0);
            for size in sizes.iter().cycle() {
                let next = (at + size).min(all.len());
                buffer.extend_from_slice(&all[at..next]);
                at = next;
                while let Some(end) = scanner.end(&buffer).unwrap() {
                    found.push(buffer.drain(..end).collect::<Vec<u8>>());
                    if buffer.is_empty() {
                        break;
                    }
                }
                if at == all.len() {
                    break;
                }
            }
            prop_assert_eq!(found, replies);
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(prop::sample::select(b"+-:$*09\r\nx".to_vec()), 0..60)) {
            let _ = Scanner::default().end(&bytes);
        }
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for bytes in ["?\r\n", "+OK\n", "$x\r\n", "$-2\r\n", "$9999999999\r\n", "\r\n"] {
            assert!(Scanner::default().end(bytes.as_bytes()).is_err(), "{bytes:?}");
        }
        assert!(Scanner::default().end("*1\r\n".repeat(1000).as_bytes()).is_err());
    }
}
