use std::sync::Arc;

use crate::local::qstash::{
    account::Account,
    records::{Record, Run},
};

impl Account {
    /// Changes runs by something that happens, or happened before the account was loaded.
    pub(in crate::local::qstash::account) fn apply_to_runs(&mut self, record: &Record) {
        match record {
            Record::RunStarted(start) => {
                self.runs.insert(Arc::clone(&start.id), Run::new(start));
                if let Some(parent) = start.invoker.as_ref().and_then(|invoker| self.runs.get_mut(&invoker.run)) {
                    parent.invoked.push(Arc::clone(&start.id));
                }
            }
            Record::RunEntry(message) => {
                if let Some(run) = message.place().and_then(|place| self.runs.get_mut(&place.run)) {
                    run.entries.push(Arc::clone(message));
                }
            }
            Record::RunError(id, error) => {
                if let Some(run) = self.runs.get_mut(id) {
                    run.add_error(Arc::clone(error));
                }
            }
            Record::RunEnded(id, end) => {
                if let Some(run) = self.runs.get_mut(id) {
                    run.end = Some(end.clone());
                    let bytes = run.size();
                    self.ended_run_bytes += bytes;
                    self.ended_runs.push_back((end.time_ms, Arc::clone(id), bytes));
                }
                self.forget_waits(id);
            }
            Record::RunFailure(id, call) => {
                if let Some(run) = self.runs.get_mut(id) {
                    run.failure = Some(Arc::clone(call));
                }
            }
            Record::RunResumed(id, next) => {
                let Some(run) = self.runs.get_mut(id) else { return };
                run.resumed_as = Some(Arc::clone(next));
                let invoked = run.invoked.clone();
                if let Some(next) = self.runs.get_mut(next) {
                    next.invoked = invoked;
                }
            }
            Record::Failed(_, letter) => {
                if let Some(run) = letter.message.place().and_then(|place| self.runs.get_mut(&place.run)) {
                    run.dead_letter = Some(letter.number);
                    run.failed_message = Some(letter.message.id.clone());
                }
            }
            _ => {}
        }
    }

    /// Takes a dead letter out. Its run is kept no longer than others.
    pub(in crate::local::qstash::account) fn drop_letter(&mut self, number: u64) {
        let Some(letter) = self.dead_letters.remove(&number) else { return };
        self.dead_letter_bytes -= letter.size();
        let Some(id) = letter.message.place().map(|place| &place.run) else { return };
        if let Some(run) = self.runs.get_mut(id) {
            run.dead_letter = None;
            if run.is_overdue {
                self.runs.remove(id);
            }
        }
    }

    /// Forgets runs that ended before a time, and the oldest of those that take too much room.
    pub(in crate::local::qstash::account) fn expire_runs(&mut self, before_ms: u64) {
        while let Some((time_ms, id, bytes)) = self.ended_runs.front() {
            let is_too_much = self.ended_run_bytes > self.limits.max_log_bytes && self.ended_runs.len() > 1;
            if *time_ms >= before_ms && !is_too_much {
                break;
            }
            let id = Arc::clone(id);
            self.ended_run_bytes -= bytes;
            self.ended_runs.pop_front();
            let Some(run) = self.runs.get_mut(&id) else { continue };
            run.is_overdue = true;
            match run.dead_letter {
                // It may still be resumed.
                Some(_) if !is_too_much => {}
                Some(letter) => self.drop_letter(letter),
                None => drop(self.runs.remove(&id)),
            }
        }
    }
}
