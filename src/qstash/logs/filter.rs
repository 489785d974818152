use super::LogState;
use crate::qstash::query::{Query, filter_setters};

/// The log entries to list: those that have all of these properties. If a property is set several times, one of its values
/// is enough.
///
/// ```no_run
/// use axum_upstash::qstash::{LogFilter, LogState, QStashClient};
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// let failed = LogFilter::new().state(&LogState::Failed).label("receipts").label("invoices");
/// let page = qstash.logs().list(failed).page().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct LogFilter {
    pub(super) query: Query,
}

impl LogFilter {
    /// All entries.
    pub fn new() -> Self {
        Self::default()
    }

    filter_setters! {
        /// Only entries of this message.
        message_id: "messageIds";
        /// Only entries of messages to this URL group.
        url_group: "topicName";
        /// Only entries of messages in this queue.
        queue: "queueName";
        /// Only entries of messages to this URL.
        url: "url";
        /// Only entries of messages to this host.
        host: "host";
        /// Only entries of messages to this path.
        path: "path";
        /// Only entries of messages with this label.
        label: "label";
        /// Only entries of messages with this key of a flow control.
        flow_control_key: "flowControlKey";
        /// Only entries of messages of this schedule.
        schedule_id: "scheduleId";
        /// Only entries of messages that were published from this address.
        caller_ip: "callerIp";
    }

    /// Only entries with this state.
    pub fn state(mut self, state: &LogState) -> Self {
        self.query.push_text("state", state.as_str());
        self
    }
}
