use std::sync::Arc;

use super::{Account, state::Live};
use crate::local::qstash::{
    dispatch::{Job, JobId},
    message::{Message, Origin},
    records::Record,
};

impl Account {
    /// Lets something happen.
    pub(super) fn commit(&mut self, now_ms: u64, record: Record) {
        self.journal.append(&record);
        self.apply(now_ms, record);
    }

    /// Changes the account by something that happens, or happened before it was loaded.
    pub(super) fn apply(&mut self, now_ms: u64, record: Record) {
        match record {
            Record::Accepted(message, repetition) => {
                if let Some((key, until_ms)) = repetition {
                    self.deduplicated.insert(key, message.id.clone(), until_ms);
                }
                self.accept(now_ms, message);
            }
            Record::Retries(job, retried, at_ms) => {
                if let Some(live) = self.live.get_mut(&job) {
                    (live.retried, live.next_ms) = (retried, at_ms);
                    self.dispatcher.retry(now_ms, job, at_ms);
                }
            }
            Record::CancelRequested(job) => {
                if let Some(live) = self.live.get_mut(&job) {
                    live.is_cancelled = true;
                }
            }
            Record::Ended(job) => self.end(now_ms, job),
            Record::DeadLetter(letter) => {
                self.dead_letter_bytes += letter.size();
                self.last_dead_letter = letter.number;
                self.dead_letters.insert(letter.number, letter);
                while self.dead_letter_bytes > self.limits.max_dead_letter_bytes && self.dead_letters.len() > 1 {
                    let Some((_, oldest)) = self.dead_letters.pop_first() else { break };
                    self.dead_letter_bytes -= oldest.size();
                }
            }
            Record::DeadLetterGone(number) => {
                if let Some(letter) = self.dead_letters.remove(&number) {
                    self.dead_letter_bytes -= letter.size();
                }
            }
            Record::Logged(row) => self.log.push(row),
            Record::Queue(queue) => {
                self.dispatcher.set_queue(now_ms, &queue.name, queue.parallelism, queue.is_paused);
                self.queues.insert(Arc::clone(&queue.name), queue);
            }
            Record::QueueGone(name) => {
                self.queues.remove(&name);
                for job in self.dispatcher.remove_queue(now_ms, &name) {
                    self.end(now_ms, job);
                }
            }
            Record::Group(group) => {
                self.groups.insert(group.name.clone(), group);
            }
            Record::GroupGone(name) => {
                self.groups.remove(&name);
            }
            Record::Schedule(schedule) => self.set_schedule(schedule),
            Record::ScheduleGone(id) => self.drop_schedule(&id),
            Record::Keys(keys) => self.keys = keys,
        }
    }

    /// Ends messages that were to end with an attempt that the process did not live to see.
    pub(super) fn end_cancelled(&mut self, now_ms: u64) {
        let cancelled = self.live.iter().filter(|(_, live)| live.is_cancelled).map(|(job, _)| *job);
        for job in cancelled.collect::<Vec<_>>() {
            self.commit(now_ms, Record::Ended(job));
        }
    }

    fn accept(&mut self, now_ms: u64, message: Arc<Message>) {
        let job = message.job;
        self.last_job = self.last_job.max(job);
        self.pending_bytes += message.size();
        self.by_id.insert(message.id.clone(), job);
        let spec = Job {
            at_ms: message.not_before_ms,
            host: host(&message.url),
            queue: message.queue.clone(),
            flow: message.options.flow.clone(),
            holds: match message.origin {
                Origin::Publish => None,
                Origin::Callback(source) => Some(source),
            },
        };
        let live = Live { next_ms: message.not_before_ms, message, retried: 0, is_cancelled: false };
        self.live.insert(job, live);
        self.dispatcher.add(now_ms, job, spec);
    }

    fn end(&mut self, now_ms: u64, job: JobId) {
        if let Some(live) = self.live.remove(&job) {
            self.by_id.remove(&live.message.id);
            self.pending_bytes -= live.message.size();
            self.dispatcher.finish(now_ms, job);
        }
    }
}

/// Host and port of a destination, which share places.
fn host(url: &str) -> Arc<str> {
    match url::Url::parse(url) {
        Ok(url) => url[url::Position::BeforeHost..url::Position::AfterPort].into(),
        Err(_) => "".into(),
    }
}
