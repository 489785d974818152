use std::sync::Arc;

use crate::local::qstash::{deliver::Outcome, message::Message};

/// A message that was not delivered.
#[derive(Debug)]
pub(crate) struct DeadLetter {
    /// The order in which they came.
    pub(crate) number: u64,
    pub(crate) time_ms: u64,
    pub(crate) message: Arc<Message>,
    /// What came of the last attempt.
    pub(crate) outcome: Arc<Outcome>,
}

impl DeadLetter {
    /// The id, `<milliseconds>-<number>`.
    pub(crate) fn id(&self) -> String {
        format!("{}-{}", self.time_ms, self.number)
    }

    pub(crate) fn size(&self) -> usize {
        self.message.size() + self.outcome.size()
    }
}
