use crate::{
    Error,
    qstash::{
        error::invalid,
        query::{Query, filter_setters},
    },
};

/// The messages to cancel: those that have all of these properties. If a property is set several times, one of its values
/// is enough.
///
/// A filter without any property is refused, because it would cancel every message:
/// [`cancel_all`](crate::qstash::Messages::cancel_all) does that.
///
/// ```no_run
/// use axum_upstash::qstash::{MessageFilter, QStashClient};
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// let old = MessageFilter::new().label("receipts").host("old.example.com");
/// println!("{} cancelled", qstash.messages().cancel_where(old).await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct MessageFilter {
    query: Query,
    limit: Option<u32>,
}

impl MessageFilter {
    /// A filter without any property.
    pub fn new() -> Self {
        Self::default()
    }

    filter_setters! {
        /// Only messages to this URL group.
        url_group: "topicName";
        /// Only messages in this queue.
        queue: "queueName";
        /// Only messages to this URL.
        url: "url";
        /// Only messages to this host.
        host: "host";
        /// Only messages to this path.
        path: "path";
        /// Only messages with this label.
        label: "label";
        /// Only messages with this key of a flow control.
        flow_control_key: "flowControlKey";
        /// Only messages of this schedule.
        schedule_id: "scheduleId";
        /// Only messages that were published from this address.
        caller_ip: "callerIp";
    }

    /// Cancels so many messages at the most, from 1 to 500. By default there is no limit.
    pub fn limit(mut self, messages: u32) -> Self {
        self.limit = Some(messages);
        self
    }

    /// The query, which names at least one property.
    pub(super) fn into_query(self) -> Result<Query, Error> {
        let Self { mut query, limit } = self;
        query.checked()?;
        if query.is_empty() {
            return Err(invalid("the filter is empty: set a property, or use cancel_all"));
        }
        if let Some(limit) = limit {
            if !(1..=500).contains(&limit) {
                return Err(invalid("the limit of messages to cancel is from 1 to 500"));
            }
            query.push("count", &limit);
        }
        Ok(query)
    }
}
