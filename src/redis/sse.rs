//! Server-sent events: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

/// No message of Upstash is as large as this.
const MAX_EVENT: usize = 64 * 1024 * 1024;

/// Reads the data of events from bytes that come in any pieces.
#[derive(Debug, Default)]
pub(super) struct EventParser {
    /// What of a line has come so far.
    line: Vec<u8>,
    /// The data of the event that has begun, if it has any.
    data: Option<Vec<u8>>,
    /// The last line ended with a carriage return, behind which a line feed means nothing.
    after_return: bool,
    started: bool,
}

/// An event, or a line of one, that has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

impl EventParser {
    /// Gives the data of each event that `bytes` completes to `found`. Of several `data` lines there is a line feed
    /// in between; everything else, comments and other fields, means nothing here.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut found: impl FnMut(Vec<u8>)) -> Result<(), TooLong> {
        while let Some((&first, rest)) = bytes.split_first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                bytes = rest;
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.line.extend_from_slice(bytes);
                break;
            };
            self.line.extend_from_slice(&bytes[..end]);
            self.after_return = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            if let Some(event) = self.end_line() {
                found(event);
            }
        }
        let size = self.line.len() + self.data.as_ref().map_or(0, Vec::len);
        if size > MAX_EVENT { Err(TooLong) } else { Ok(()) }
    }

    /// Ends a line; an empty one ends the event.
    fn end_line(&mut self) -> Option<Vec<u8>> {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.started, true) && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        if line.is_empty() {
            return self.data.take();
        }
        let value = match line.strip_prefix(b"data") {
            Some([]) => &[][..],
            Some([b':', b' ', value @ ..] | [b':', value @ ..]) => value,
            _ => return None,
        };
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let (mut parser, mut found) = (EventParser::default(), Vec::new());
        for piece in pieces {
            parser.push(piece, |event| found.push(String::from_utf8_lossy(&event).into_owned())).unwrap();
        }
        found
    }

    #[test]
    fn lines_end_in_three_ways_and_events_with_an_empty_one() {
        for text in [
            "data: a,b\ndata:c\n\n: comment\n\ndata: d\n\n",
            "data: a,b\r\ndata:c\r\n\r\ndata: d\r\n\r\n",
            "data: a,b\rdata:c\r\rdata: d\r\r",
        ] {
            assert_eq!(events([text.as_bytes()]), ["a,b\nc", "d"], "{text:?}");
        }
        assert_eq!(
            events([&b"\xef\xbb\xbfdata:  x\nid: 1\nevent: y\ndatax: z\n\ndata\n\nretry: 1\n\n"[..]]),
            [" x", ""]
        );
        assert_eq!(events([&b"data: without an end\n"[..]]), [""; 0]);
    }

    #[test]
    fn an_event_without_an_end_is_refused_in_time() {
        let mut parser = EventParser::default();
        let piece = vec![b'x'; 1 << 20];
        let pushed = (0..100).take_while(|_| parser.push(&piece, |_| unreachable!()).is_ok()).count();
        assert!((60..70).contains(&pushed), "{pushed}");
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            text in prop::collection::vec(prop::sample::select(b"data: x,:\r\n".to_vec()), 0..200),
            cuts in prop::collection::vec(1_usize..20, 1..50),
        ) {
            let mut rest = &text[..];
            let mut pieces = Vec::new();
            for cut in cuts.into_iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, others) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = others;
            }
            prop_assert_eq!(events(pieces), events([&text[..]]));
        }
    }
}
