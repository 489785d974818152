//! The limits of the plan of a database.

use std::sync::atomic::{AtomicU64, Ordering};

use super::resp::{Allowance, Value};

/// The limits of a plan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Commands until the daily limit is reached.
    pub(crate) daily_commands: Option<u64>,
    /// Commands until the limit of the whole plan is reached.
    pub(crate) max_requests: Option<u64>,
    /// The size of the reply to one command.
    pub(crate) max_reply_bytes: usize,
    /// The size of all replies to a pipeline or transaction.
    pub(crate) max_pipeline_reply_bytes: usize,
}

impl Limits {
    pub(super) fn allowance(&self) -> Allowance {
        Allowance::new(self.max_reply_bytes, self.max_pipeline_reply_bytes)
    }
}

/// The commands that were executed.
#[derive(Debug, Default)]
pub(super) struct Usage {
    executed: AtomicU64,
}

impl Usage {
    /// Counts a command, or gives the error if there may be no more.
    pub(super) fn count(&self, limits: &Limits) -> Result<(), Value> {
        let executed = self.executed.fetch_add(1, Ordering::Relaxed);
        let exceeded = |limit: Option<u64>| limit.filter(|limit| executed >= *limit);
        if let Some(limit) = exceeded(limits.max_requests) {
            return Err(Value::error(format!(
                "ERR max requests limit exceeded. Limit: {limit}, Usage: {limit}. \
                 See https://upstash.com/docs/redis/troubleshooting/max_requests_limit for details"
            )));
        }
        if let Some(limit) = exceeded(limits.daily_commands) {
            return Err(Value::error(format!(
                "ERR max daily request limit exceeded. Limit: {limit}, Usage: {limit}. \
                 See https://upstash.com/docs/redis/troubleshooting/max_daily_request_limit for details"
            )));
        }
        Ok(())
    }
}
