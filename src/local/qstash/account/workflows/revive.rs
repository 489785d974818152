use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::{entries::result_of, send::RunMessage};
use crate::local::qstash::{
    account::Account,
    ids,
    message::{CallKind, Options, RunPlace},
    records::{DeadLetter, Invoker, KeptEvent, Record, RunStart, RunState, Waiter},
    refusal::Refusal,
};

/// How a run that failed goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revival {
    /// With the steps that it has finished.
    Resume,
    /// From its payload.
    Restart,
}

impl Account {
    /// Begins a run in place of one that failed, with the options that the request sets otherwise. The dead letter goes.
    pub(crate) fn revive_run(
        &mut self,
        now_ms: u64,
        letter: &DeadLetter,
        over: &Options,
        how: Revival,
    ) -> Result<Arc<RunStart>, Refusal> {
        self.check_message(over, &bytes::Bytes::new(), now_ms)?;
        let failed = self.run_of(letter)?;
        if failed.state() != RunState::Failed {
            return Err(Refusal::invalid("the workflow run has not failed"));
        }
        let before = Arc::clone(&failed.start);
        let (delay, not_before_s) = (over.delay, over.not_before_s);
        let options = Options { delay: None, not_before_s: None, ..over.or(&before.options) };
        let start = Arc::new(RunStart {
            id: ids::run_id().into(),
            url: before.url.clone(),
            created_ms: now_ms,
            options,
            caller_ip: before.caller_ip,
            // It has heard of the failure.
            invoker: None,
            is_by_rest: before.is_by_rest,
        });
        let first = failed.entries.first().cloned();
        self.commit(now_ms, Record::RunStarted(Arc::clone(&start)));
        match (how, first) {
            (Revival::Restart, Some(first)) => {
                let own = Options { delay, not_before_s, ..Options::clone(&first.options) };
                let options = over.or(&own);
                self.add_to_run(now_ms, &start, CallKind::Step, first.url.clone(), first.body.clone(), &options);
            }
            _ => self.go_on(now_ms, letter, &start, over),
        }
        self.commit(now_ms, Record::DeadLetterGone(letter.number));
        Ok(start)
    }

    /// Gives a run the entries of one that failed, and sends what that one had under way.
    fn go_on(&mut self, now_ms: u64, letter: &DeadLetter, start: &Arc<RunStart>, over: &Options) {
        let Ok(failed) = self.run_of(letter) else { return };
        let (before, entries) = (Arc::clone(&failed.start.id), failed.entries.clone());
        let left = failed.end.as_ref().map(|end| end.left.clone()).unwrap_or_default();
        let steps: Vec<u64> = entries.iter().filter_map(|entry| result_of(entry)).collect();
        let is_open = |invoker: &Invoker| invoker.step["stepId"].as_u64().is_some_and(|step| !steps.contains(&step));
        let is_held_up = left.waiters.is_empty() && !failed.invoked.iter().any(|(_, invoker)| is_open(invoker));
        let mut numbers = left.entries;
        if numbers.is_empty() && is_held_up {
            // Something has to bring it further.
            numbers.extend(letter.message.place().map(|place| place.entry));
        }
        self.commit(now_ms, Record::RunResumed(before, Arc::clone(&start.id)));
        let mut again = Vec::new();
        for (number, entry) in entries.iter().enumerate() {
            let Some(place) = entry.place() else { continue };
            let place = RunPlace { run: Arc::clone(&start.id), ..place.clone() };
            // A call of another service has options of its own.
            let own = if place.kind == CallKind::ToCallback {
                Options::clone(&entry.options)
            } else {
                over.or(&entry.options)
            };
            let own = Options { delay: None, not_before_s: None, ..own };
            let (id, url, body) = (ids::message_id(), entry.url.clone(), entry.body.clone());
            let message = RunMessage { place, id, url, body, options: &own };
            let mut message = self.message_of_run(now_ms, start, message);
            message.not_before_ms = entry.not_before_ms.max(now_ms);
            let message = Arc::new(message);
            self.commit(now_ms, Record::RunEntry(Arc::clone(&message), false));
            if numbers.contains(&number) {
                again.push(message);
            }
        }
        for message in again {
            self.send_again(now_ms, &message);
        }
        for waiter in left.waiters {
            let number = self.last_waiter + 1;
            let mut waiter = Waiter { run: Arc::clone(&start.id), number, ..Waiter::clone(&waiter) };
            for fields in [&mut waiter.fields, &mut waiter.timeout_fields] {
                name_run(fields, start);
            }
            self.commit(now_ms, Record::Waits(Arc::new(waiter)));
        }
        for kept in left.kept_events {
            let number = self.last_waiter + 1;
            let kept = KeptEvent { number, run: Arc::clone(&start.id), ..KeptEvent::clone(&kept) };
            self.commit(now_ms, Record::EventKept(Arc::new(kept)));
        }
        // Of those that ended between the failure and now, nothing was told.
        let invoked = self.runs.get(&start.id).map(|run| run.invoked.clone()).unwrap_or_default();
        for (child, invoker) in invoked.iter().filter(|(_, invoker)| is_open(invoker)) {
            self.answer_invoker(now_ms, invoker, child);
        }
    }
}

/// Sets the fields that name a run.
fn name_run(fields: &mut HeaderMap, start: &RunStart) {
    for (name, value) in
        [("upstash-workflow-runid", start.id.to_string()), ("upstash-workflow-createdat", start.created_ms.to_string())]
    {
        if let Ok(value) = HeaderValue::try_from(value) {
            fields.insert(name, value);
        }
    }
}
