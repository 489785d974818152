use std::{collections::VecDeque, sync::Arc};

use serde::{Deserialize, Serialize};

/// What a message and a header take beside their texts.
const OVERHEAD: usize = 64;

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
        OVERHEAD + self.key.len() + self.value.len() + bytes_of(&self.headers)
    }
}

/// About how many bytes headers take.
pub(super) fn bytes_of(headers: &[Header]) -> usize {
    headers.iter().map(|header| OVERHEAD + header.key.len() + header.value.len()).sum()
}

impl Log {
    /// The first offset that is kept.
    pub(super) fn begin(&self) -> i64 {
        self.messages.front().map_or(self.end, |message| message.offset)
    }

    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// Adds a message, whose offset is the end.
    pub(super) fn append(&mut self, message: Arc<Stored>, retention: Retention) {
        self.end = message.offset + 1;
        self.bytes += message.bytes();
        self.messages.push_back(message);
        // The newest one stays, however large it is.
        while self.messages.len() > 1 && (self.messages.len() > retention.messages || self.bytes > retention.bytes) {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
    }

    /// The messages from an offset on. One before the beginning is the beginning.
    pub(super) fn from(&self, offset: i64) -> impl Iterator<Item = &Arc<Stored>> {
        let skip = usize::try_from(offset.saturating_sub(self.begin())).unwrap_or_default();
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

    fn append(log: &mut Log, value: &str, timestamp: i64, retention: Retention) {
        let (key, value, headers) = (String::new(), value.to_owned(), Vec::new());
        log.append(Arc::new(Stored { offset: log.end(), timestamp, key, value, headers }), retention);
    }

    #[test]
    fn the_oldest_messages_go_and_offsets_stay() {
        let mut log = Log::default();
        let retention = Retention { messages: 3, bytes: 130 };
        for (at, value) in (0..).zip(["a", "b", "c", "d", "0123456789"]) {
            append(&mut log, value, at * 10, retention);
        }
        assert_eq!((log.begin(), log.end()), (4, 5));
        append(&mut log, "x", 50, Retention { messages: 3, bytes: 1_000 });
        let values = |offset| log.from(offset).map(|message| message.value.as_str()).collect::<Vec<_>>();
        assert_eq!(values(-1), ["0123456789", "x"]);
        assert_eq!(values(i64::MIN), ["0123456789", "x"]);
        assert_eq!(values(5), ["x"]);
        assert_eq!(values(i64::MAX), [""; 0]);
        assert_eq!((log.at_time(0), log.at_time(41), log.at_time(51)), (4, 5, 6));
    }
}
