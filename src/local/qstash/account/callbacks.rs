use std::sync::Arc;

use super::{Account, accept::not_before};
use crate::local::qstash::{
    deliver::Outcome,
    ids,
    message::{Callback, Message, Options, Origin, TRACE},
    records::DeadLetter,
    view,
};

impl Account {
    /// Sends the outcome of an attempt to the callback.
    pub(super) fn call_back(&mut self, now_ms: u64, message: &Message, outcome: &Outcome, retried: u32) {
        if let Some(callback) = &message.options.callback {
            let body = view::callback(message, outcome, retried, None, self.limits.max_message_bytes);
            self.take_callback(now_ms, message, callback, body);
        }
    }

    /// Sends the outcome of the last attempt to the failure callback.
    pub(super) fn call_back_failure(&mut self, now_ms: u64, letter: &DeadLetter, retried: u32) {
        let message = &letter.message;
        if let Some(callback) = &message.options.failure_callback {
            let most = self.limits.max_message_bytes;
            let body = view::callback(message, &letter.outcome, retried, Some(&letter.id()), most);
            self.take_callback(now_ms, message, callback, body);
        }
    }

    fn take_callback(&mut self, now_ms: u64, source: &Message, callback: &Arc<Callback>, body: Vec<u8>) {
        if self.pending_bytes.saturating_add(body.len()) > self.limits.max_pending_bytes {
            tracing::warn!(message_id = source.id, "a callback was dropped: too many bytes wait for their delivery");
            return;
        }
        let mut options = Options::clone(&callback.options);
        // The body of a callback has in it what the message hides.
        if let Some(redaction) = &source.options.redaction {
            options.redaction = Some(redaction.of_callback(options.redaction.as_ref()));
        }
        for name in TRACE {
            if let Some(value) = source.options.forwarded.get(name).filter(|_| !options.forwarded.contains_key(name)) {
                options.forwarded.insert(name, value.clone());
            }
        }
        let options = Arc::new(options);
        let message = Arc::new(Message {
            job: self.last_job + 1,
            id: ids::message_id(),
            url: callback.url.clone(),
            body: body.into(),
            max_retries: options.retries.unwrap_or(source.max_retries),
            created_ms: now_ms,
            not_before_ms: not_before(now_ms, &options),
            queue: None,
            topic: None,
            schedule_id: None,
            caller_ip: source.caller_ip,
            origin: Origin::Callback(source.job),
            options,
        });
        self.take(now_ms, &message, None);
    }
}
