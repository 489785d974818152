/// The policy of a guard whose store does not answer.
///
/// It is for [outages](crate::Error::is_outage). Any other error, such as credentials that are refused, is a 500.
///
/// ```
/// use axum_upstash::{Upstash, qstash::GuardFailure};
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// // For handlers that do no harm if they run twice: an outage of Redis stops no delivery.
/// let guard = upstash.idempotency_guard().with_failure(GuardFailure::Run);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum GuardFailure {
    /// QStash delivers the message again later: the answer is [`RetryIn`](crate::qstash::RetryIn) 10 s. The attempt
    /// counts, so a message whose retries are used up during the outage goes to the dead letter queue.
    #[default]
    Retry,
    /// The handler runs as if there was no guard.
    Run,
}

impl GuardFailure {
    /// Whether the handler runs in spite of this error.
    pub(super) fn runs(self, error: &crate::Error) -> bool {
        self == Self::Run && error.is_outage()
    }
}
