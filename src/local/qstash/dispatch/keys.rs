//! Queues and keys of flow control, as the API changes them.

use std::sync::Arc;

use super::{
    Dispatcher, FlowChange, FlowInfo, JobId,
    dispatcher::Source,
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
        self.advance(now_ms, queue);
    }

    /// Removes a queue, and gives the jobs that waited in it and are no more. Those that are active go on.
    pub(crate) fn remove_queue(&mut self, now_ms: u64, queue: &Arc<str>) -> Vec<JobId> {
        let Some(lane) = self.lanes.remove(queue) else { return Vec::new() };
        for id in lane.active() {
            if let Some(entry) = self.jobs.get_mut(&id) {
                entry.queue = None;
            }
        }
        for (turn, id) in lane.stalled() {
            self.make_ready(now_ms, id, turn);
        }
        let waiting: Vec<JobId> = lane.waiting().collect();
        for id in &waiting {
            self.jobs.remove(id);
        }
        waiting
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
