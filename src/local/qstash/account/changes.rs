use std::sync::Arc;

use super::{Account, accept::DAY_MS, state::Live};
use crate::local::qstash::{
    dispatch::{Job, JobId},
    message::{Message, Origin},
    records::{Record, State},
};

impl Account {
    /// Lets something happen.
    pub(super) fn commit(&mut self, now_ms: u64, record: Record) {
        self.journal.append(now_ms, &record);
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
            Record::Told(key, id, until_ms) => self.deduplicated.insert(key, id, until_ms),
            Record::Dispatched => self.begun = self.dispatcher.start_due(now_ms),
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
            Record::Ended(job) => {
                self.end(now_ms, job);
            }
            Record::Cancelled(job, at_ms) => {
                if let Some(message) = self.end(now_ms, job) {
                    // It takes room until the log says so.
                    self.pending_bytes += message.size();
                    self.cancelled.insert((at_ms, job), message);
                }
            }
            Record::CancelledLogged => {
                while let Some(entry) = self.cancelled.first_entry().filter(|entry| entry.key().0 <= now_ms) {
                    self.pending_bytes -= entry.remove().size();
                }
            }
            Record::Failed(job, letter) => {
                self.end(now_ms, job);
                self.dead_letter_bytes += letter.size();
                self.last_dead_letter = letter.number;
                self.dead_letters.insert(letter.number, Arc::clone(&letter));
                self.apply_to_runs(&Record::Failed(job, letter));
                while self.dead_letter_bytes > self.limits.max_dead_letter_bytes && self.dead_letters.len() > 1 {
                    let Some(oldest) = self.dead_letters.keys().next().copied() else { break };
                    self.drop_letter(oldest);
                }
            }
            Record::DeadLetterGone(number) => self.drop_letter(number),
            Record::Logged(row) => {
                match row.state {
                    State::Delivered => {
                        self.set_last_state(&row.message, "SUCCESS");
                        self.delivered.insert(row.time_ms, Arc::clone(&row.message));
                    }
                    State::Failed | State::Canceled => self.set_last_state(&row.message, "FAIL"),
                    _ => {}
                }
                self.log.push(row);
            }
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
            Record::Flow(key, change) => self.dispatcher.change_flow(now_ms, &key, change),
            Record::Group(group) => {
                self.groups.insert(group.name.clone(), group);
            }
            Record::GroupGone(name) => {
                self.groups.remove(&name);
            }
            Record::Schedule(schedule) => self.set_schedule(schedule),
            Record::ScheduleGone(id) => self.drop_schedule(&id),
            Record::Keys(keys) => self.keys = keys,
            Record::RunEntry(ref message, is_sent) => {
                let message = Arc::clone(message);
                self.apply_to_runs(&record);
                if is_sent {
                    self.accept(now_ms, message);
                }
            }
            Record::RunStarted(_)
            | Record::RunAdopted(_)
            | Record::OldestRunGone
            | Record::RunError(..)
            | Record::RunEnded(..)
            | Record::RunFailure(..)
            | Record::RunResumed(..) => self.apply_to_runs(&record),
            Record::Waits(_) | Record::WaitOver(_) | Record::EventKept(_) | Record::EventTaken(_) => {
                self.apply_to_waits(&record);
            }
        }
    }

    /// Makes the attempts again whose end the process did not live to see, and ends messages that were to end with them.
    pub(super) fn resume(&mut self, now_ms: u64) {
        self.begun.clear();
        let mut broken: Vec<JobId> = self.live.keys().copied().filter(|job| self.dispatcher.is_running(*job)).collect();
        broken.sort_unstable();
        for job in broken {
            let Some(live) = self.live.get(&job) else { continue };
            let (message, retried) = (Arc::clone(&live.message), live.retried);
            if live.is_cancelled {
                self.note(now_ms, State::Canceled, &message);
                self.commit(now_ms, Record::Ended(job));
            } else {
                self.commit(now_ms, Record::Retries(job, retried, now_ms));
            }
        }
    }

    fn accept(&mut self, now_ms: u64, message: Arc<Message>) {
        let job = message.job;
        if matches!(message.origin, Origin::Publish) {
            let today = now_ms / DAY_MS;
            self.day = (today, if self.day.0 == today { self.day.1.saturating_add(1) } else { 1 });
        }
        self.last_job = self.last_job.max(job);
        self.pending_bytes += message.size();
        self.by_id.insert(message.id.clone(), job);
        let spec = Job {
            at_ms: message.not_before_ms,
            host: host(&message.url),
            queue: message.queue.clone(),
            flow: message.options.flow.clone(),
            holds: match message.origin {
                Origin::Publish | Origin::Run(_) => None,
                Origin::Callback(source) => Some(source),
            },
        };
        if let Some(run) = message.place().and_then(|place| self.runs.get_mut(&place.run)) {
            run.live.insert(job);
        }
        let live = Live { next_ms: message.not_before_ms, message, retried: 0, is_cancelled: false };
        self.live.insert(job, live);
        self.dispatcher.add(now_ms, job, spec);
    }

    /// Takes a message out of what has not ended.
    fn end(&mut self, now_ms: u64, job: JobId) -> Option<Arc<Message>> {
        let live = self.live.remove(&job)?;
        self.by_id.remove(&live.message.id);
        self.pending_bytes -= live.message.size();
        self.dispatcher.finish(now_ms, job);
        if let Some(run) = live.message.place().and_then(|place| self.runs.get_mut(&place.run)) {
            run.live.remove(&job);
        }
        Some(live.message)
    }
}

/// Host and port of a destination, which share places.
fn host(url: &str) -> Arc<str> {
    match url::Url::parse(url) {
        Ok(url) => url[url::Position::BeforeHost..url::Position::AfterPort].into(),
        Err(_) => "".into(),
    }
}
