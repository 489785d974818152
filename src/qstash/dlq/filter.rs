use crate::{
    Error,
    qstash::{
        error::invalid,
        query::{Query, filter_setters},
    },
};

/// The entries of the dead letter queue to list, delete or retry: those that have all of these properties. If a property is
/// set several times, one of its values is enough.
///
/// To delete or retry, a filter has at least one property. All entries are a call of their own
/// ([`delete_all`](crate::qstash::Dlq::delete_all), [`retry_all`](crate::qstash::Dlq::retry_all)).
///
/// ```no_run
/// use axum_upstash::qstash::{DlqFilter, QStashClient};
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// let overloaded = DlqFilter::new().url("https://app.example.com/receipt").response_status(503);
/// let again = qstash.dlq().retry_where(overloaded).await?;
/// println!("{} messages are delivered again", again.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct DlqFilter {
    pub(super) query: Query,
    limit: Option<u32>,
}

impl DlqFilter {
    /// All entries.
    pub fn new() -> Self {
        Self::default()
    }

    filter_setters! {
        /// Only the entry of this message.
        message_id: "messageId";
        /// Only entries of messages to this URL group.
        url_group: "topicName";
        /// Only entries of messages in this queue.
        queue: "queueName";
        /// Only entries of messages to this URL.
        url: "url";
        /// Only entries of messages with this label.
        label: "label";
        /// Only entries of messages with this key of a flow control.
        flow_control_key: "flowControlKey";
        /// Only entries of messages of this schedule.
        schedule_id: "scheduleId";
        /// Only entries of messages that were published from this address.
        caller_ip: "callerIp";
    }

    /// Only entries whose last delivery was answered with this status; 0 means that there was no answer.
    pub fn response_status(mut self, status: u16) -> Self {
        self.query.push("responseStatus", &status);
        self
    }

    /// Deletes or retries so many entries at the most. By default there is no limit. A listing ignores it.
    pub fn limit(mut self, entries: u32) -> Self {
        self.limit = Some(entries);
        self
    }

    pub(super) fn limit_set(&self) -> Option<u32> {
        self.limit
    }

    /// The query, which names at least one property.
    pub(super) fn into_query(self) -> Result<Query, Error> {
        self.query.checked()?;
        if self.query.is_empty() {
            return Err(invalid("the filter is empty: set a property, or use the call for all entries"));
        }
        Ok(self.query)
    }
}
