//! The memory of messages for a while after they were accepted, or have ended.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::local::qstash::message::Message;

/// How long a repetition is told.
pub(super) const DEDUPLICATION_MS: u64 = 10 * 60 * 1_000;
/// How long a message that was delivered can be read.
const READABLE_MS: u64 = 10_000;
const MAX_READABLE: usize = 1_000;
const MAX_READABLE_BYTES: usize = 64 * 1024 * 1024;
/// The bytes of what tells repetitions, of which the oldest goes.
const MAX_DEDUPLICATION_BYTES: usize = 128 * 1024 * 1024;
/// Of an entry beside its texts.
const ENTRY_BYTES: usize = 128;

/// The messages that were accepted in the last ten minutes, by what tells a repetition.
#[derive(Debug, Default)]
pub(super) struct Deduplicated {
    ids: HashMap<Arc<str>, (String, u64)>,
    ends: VecDeque<(u64, Arc<str>)>,
    bytes: usize,
}

impl Deduplicated {
    /// The message that this would repeat.
    pub(super) fn find(&mut self, now_ms: u64, key: &str) -> Option<&str> {
        self.expire(now_ms);
        self.ids.get(key).filter(|(_, until_ms)| *until_ms > now_ms).map(|(id, _)| id.as_str())
    }

    /// Forgets what is told no more.
    pub(super) fn expire(&mut self, now_ms: u64) {
        while self.ends.front().is_some_and(|(until_ms, _)| *until_ms <= now_ms) {
            self.drop_oldest();
        }
    }

    pub(super) fn insert(&mut self, key: String, id: String, until_ms: u64) {
        let key: Arc<str> = key.into();
        self.bytes += ENTRY_BYTES + key.len();
        self.ends.push_back((until_ms, Arc::clone(&key)));
        self.ids.insert(key, (id, until_ms));
        while self.bytes > MAX_DEDUPLICATION_BYTES {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some((until_ms, key)) = self.ends.pop_front() else { return };
        self.bytes -= ENTRY_BYTES + key.len();
        if self.ids.get(&key).is_some_and(|(_, last_ms)| *last_ms <= until_ms) {
            self.ids.remove(&key);
        }
    }
}

/// Messages that were delivered a moment ago. A publisher that looks at its message finds it, however fast it was.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    messages: HashMap<String, Arc<Message>>,
    ends: VecDeque<(u64, Arc<Message>)>,
    bytes: usize,
}

impl Delivered {
    pub(super) fn insert(&mut self, now_ms: u64, message: Arc<Message>) {
        self.bytes += message.size();
        self.ends.push_back((now_ms.saturating_add(READABLE_MS), Arc::clone(&message)));
        self.messages.insert(message.id.clone(), message);
        self.expire(now_ms);
    }

    pub(super) fn get(&mut self, now_ms: u64, id: &str) -> Option<&Arc<Message>> {
        self.expire(now_ms);
        self.messages.get(id)
    }

    /// Forgets what can be read no more.
    pub(super) fn expire(&mut self, now_ms: u64) {
        let is_over = |ends: &VecDeque<(u64, _)>, bytes| ends.len() > MAX_READABLE || bytes > MAX_READABLE_BYTES;
        while is_over(&self.ends, self.bytes) || self.ends.front().is_some_and(|(until_ms, _)| *until_ms <= now_ms) {
            let Some((_, message)) = self.ends.pop_front() else { break };
            self.bytes -= message.size();
            self.messages.remove(&message.id);
        }
    }
}
