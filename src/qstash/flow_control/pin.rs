use crate::qstash::{message::FlowLimits, query::Query};
use std::time::Duration;

/// Limits to pin to the key of a flow control, so that messages do not change them.
///
/// ```no_run
/// use axum_upstash::qstash::{FlowControlPin, QStashClient};
/// use std::time::Duration;
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// let slow = FlowControlPin::rate(20, Duration::from_secs(120)).with_parallelism(3);
/// qstash.flow_control().pin("mail-provider", slow).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct FlowControlPin {
    limits: FlowLimits,
}

impl FlowControlPin {
    /// Delivers at most so many messages at once. 0 counts as 1.
    pub fn parallelism(at_once: u32) -> Self {
        Self { limits: FlowLimits::parallelism(at_once) }
    }

    /// Delivers at most so many messages in each period, of whole seconds, rounded up: at least a second, and at most a
    /// week. 0 messages count as 1.
    pub fn rate(deliveries: u32, period: Duration) -> Self {
        Self { limits: FlowLimits::rate(deliveries, period) }
    }

    /// Adds a limit of deliveries at once. 0 counts as 1.
    pub fn with_parallelism(self, at_once: u32) -> Self {
        Self { limits: self.limits.with_parallelism(at_once) }
    }

    /// Adds a limit of deliveries in each period, as [`rate`](Self::rate) has it.
    pub fn with_rate(self, deliveries: u32, period: Duration) -> Self {
        Self { limits: self.limits.with_rate(deliveries, period) }
    }

    pub(super) fn query(self) -> Query {
        let mut query = Query::default();
        if let Some(parallelism) = self.limits.parallelism {
            query.push("parallelism", &parallelism);
        }
        if let Some((rate, period)) = self.limits.rate {
            query.push("rate", &rate);
            query.push("period", &period);
        }
        query
    }
}

/// The limits to unpin.
///
/// ```no_run
/// use axum_upstash::qstash::{PinnedLimit, QStashClient};
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// qstash.flow_control().unpin("mail-provider", PinnedLimit::Rate).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PinnedLimit {
    /// The deliveries at once.
    Parallelism,
    /// The deliveries in a period.
    Rate,
    /// Both.
    Both,
}

impl PinnedLimit {
    pub(super) fn query(self) -> Query {
        let mut query = Query::default();
        if matches!(self, Self::Parallelism | Self::Both) {
            query.push("parallelism", "true");
        }
        if matches!(self, Self::Rate | Self::Both) {
            query.push("rate", "true");
        }
        query
    }
}
