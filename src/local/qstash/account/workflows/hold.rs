use super::entries::is_plan;
use crate::local::qstash::{
    account::{Account, state::Live},
    dispatch::JobId,
    message::{CallKind, Message},
    records::Record,
};

/// How long a delivery waits for answers, in milliseconds. An endpoint that never answers holds up no run.
const HOLD_MS: u64 = 1_000;

impl Account {
    /// Lets a message of a run wait until the deliveries of the run that caused it are answered: an endpoint hears of a step
    /// after it has answered the delivery by which it submitted that.
    pub(super) fn hold(&mut self, now_ms: u64, message: &Message, cause: &str) {
        if message.place().is_none_or(|place| place.kind != CallKind::Step) || !self.is_answered_later(cause, message) {
            return;
        }
        let at_ms = message.not_before_ms.max(now_ms.saturating_add(HOLD_MS));
        self.commit(now_ms, Record::Retries(message.job, 0, at_ms));
        if let Some(run) = self.runs.get_mut(cause) {
            run.held.push((message.job, at_ms));
        }
    }

    /// Lets the messages go that waited for the answer to a delivery of this run, if it was the last one.
    pub(super) fn release(&mut self, now_ms: u64, id: &str) {
        let Some(run) = self.runs.get(id) else { return };
        if run.held.is_empty() || run.live.iter().any(|job| self.is_at_endpoint(*job).is_some()) {
            return;
        }
        let held = self.runs.get_mut(id).map(|run| std::mem::take(&mut run.held)).unwrap_or_default();
        for (job, until_ms) in held {
            // One that has gone on by itself has another time, that of its retry.
            let still_waits = |live: &&Live| live.next_ms == until_ms && !self.dispatcher.is_running(job);
            let Some(live) = self.live.get(&job).filter(still_waits) else { continue };
            let (retried, at_ms) = (live.retried, live.message.not_before_ms.max(now_ms));
            self.commit(now_ms, Record::Retries(job, retried, at_ms));
        }
    }

    /// Whether a delivery of a run is under way that may have caused a message. The plans of a group run side by side.
    fn is_answered_later(&self, id: &str, message: &Message) -> bool {
        let is_one_of_group = is_plan(message);
        let jobs = self.runs.get(id).into_iter().flat_map(|run| &run.live);
        let mut running = jobs.filter(|job| **job != message.job).filter_map(|job| self.is_at_endpoint(*job));
        running.any(|running| !(is_one_of_group && is_plan(running)))
    }

    /// The message of a job, if it is at the endpoint right now.
    fn is_at_endpoint(&self, job: JobId) -> Option<&Message> {
        let message = &self.live.get(&job).filter(|_| self.dispatcher.is_running(job))?.message;
        let kind = message.place()?.kind;
        matches!(kind, CallKind::Step | CallKind::FromCallback).then_some(&**message)
    }
}
