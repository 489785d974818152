use super::{options::Options, setters::delivery_setters};
use std::fmt;

/// Options of deliveries without a message: the defaults of a URL group, or the changes of a message that is retried from
/// the dead letter queue.
///
/// ```no_run
/// use axum_upstash::qstash::{DeliveryOptions, QStashClient};
/// use std::time::Duration;
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// let defaults = DeliveryOptions::new().retries(5).timeout(Duration::from_secs(30));
/// qstash.url_groups().set_defaults("receipts", defaults).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct DeliveryOptions {
    pub(in crate::qstash) options: Options,
}

impl DeliveryOptions {
    /// No option.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forwards all headers of a request that publishes, such as one of a third party that calls QStash by itself.
    pub fn forward_all_headers(mut self) -> Self {
        self.options.set("upstash-header-forward", "true");
        self
    }

    delivery_setters!();
}

// By hand: the values are the application's.
impl fmt::Debug for DeliveryOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryOptions").field("headers", &self.options.names()).finish_non_exhaustive()
    }
}
