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

/// The messages that were accepted in the last ten minutes, by what tells a repetition.
#[derive(Debug, Default)]
pub(super) struct Deduplicated {
    ids: HashMap<String, (String, u64)>,
    ends: VecDeque<(u64, String)>,
}

impl Deduplicated {
    /// The message that this would repeat.
    pub(super) fn find(&mut self, now_ms: u64, key: &str) -> Option<&str> {
        while self.ends.front().is_some_and(|(until_ms, _)| *until_ms <= now_ms) {
            if let Some((until_ms, key)) = self.ends.pop_front()
                && self.ids.get(&key).is_some_and(|(_, last_ms)| *last_ms <= until_ms)
            {
                self.ids.remove(&key);
            }
        }
        self.ids.get(key).filter(|(_, until_ms)| *until_ms > now_ms).map(|(id, _)| id.as_str())
    }

    pub(super) fn insert(&mut self, key: String, id: String, until_ms: u64) {
        self.ends.push_back((until_ms, key.clone()));
        self.ids.insert(key, (id, until_ms));
    }
}

/// Messages that were delivered a moment ago. A publisher that looks at its message finds it, however fast it was.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    messages: HashMap<String, Arc<Message>>,
    ends: VecDeque<(u64, String)>,
}

impl Delivered {
    pub(super) fn insert(&mut self, now_ms: u64, message: Arc<Message>) {
        self.expire(now_ms, MAX_READABLE - 1);
        self.ends.push_back((now_ms + READABLE_MS, message.id.clone()));
        self.messages.insert(message.id.clone(), message);
    }

    pub(super) fn get(&mut self, now_ms: u64, id: &str) -> Option<&Arc<Message>> {
        self.expire(now_ms, MAX_READABLE);
        self.messages.get(id)
    }

    fn expire(&mut self, now_ms: u64, max: usize) {
        while self.ends.len() > max || self.ends.front().is_some_and(|(until_ms, _)| *until_ms <= now_ms) {
            if let Some((_, id)) = self.ends.pop_front() {
                self.messages.remove(&id);
            }
        }
    }
}
