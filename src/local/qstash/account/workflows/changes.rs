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
                while self.ended_run_bytes > self.limits.max_log_bytes && self.ended_runs.len() > 1 {
                    self.forget_oldest_run(true);
                }
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

    /// Forgets runs that ended before a time. One that has a dead letter may still be resumed, and is kept with it.
    pub(in crate::local::qstash::account) fn expire_runs(&mut self, before_ms: u64) {
        while self.ended_runs.front().is_some_and(|(time_ms, ..)| *time_ms < before_ms) {
            self.forget_oldest_run(false);
        }
    }

    /// Forgets the run that ended first, and its dead letter as well if there is no room.
    fn forget_oldest_run(&mut self, with_letter: bool) {
        let Some((_, id, bytes)) = self.ended_runs.pop_front() else { return };
        self.ended_run_bytes -= bytes;
        let Some(run) = self.runs.get_mut(&id) else { return };
        run.is_overdue = true;
        match run.dead_letter {
            Some(letter) if with_letter => self.drop_letter(letter),
            Some(_) => {}
            None => drop(self.runs.remove(&id)),
        }
    }
}
