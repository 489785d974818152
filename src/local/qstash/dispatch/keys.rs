//! Queues and keys of flow control, as the API changes them.

use std::sync::Arc;

use super::{
    Dispatcher, FlowChange, FlowInfo, JobId,
    crowd::Source,
    dispatcher::Entry,
    flow::{Flow, MAX_IDLE_FLOWS},
    lane::Lane,
};

impl Dispatcher {
    /// Makes a queue, or changes the one of that name.
    pub(crate) fn set_queue(&mut self, now_ms: u64, queue: &Arc<str>, parallelism: u32, is_paused: bool) {
        self.lanes
            .entry(Arc::clone(queue))
            .and_modify(|lane| lane.configure(parallelism, is_paused))
            .or_insert_with(|| Lane::new(parallelism, is_paused));
        if is_paused {
            self.stall(now_ms, queue);
        }
        self.advance(now_ms, queue);
    }

    /// Takes back the active jobs of a queue that wait for anything else, now that it is paused.
    fn stall(&mut self, now_ms: u64, queue: &Arc<str>) {
        let mut active: Vec<JobId> = self.lanes.get(queue).map(|lane| lane.active().collect()).unwrap_or_default();
        active.sort_unstable();
        for id in active {
            if let Some(turn) = self.withdraw(now_ms, id)
                && let Some(lane) = self.lanes.get_mut(queue)
            {
                lane.stalls(turn, id);
            }
        }
    }

    /// Removes a queue, and gives the jobs that had no place in it yet, which are no more. Those that are active go on.
    pub(crate) fn remove_queue(&mut self, now_ms: u64, queue: &Arc<str>) -> Vec<JobId> {
        let gone = self.inactive(queue);
        for id in &gone {
            self.finish(now_ms, *id);
        }
        let Some(lane) = self.lanes.remove(queue) else { return gone };
        for id in lane.active() {
            if let Some(entry) = self.jobs.get_mut(&id) {
                entry.queue = None;
            }
        }
        for (turn, id) in lane.stalled() {
            self.make_ready(now_ms, id, turn);
        }
        gone
    }

    /// The jobs of a queue that have no place in it yet, in the order in which they were added.
    pub(crate) fn inactive(&self, queue: &str) -> Vec<JobId> {
        let is_inactive = |entry: &Entry| !entry.is_active && entry.queue.as_deref() == Some(queue);
        let mut jobs: Vec<JobId> =
            self.jobs.iter().filter(|(_, entry)| is_inactive(entry)).map(|(id, _)| *id).collect();
        jobs.sort_unstable();
        jobs
    }

    /// The jobs of a queue that have not ended.
    pub(crate) fn queue_lag(&self, queue: &str) -> usize {
        self.lanes.get(queue).map_or(0, Lane::len)
    }

    /// Changes a key, and makes it if there is none.
    pub(crate) fn change_flow(&mut self, now_ms: u64, key: &Arc<str>, change: FlowChange) {
        self.flow(now_ms, key).change(now_ms, change);
        self.relist(now_ms, Source::Flow(Arc::clone(key)));
    }

    /// The state of a key.
    pub(crate) fn flow_info(&mut self, now_ms: u64, key: &str) -> Option<FlowInfo> {
        self.flows.get_mut(key).map(|flow| flow.info(now_ms))
    }

    /// The name of a key that is known.
    pub(crate) fn flow_key(&self, key: &str) -> Option<Arc<str>> {
        self.flows.get_key_value(key).map(|(key, _)| Arc::clone(key))
    }

    /// The names of all keys.
    pub(crate) fn flow_keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.flows.keys()
    }

    /// The key, which is made if there is none.
    pub(super) fn flow(&mut self, now_ms: u64, key: &Arc<str>) -> &mut Flow {
        if self.flows.len() >= self.max_flows && !self.flows.contains_key(key) {
            self.flows.retain(|_, flow| !flow.is_idle(now_ms));
            self.max_flows = MAX_IDLE_FLOWS.max(2 * self.flows.len());
        }
        self.flows.entry(Arc::clone(key)).or_insert_with(|| Flow::new(now_ms))
    }
}
