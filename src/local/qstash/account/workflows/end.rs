use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use super::entries::{answered_step, awaited_step, called_step, result_of, subject};
use crate::local::qstash::{
    account::Account,
    message::{CallKind, Message, Options},
    records::{Invoker, Left, Record, RunEnd, RunStart, RunState},
    refusal::Refusal,
};

impl Account {
    /// The run, if it has not ended. 400 is the word for that: endpoints take no other for it.
    pub(super) fn started(&self, id: &str) -> Result<Arc<RunStart>, Refusal> {
        let run = self.runs.get(id).filter(|run| run.state() == RunState::Started);
        let ended = || Refusal::invalid(format!("can not append to the workflow run {id}: it has ended"));
        run.map(|run| Arc::clone(&run.start)).ok_or_else(ended)
    }

    /// Ends a run. What waits for it is not delivered any more.
    pub(crate) fn end_run(&mut self, now_ms: u64, id: &str, state: RunState, result: Option<Bytes>) -> bool {
        let Ok(start) = self.started(id) else { return false };
        let left = if state == RunState::Success { Left::default() } else { self.left(&start.id) };
        let end = RunEnd { state, time_ms: now_ms, result, left };
        self.commit(now_ms, Record::RunEnded(Arc::clone(&start.id), end));
        let live = self.runs.get(&start.id).map(|run| run.live.clone()).unwrap_or_default();
        for job in live {
            // Those that run end with their attempt.
            if !self.dispatcher.is_running(job) {
                self.commit(now_ms, Record::Ended(job));
            }
        }
        let invoker = self.runs.get(&start.id).and_then(|run| run.invoker.clone());
        if let Some(invoker) = invoker {
            self.answer_invoker(now_ms, &invoker, &start.id);
        }
        true
    }

    /// What a run has under way.
    fn left(&self, id: &str) -> Left {
        let jobs = self.runs.get(id).into_iter().flat_map(|run| &run.live);
        let messages = jobs.filter_map(|job| self.live.get(job));
        let mut entries: Vec<usize> = messages.filter_map(|live| Some(live.message.place()?.entry)).collect();
        entries.sort_unstable();
        entries.dedup();
        entries.retain(|entry| !self.has_had_its_effect(id, *entry));
        Left {
            entries,
            waiters: self.waiters.values().filter(|waiter| &*waiter.run == id).cloned().collect(),
            kept_events: self.kept_events.iter().filter(|kept| &*kept.run == id).cloned().collect(),
        }
    }

    /// Whether the delivery of an entry has brought its run further, although its answer is still to come. It is not made
    /// again, because its step would run twice.
    fn has_had_its_effect(&self, id: &str, number: usize) -> bool {
        let Some(run) = self.runs.get(id) else { return false };
        let Some(entry) = run.entries.get(number) else { return false };
        let later = &run.entries[number + 1..];
        let asked_for = |asked: &Value| asked["stepId"].as_u64();
        let waiting = self.waiters_of(id).filter_map(|waiter| asked_for(&waiter.step));
        let invoked = run.invoked.iter().filter_map(|(_, invoker)| asked_for(&invoker.step));
        let mut begun = waiting.chain(invoked);
        let Some(step) = awaited_step(entry) else {
            // A repetition of an entry that was there is no effect.
            let before: HashSet<_> = run.entries[..=number].iter().filter_map(|entry| subject(entry)).collect();
            let is_new = |entry: &Arc<Message>| subject(entry).is_some_and(|subject| !before.contains(&subject));
            let last = before.iter().map(|(step, _)| *step).max().unwrap_or_default();
            return later.iter().any(is_new) || begun.any(|step| step > last);
        };
        let is_call = called_step(entry).is_some();
        let is_effect = |later: &Arc<Message>| {
            result_of(later) == Some(step)
                || if is_call { answered_step(later) == Some(step) } else { called_step(later) == Some(step) }
        };
        later.iter().any(is_effect) || begun.any(|begun| begun == step)
    }

    /// Tells a step of another run how a run ended, if it has. One that is kept no longer has failed.
    pub(super) fn answer_invoker(&mut self, now_ms: u64, invoker: &Invoker, child: &str) {
        let (state, result) = match self.runs.get(child).map(|run| run.end.as_ref()) {
            Some(None) => return,
            Some(Some(end)) => (end.state, end.result.clone()),
            None => (RunState::Failed, None),
        };
        let mut out = json!({"isFailed": state == RunState::Failed, "isCanceled": state == RunState::Canceled});
        if let Some(result) = &result {
            out["body"] = String::from_utf8_lossy(result).into();
        }
        let mut step = invoker.step.clone();
        step["out"] = out.to_string().into();
        let resumed = self.resume_run(now_ms, &invoker.run, &invoker.url, &step, &invoker.fields);
        // The endpoint of the child hears of its end first.
        let job = resumed.and_then(|id| self.by_id.get(&id).copied());
        if let Some(message) = job.and_then(|job| self.live.get(&job)).map(|live| Arc::clone(&live.message)) {
            self.hold(now_ms, &message, child);
        }
    }

    /// Brings a run further by the result of a step that QStash had to wait for. Returns the id of the message.
    pub(super) fn resume_run(
        &mut self,
        now_ms: u64,
        run: &str,
        url: &str,
        step: &Value,
        fields: &HeaderMap,
    ) -> Option<String> {
        let start = self.started(run).ok()?;
        let options = Options::read(fields).ok()?.or(&start.options);
        let url = if url.is_empty() { start.url.clone() } else { url.to_owned() };
        Some(self.add_to_run(now_ms, &start, CallKind::Step, url, step.to_string().into(), &options))
    }
}
