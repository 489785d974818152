use std::sync::Arc;

use super::{log::Stored, request::TopicPartition};

/// The messages of one answer, and their bytes.
const MAX_MESSAGES: usize = 500;
const MAX_BYTES: usize = 1024 * 1024;

/// Messages of one partition for an answer.
pub(super) type Batch = (TopicPartition, Vec<Arc<Stored>>);

/// What still has room in an answer.
pub(super) struct Room {
    messages: usize,
    bytes: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { messages: MAX_MESSAGES, bytes: MAX_BYTES }
    }
}

impl Room {
    /// As many messages as there is room for, and one if the answer is empty.
    pub(super) fn batch<'a>(
        &mut self,
        partition: TopicPartition,
        messages: impl Iterator<Item = &'a Arc<Stored>>,
    ) -> Option<Batch> {
        let mut taken = Vec::new();
        for message in messages {
            let bytes = message.bytes();
            let is_first = self.messages == MAX_MESSAGES;
            if self.messages == 0 || (bytes > self.bytes && !is_first) {
                break;
            }
            self.messages -= 1;
            self.bytes = self.bytes.saturating_sub(bytes);
            taken.push(Arc::clone(message));
        }
        (!taken.is_empty()).then_some((partition, taken))
    }
}
