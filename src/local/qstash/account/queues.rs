use std::sync::Arc;

use super::Account;
use crate::local::qstash::{
    records::{Queue, Record},
    refusal::Refusal,
    text::check_name,
};

impl Account {
    /// Makes a queue, or changes the one of that name.
    pub(crate) fn set_queue(
        &mut self,
        now_ms: u64,
        name: &str,
        parallelism: Option<u32>,
        is_paused: Option<bool>,
    ) -> Result<(), Refusal> {
        check_name(name).map_err(|_| Refusal::invalid("invalid queue name"))?;
        if parallelism == Some(0) {
            return Err(Refusal::invalid("parallelism should be at least 1"));
        }
        let before = self.queues.get(name);
        if before.is_none() && self.queues.len() >= self.limits.max_queues {
            return Err(Refusal::over_quota(format!(
                "quota maxQueues exceeded, current limit: {}",
                self.limits.max_queues
            )));
        }
        let queue = Queue {
            name: before.map_or_else(|| name.into(), |queue| Arc::clone(&queue.name)),
            parallelism: parallelism.or(before.map(|queue| queue.parallelism)).unwrap_or(1),
            is_paused: is_paused.or(before.map(|queue| queue.is_paused)).unwrap_or(false),
            created_ms: before.map_or(now_ms, |queue| queue.created_ms),
            updated_ms: now_ms,
        };
        self.commit(now_ms, Record::Queue(queue));
        Ok(())
    }

    /// Removes a queue, and cancels the messages whose first attempt has not come yet. The others go on.
    pub(crate) fn remove_queue(&mut self, now_ms: u64, name: &str) {
        if let Some(queue) = self.queues.get(name) {
            let name = Arc::clone(&queue.name);
            for job in self.dispatcher.inactive(&name) {
                self.cancel_job(now_ms, job);
            }
            self.commit(now_ms, Record::QueueGone(name));
        }
    }

    pub(crate) fn queue(&self, name: &str) -> Option<&Queue> {
        self.queues.get(name)
    }

    pub(crate) fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.queues.values()
    }

    /// The messages of a queue that have not ended.
    pub(crate) fn queue_lag(&self, name: &str) -> usize {
        self.dispatcher.queue_lag(name)
    }
}
