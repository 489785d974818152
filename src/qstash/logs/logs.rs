use super::{LogEntry, LogFilter};
use crate::qstash::{Listing, QStashClient, call::Caller};

/// The logs: an entry for each state that a message had, the newest first.
///
/// An entry may be listed a few seconds after the fact. Entries are kept for some days, as the plan says.
///
/// ```no_run
/// use axum_upstash::qstash::{LogFilter, QStashClient};
/// use futures_util::TryStreamExt;
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// let entries: Vec<_> = qstash.logs().list(LogFilter::new().message_id("msg_1")).try_collect().await?;
/// for entry in entries {
///     println!("{:?} {} {:?}", entry.time, entry.state, entry.error);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Logs {
    caller: Caller,
}

impl QStashClient {
    /// The logs of what became of messages.
    pub fn logs(&self) -> Logs {
        Logs { caller: self.caller().clone() }
    }
}

impl Logs {
    /// Entries that a filter matches, the newest first. Nothing is requested before the listing is polled.
    pub fn list(&self, filter: LogFilter) -> Listing<LogEntry> {
        // The end point of the official SDKs, which name the list `events`; the documentation has `logs` for both.
        Listing::new(&self.caller, "qstash logs list", "/v2/events", &["events", "logs"], filter.query)
    }
}
