use std::sync::Arc;

use super::{Account, state::Live};
use crate::local::qstash::{
    dispatch::JobId,
    records::{Filter, Record, State},
};

impl Account {
    /// Cancels a message. `false` if there is none of that id that has not ended.
    pub(crate) fn cancel(&mut self, now_ms: u64, id: &str) -> bool {
        let Some(job) = self.by_id.get(id).copied() else { return false };
        self.cancel_job(now_ms, job)
    }

    /// Cancels messages, so many at the most, in the order in which they were accepted. Gives their number.
    pub(crate) fn cancel_all(&mut self, now_ms: u64, filter: &Filter, count: usize) -> usize {
        // Ids are looked up, and compared no more.
        let others = Filter { message_ids: Vec::new(), ..filter.clone() };
        let meant = |job: &JobId| self.live.get(job).is_some_and(|live| others.selects(&live.message));
        let mut jobs: Vec<JobId> = if filter.message_ids.is_empty() {
            self.live.keys().copied().filter(meant).collect()
        } else {
            filter.message_ids.iter().filter_map(|id| self.by_id.get(id).copied()).filter(meant).collect()
        };
        jobs.sort_unstable();
        jobs.dedup();
        let mut cancelled = 0;
        for job in jobs {
            if cancelled == count {
                break;
            }
            cancelled += usize::from(self.cancel_job(now_ms, job));
        }
        cancelled
    }

    pub(super) fn cancel_job(&mut self, now_ms: u64, job: JobId) -> bool {
        // A message of a run ends with its run.
        let is_cancellable = |live: &&Live| !live.is_cancelled && live.message.place().is_none();
        let Some(live) = self.live.get(&job).filter(is_cancellable) else { return false };
        let (message, next_ms) = (Arc::clone(&live.message), live.next_ms);
        self.note(now_ms, State::CancelRequested, &message);
        if self.dispatcher.is_running(job) {
            self.commit(now_ms, Record::CancelRequested(job));
        } else {
            self.commit(now_ms, Record::Cancelled(job, next_ms.max(now_ms)));
        }
        true
    }

    /// Notes the end of cancelled messages when their next attempt would have been.
    pub(super) fn log_cancelled(&mut self, now_ms: u64) {
        let due: Vec<_> =
            self.cancelled.range(..=(now_ms, JobId::MAX)).map(|(_, message)| Arc::clone(message)).collect();
        if due.is_empty() {
            return;
        }
        self.commit(now_ms, Record::CancelledLogged);
        for message in due {
            self.note(now_ms, State::Canceled, &message);
        }
    }
}
