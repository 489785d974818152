use std::sync::Arc;

use crate::local::qstash::{
    account::Account,
    records::{Invoker, Record, Run, RunEnd, RunError},
};

impl Account {
    /// Changes runs by something that happens, or happened before the account was loaded.
    pub(in crate::local::qstash::account) fn apply_to_runs(&mut self, record: &Record) {
        match record {
            Record::RunStarted(start) => {
                let run = Run::new(start);
                self.run_bytes += run.bytes;
                self.runs.insert(Arc::clone(&start.id), run);
                if let Some(invoker) = &start.invoker
                    && let Some(parent) = self.runs.get_mut(&invoker.run)
                {
                    parent.invoked.push((Arc::clone(&start.id), invoker.clone()));
                }
            }
            Record::RunEntry(message, _) => {
                let Some(place) = message.place() else { return };
                if let Some(run) = self.runs.get_mut(&place.run) {
                    run.entries.push(Arc::clone(message));
                }
                self.grow_run(&place.run, message.size());
            }
            Record::RunAdopted(id) => {
                if let Some(run) = self.runs.get_mut(id) {
                    run.is_adopted = true;
                }
            }
            Record::RunError(id, error) => {
                let size = |error: &Arc<RunError>| error.outcome.size();
                let oldest = self.runs.get_mut(id).and_then(|run| run.add_error(Arc::clone(error)));
                self.grow_run(id, size(error));
                self.shrink_run(id, oldest.as_ref().map_or(0, size));
            }
            Record::RunEnded(id, end) => self.apply_end(id, end),
            Record::RunFailure(id, call) => {
                let Some(run) = self.runs.get_mut(id) else { return };
                let before = run.failure.replace(Arc::clone(call));
                self.shrink_run(id, before.map_or(0, |before| before.message.size()));
                self.grow_run(id, call.message.size());
            }
            Record::RunResumed(id, next) => self.apply_resumption(id, next),
            Record::OldestRunGone => self.forget_oldest_run(false),
            Record::Failed(_, letter) => {
                if let Some(run) = letter.message.place().and_then(|place| self.runs.get_mut(&place.run)) {
                    run.dead_letter = Some(letter.number);
                    run.failed_message = Some(letter.message.id.clone());
                }
            }
            _ => {}
        }
    }

    fn apply_end(&mut self, id: &Arc<str>, end: &RunEnd) {
        if let Some(run) = self.runs.get_mut(id) {
            let created_ms = run.start.created_ms;
            run.end = Some(end.clone());
            self.ended_runs.push_back((end.time_ms, Arc::clone(id), created_ms));
        }
        let kept: usize = end.left.kept_events.iter().map(|kept| kept.data.len()).sum();
        self.grow_run(id, kept + end.result.as_ref().map_or(0, bytes::Bytes::len));
        self.forget_waits(id);
        while self.run_bytes > self.limits.max_log_bytes && self.ended_runs.len() > 1 {
            self.forget_oldest_run(true);
        }
    }

    /// Has the runs that one invoked answer to the one that goes on in its place.
    fn apply_resumption(&mut self, id: &str, next: &Arc<str>) {
        let Some(run) = self.runs.get(id) else { return };
        let invoked: Vec<_> = run
            .invoked
            .iter()
            .map(|(child, invoker)| (Arc::clone(child), Invoker { run: Arc::clone(next), ..invoker.clone() }))
            .collect();
        for (child, invoker) in &invoked {
            if let Some(child) = self.runs.get_mut(child).filter(|child| child.end.is_none()) {
                child.invoker = Some(invoker.clone());
            }
        }
        if let Some(next) = self.runs.get_mut(next) {
            next.invoked = invoked;
        }
    }

    fn grow_run(&mut self, id: &str, bytes: usize) {
        if let Some(run) = self.runs.get_mut(id) {
            run.bytes += bytes;
            self.run_bytes += bytes;
        }
    }

    fn shrink_run(&mut self, id: &str, bytes: usize) {
        if let Some(run) = self.runs.get_mut(id) {
            run.bytes -= bytes;
            self.run_bytes -= bytes;
        }
    }

    fn remove_run(&mut self, id: &str) {
        if let Some(run) = self.runs.remove(id) {
            self.run_bytes -= run.bytes;
        }
    }

    /// Takes a dead letter out. Its run is kept no longer than others.
    pub(in crate::local::qstash::account) fn drop_letter(&mut self, number: u64) {
        let Some(letter) = self.dead_letters.remove(&number) else { return };
        self.dead_letter_bytes -= letter.size();
        let Some(id) = letter.message.place().map(|place| &place.run) else { return };
        let Some(run) = self.runs.get_mut(id).filter(|run| run.dead_letter == Some(number)) else { return };
        run.dead_letter = None;
        if run.is_overdue {
            self.remove_run(id);
        }
    }

    /// Forgets runs that ended before a time. One that has a dead letter may still be resumed, and is kept with it.
    pub(in crate::local::qstash::account) fn expire_runs(&mut self, now_ms: u64, before_ms: u64) {
        while self.ended_runs.front().is_some_and(|(time_ms, ..)| *time_ms < before_ms) {
            self.commit(now_ms, Record::OldestRunGone);
        }
    }

    /// Forgets the run that ended first, and its dead letter as well if there is no room.
    fn forget_oldest_run(&mut self, with_letter: bool) {
        let Some((_, id, created_ms)) = self.ended_runs.pop_front() else { return };
        // A run of the same id may have been begun since.
        let Some(run) = self.runs.get_mut(&id).filter(|run| run.start.created_ms == created_ms) else { return };
        run.is_overdue = true;
        match run.dead_letter {
            Some(letter) if with_letter => self.drop_letter(letter),
            Some(_) => {}
            None => self.remove_run(&id),
        }
    }
}
