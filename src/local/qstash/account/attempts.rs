use std::sync::Arc;

use bytes::Bytes;

use super::{Account, accept::millis};
use crate::local::qstash::{
    deliver::Outcome,
    dispatch::JobId,
    message::{Message, Origin},
    records::{DeadLetter, Record, State},
    text::{default_backoff, requested_wait},
};

/// The bytes of the response to a message that are kept.
const MAX_RESPONSE: usize = 1024 * 1024;

/// An attempt to make now.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) job: JobId,
    pub(crate) message: Arc<Message>,
    /// The body as it is delivered.
    pub(crate) body: Bytes,
    pub(crate) retried: u32,
    /// How long it may take, in milliseconds.
    pub(crate) timeout_ms: u64,
    /// The bytes of the response that are kept.
    pub(crate) max_response: usize,
}

impl Account {
    /// Does what is due, and gives the attempts that begin now. Each ends with [`ended`](Self::ended).
    pub(crate) fn begin_due(&mut self, now_ms: u64) -> Vec<Attempt> {
        self.tick(now_ms);
        self.log_cancelled(now_ms);
        self.expire(now_ms);
        self.expire_waits(now_ms);
        let mut attempts = Vec::new();
        if self.dispatcher.is_due(now_ms) {
            self.commit(now_ms, Record::Dispatched);
        }
        for job in std::mem::take(&mut self.begun) {
            let Some(live) = self.live.get(&job) else { continue };
            let (message, retried) = (Arc::clone(&live.message), live.retried);
            let body = match &message.origin {
                Origin::Run(place) => self.body_for_run(&message, place),
                _ => Some(message.body.clone()),
            };
            let Some(body) = body else {
                // Its run has ended.
                self.commit(now_ms, Record::Ended(job));
                continue;
            };
            let timeout =
                message.options.timeout.map_or(self.limits.max_timeout, |own| own.min(self.limits.max_timeout));
            if !matches!(message.origin, Origin::Run(_)) {
                self.note(now_ms, State::Active, &message);
            }
            // Endpoints are told the whole answer to a call, and the whole error of a run.
            let max_response = match message.place() {
                Some(_) => self.limits.max_message_bytes.saturating_mul(2),
                None => MAX_RESPONSE.min(self.limits.max_message_bytes),
            };
            let timeout_ms = millis(timeout).max(1);
            attempts.push(Attempt { job, message, body, retried, timeout_ms, max_response });
        }
        attempts
    }

    /// Notes what came of an attempt, and plans what follows.
    pub(crate) fn ended(&mut self, now_ms: u64, job: JobId, outcome: Outcome) {
        let Some(live) = self.live.get(&job) else { return };
        let (message, retried, is_cancelled) = (Arc::clone(&live.message), live.retried, live.is_cancelled);
        let outcome = Arc::new(outcome);
        if let Origin::Run(place) = &message.origin {
            let wait_ms = wait(&message, &outcome, retried, now_ms);
            return self.run_attempt_ended(now_ms, &message, place, &outcome, (retried, wait_ms));
        }
        if outcome.is_success() {
            self.note_with(now_ms, State::Delivered, &message, Some(&outcome), None);
            self.call_back(now_ms, &message, &outcome, retried);
            self.commit(now_ms, Record::Ended(job));
            return;
        }
        self.note_with(now_ms, State::Error, &message, Some(&outcome), None);
        if is_cancelled {
            self.note(now_ms, State::Canceled, &message);
            self.commit(now_ms, Record::Ended(job));
            return;
        }
        self.call_back(now_ms, &message, &outcome, retried);
        if outcome.is_final() || retried >= message.max_retries {
            self.fail(now_ms, &message, &outcome, retried);
        } else {
            let at_ms = now_ms.saturating_add(wait(&message, &outcome, retried, now_ms));
            self.note_with(now_ms, State::Retry, &message, None, Some(at_ms));
            self.commit(now_ms, Record::Retries(job, retried + 1, at_ms));
        }
    }

    /// Gives a message up.
    fn fail(&mut self, now_ms: u64, message: &Arc<Message>, outcome: &Arc<Outcome>, retried: u32) {
        self.note_with(now_ms, State::Failed, message, Some(outcome), None);
        let letter = Arc::new(DeadLetter {
            number: self.last_dead_letter + 1,
            time_ms: now_ms,
            message: Arc::clone(message),
            outcome: Arc::clone(outcome),
        });
        // While the message still has its place in a queue, which its callbacks keep.
        self.call_back_failure(now_ms, &letter, retried);
        self.commit(now_ms, Record::Failed(message.job, letter));
    }

    /// Forgets what is older than it is kept.
    fn expire(&mut self, now_ms: u64) {
        self.delivered.expire(now_ms);
        self.deduplicated.expire(now_ms);
        self.log.expire(now_ms.saturating_sub(millis(self.limits.log_retention)));
        self.expire_runs(now_ms, now_ms.saturating_sub(millis(self.limits.log_retention)));
        let before_ms = now_ms.saturating_sub(millis(self.limits.dead_letter_retention));
        while let Some((number, _)) =
            self.dead_letters.first_key_value().filter(|(_, letter)| letter.time_ms < before_ms)
        {
            let number = *number;
            self.commit(now_ms, Record::DeadLetterGone(number));
        }
    }
}

/// The time until the next attempt, in milliseconds: as the response asks for, as the message says, or longer each time.
fn wait(message: &Message, outcome: &Outcome, retried: u32, now_ms: u64) -> u64 {
    let wait = requested_wait(&outcome.headers, now_ms)
        .or_else(|| message.options.retry_delay.as_ref().map(|expression| expression.delay(retried)))
        .unwrap_or_else(|| default_backoff(retried.saturating_add(1)));
    millis(wait)
}
