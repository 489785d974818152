//! Steps of workflows that wait for an event, and events that came before.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use super::entries::result_of;
use crate::local::qstash::{
    account::Account,
    records::{KeptEvent, Record, Waiter},
    refusal::Refusal,
};

/// The events of a run that are kept until it waits for them.
const MAX_KEPT: usize = 1_000;

impl Account {
    /// Lets a step wait for an event.
    pub(crate) fn wait(&mut self, now_ms: u64, mut waiter: Waiter) -> Result<(), Refusal> {
        self.started(&waiter.run)?;
        if self.is_repeated(&waiter) {
            return Ok(());
        }
        let kept = self.kept_events.iter().find(|kept| (&kept.run, &kept.event) == (&waiter.run, &waiter.event));
        waiter.number = self.last_waiter + 1;
        let (kept, waiter) = (kept.cloned(), Arc::new(waiter));
        self.commit(now_ms, Record::Waits(Arc::clone(&waiter)));
        if let Some(kept) = kept {
            self.commit(now_ms, Record::EventTaken(Arc::clone(&kept)));
            self.tell(now_ms, &waiter, &kept.data);
        }
        Ok(())
    }

    /// Whether a step waits already, or has its result: the delivery that asks for it is made a second time.
    fn is_repeated(&self, waiter: &Waiter) -> bool {
        let step = waiter.step["stepId"].as_u64();
        let mut entries = self.runs.get(&waiter.run).into_iter().flat_map(|run| &run.entries);
        self.waiters_of(&waiter.run).any(|other| other.step["stepId"].as_u64() == step)
            || entries.any(|entry| result_of(entry) == step)
    }

    /// The steps that wait for an event, in the order in which they came.
    pub(crate) fn waiters(&self, event: &str) -> Vec<Arc<Waiter>> {
        let mut waiters: Vec<_> = self.waiters.values().filter(|waiter| &*waiter.event == event).cloned().collect();
        waiters.sort_unstable_by_key(|waiter| waiter.number);
        waiters
    }

    /// The steps of a run that wait for an event.
    pub(crate) fn waiters_of<'a>(&'a self, run: &'a str) -> impl Iterator<Item = &'a Arc<Waiter>> {
        self.waiters.values().filter(move |waiter| &*waiter.run == run)
    }

    /// Tells an event to those who wait for it, and gives each with the message that resumes its run.
    pub(crate) fn notify(&mut self, now_ms: u64, event: &str, data: &Bytes) -> Vec<(Arc<Waiter>, String)> {
        let waiters = self.waiters(event).into_iter();
        waiters.filter_map(|waiter| self.tell(now_ms, &waiter, data).map(|id| (waiter, id))).collect()
    }

    /// Tells an event to one run, which hears it now or when it waits for it. `None` if the run has ended, or has too many
    /// events that it does not wait for.
    pub(crate) fn notify_run(&mut self, now_ms: u64, run: &str, event: &str, data: Bytes) -> Option<Option<String>> {
        let start = self.started(run).ok()?;
        if let Some(waiter) = self.waiters(event).into_iter().find(|waiter| waiter.run == start.id) {
            return Some(self.tell(now_ms, &waiter, &data));
        }
        if self.kept_events.iter().filter(|kept| kept.run == start.id).count() >= MAX_KEPT {
            return None;
        }
        let number = self.last_waiter + 1;
        let kept = KeptEvent { number, run: Arc::clone(&start.id), event: event.into(), data };
        self.commit(now_ms, Record::EventKept(Arc::new(kept)));
        Some(None)
    }

    /// Resumes the runs whose waits are over.
    pub(in crate::local::qstash::account) fn expire_waits(&mut self, now_ms: u64) {
        let over: Vec<_> = self.waiters.range(..=(now_ms, u64::MAX)).map(|(_, waiter)| Arc::clone(waiter)).collect();
        for waiter in over {
            self.end_wait(now_ms, &waiter, "waitTimeout", true.into(), (&waiter.timeout_url, &waiter.timeout_fields));
        }
    }

    /// Forgets what a run that has ended waited for.
    pub(super) fn forget_waits(&mut self, run: &str) {
        self.waiters.retain(|_, waiter| &*waiter.run != run);
        self.kept_events.retain(|kept| &*kept.run != run);
    }

    /// Changes waits by something that happens, or happened before the account was loaded.
    pub(in crate::local::qstash::account) fn apply_to_waits(&mut self, record: &Record) {
        match record {
            Record::EventKept(kept) => {
                self.last_waiter = self.last_waiter.max(kept.number);
                self.kept_events.push(Arc::clone(kept));
            }
            Record::EventTaken(kept) => self.kept_events.retain(|other| other.number != kept.number),
            Record::Waits(waiter) => {
                self.last_waiter = self.last_waiter.max(waiter.number);
                self.waiters.insert((waiter.deadline_ms, waiter.number), Arc::clone(waiter));
            }
            Record::WaitOver(waiter) => {
                self.waiters.remove(&(waiter.deadline_ms, waiter.number));
            }
            _ => {}
        }
    }

    fn tell(&mut self, now_ms: u64, waiter: &Arc<Waiter>, data: &Bytes) -> Option<String> {
        self.end_wait(now_ms, waiter, "out", STANDARD.encode(data).into(), (&waiter.url, &waiter.fields))
    }

    /// Ends a wait: the step gets this field.
    fn end_wait(
        &mut self,
        now_ms: u64,
        waiter: &Arc<Waiter>,
        field: &str,
        value: Value,
        (url, fields): (&str, &HeaderMap),
    ) -> Option<String> {
        let mut step = waiter.step.clone();
        step["waitEventId"] = (*waiter.event).into();
        step[field] = value;
        let resumed = self.resume_run(now_ms, &waiter.run, url, &step, fields);
        self.commit(now_ms, Record::WaitOver(Arc::clone(waiter)));
        resumed
    }
}
