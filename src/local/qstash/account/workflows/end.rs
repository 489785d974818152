use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use super::entries::{answered_step, awaited_step, called_step, result_of};
use crate::local::qstash::{
    account::Account,
    message::{CallKind, Message, Options},
    records::{Invoker, Left, Record, Run, RunEnd, RunStart, RunState},
    refusal::Refusal,
};

/// The most runs that went on in place of each other, from the first to the one that goes on now.
const MAX_RESUMED: usize = 1_000;

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
        if let Some(invoker) = &start.invoker {
            self.answer_invoker(now_ms, invoker, &start.id);
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
        let Some(step) = awaited_step(entry) else { return !later.is_empty() };
        let is_call = called_step(entry).is_some();
        let is_effect = |later: &Arc<Message>| {
            result_of(later) == Some(step)
                || if is_call { answered_step(later) == Some(step) } else { called_step(later) == Some(step) }
        };
        let is_asked_for = |asked: &Value| asked["stepId"].as_u64() == Some(step);
        let children = run.invoked.iter().filter_map(|child| self.runs.get(child));
        later.iter().any(is_effect)
            || self.waiters_of(id).any(|waiter| is_asked_for(&waiter.step))
            || children.filter_map(|child| child.start.invoker.as_ref()).any(|invoker| is_asked_for(&invoker.step))
    }

    /// Tells a step of another run how a run ended, if it has.
    pub(super) fn answer_invoker(&mut self, now_ms: u64, invoker: &Invoker, child: &str) {
        let Some(end) = self.runs.get(child).and_then(|run| run.end.as_ref()) else { return };
        let mut out = json!({"isFailed": end.state == RunState::Failed, "isCanceled": end.state == RunState::Canceled});
        if let Some(result) = &end.result {
            out["body"] = String::from_utf8_lossy(result).into();
        }
        let mut step = invoker.step.clone();
        step["out"] = out.to_string().into();
        self.resume_run(now_ms, &self.current_run(&invoker.run), &invoker.url, &step, &invoker.fields);
    }

    /// The run that goes on in place of one.
    fn current_run(&self, id: &Arc<str>) -> Arc<str> {
        let mut id = Arc::clone(id);
        for _ in 0..MAX_RESUMED {
            match self.runs.get(&id).and_then(|run: &Run| run.resumed_as.clone()) {
                Some(next) => id = next,
                None => break,
            }
        }
        id
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
