use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What one account may have, as a plan of the service sets it.
///
/// The default is the pay-as-you-go plan, and bounds of memory that no plan has.
#[derive(Debug, Clone)]
pub(crate) struct QStashLimits {
    /// The bytes of a body.
    pub(crate) max_message_bytes: usize,
    /// The time until the first attempt.
    pub(crate) max_delay: Duration,
    /// The retries of a message.
    pub(crate) max_retries: u32,
    /// The time that an attempt may take.
    pub(crate) max_timeout: Duration,
    pub(crate) max_schedules: usize,
    pub(crate) max_queues: usize,
    pub(crate) max_url_groups: usize,
    pub(crate) max_endpoints: usize,
    /// The attempts that run at the same time.
    pub(crate) max_running: usize,
    /// The messages that are taken on a day.
    pub(crate) daily_messages: Option<u64>,
    pub(crate) dead_letter_retention: Duration,
    pub(crate) log_retention: Duration,
    /// The bytes of all messages that have not ended.
    pub(crate) max_pending_bytes: usize,
    /// The bytes of all dead letters, of which the oldest ones go.
    pub(crate) max_dead_letter_bytes: usize,
    /// The bytes of the log, of which the oldest rows go.
    pub(crate) max_log_bytes: usize,
}

impl Default for QStashLimits {
    fn default() -> Self {
        Self {
            max_message_bytes: 10 * 1024 * 1024,
            max_delay: 365 * DAY,
            max_retries: 999,
            max_timeout: Duration::from_secs(2 * 3600),
            max_schedules: 1_000,
            max_queues: 100,
            max_url_groups: 100,
            max_endpoints: 100,
            max_running: 512,
            daily_messages: None,
            dead_letter_retention: 7 * DAY,
            log_retention: 14 * DAY,
            max_pending_bytes: 1024 * 1024 * 1024,
            max_dead_letter_bytes: 256 * 1024 * 1024,
            max_log_bytes: 256 * 1024 * 1024,
        }
    }
}
