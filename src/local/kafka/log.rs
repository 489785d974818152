use std::{collections::VecDeque, sync::Arc};

use serde::{Deserialize, Serialize};

/// A header of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) key: String,
    pub(super) value: String,
}

/// A message in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) offset: i64,
    pub(super) timestamp: i64,
    pub(super) key: String,
    pub(super) value: String,
    pub(super) headers: Vec<Header>,
}

/// How much a partition keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// The messages of a partition, of which the oldest ones go.
#[derive(Debug, Default)]
pub(super) struct Log {
    messages: VecDeque<Arc<Stored>>,
    /// The offset of the next message.
    end: i64,
    bytes: usize,
}

impl Stored {
    pub(super) fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|header| header.key.len() + header.value.len()).sum();
        self.key.len() + self.value.len() + headers
    }
}

impl Log {
    /// The first offset that is kept.
    pub(super) fn begin(&self) -> i64 {
        self.messages.front().map_or(self.end, |message| message.offset)
    }

    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// Adds a message, and gives its offset.
    pub(super) fn append(&mut self, mut message: Stored, retention: Retention) -> i64 {
        message.offset = self.end;
        self.end += 1;
        self.bytes += message.bytes();
        self.messages.push_back(Arc::new(message));
        // The newest one stays, however large it is.
        while self.messages.len() > 1 && (self.messages.len() > retention.messages || self.bytes > retention.bytes) {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
        self.end - 1
    }

    /// The messages from an offset on. One before the beginning is the beginning.
    pub(super) fn from(&self, offset: i64) -> impl Iterator<Item = &Arc<Stored>> {
        let skip = usize::try_from(offset - self.begin()).unwrap_or_default();
        self.messages.range(skip.min(self.messages.len())..)
    }

    /// The first offset whose message has that time or a later one, or the end.
    pub(super) fn at_time(&self, timestamp: i64) -> i64 {
        self.messages.iter().find(|message| message.timestamp >= timestamp).map_or(self.end, |message| message.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(value: &str, timestamp: i64) -> Stored {
        Stored { offset: 0, timestamp, key: String::new(), value: value.to_owned(), headers: Vec::new() }
    }

    #[test]
    fn the_oldest_messages_go_and_offsets_stay() {
        let mut log = Log::default();
        let retention = Retention { messages: 3, bytes: 10 };
        for (at, value) in (0..).zip(["a", "b", "c", "d", "0123456789"]) {
            assert_eq!(log.append(message(value, at * 10), retention), at);
        }
        assert_eq!((log.begin(), log.end()), (4, 5));
        log.append(message("x", 50), Retention { messages: 3, bytes: 100 });
        let values = |offset| log.from(offset).map(|message| message.value.as_str()).collect::<Vec<_>>();
        assert_eq!(values(-1), ["0123456789", "x"]);
        assert_eq!(values(5), ["x"]);
        assert_eq!(values(i64::MAX), [""; 0]);
        assert_eq!((log.at_time(0), log.at_time(41), log.at_time(51)), (4, 5, 6));
    }
}
