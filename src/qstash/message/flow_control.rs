use crate::{
    Error,
    qstash::{FlowControlKey, seconds},
};
use std::time::Duration;

/// A limit on the deliveries of all messages with one key: how many at once, how many in a period, or both.
///
/// Messages over the limit wait. The newest message's limits replace those of the key, unless they are
/// [pinned](crate::qstash::FlowControls::pin).
///
/// ```
/// use axum_upstash::qstash::{FlowControl, Message};
/// use std::time::Duration;
///
/// // 100 deliveries a minute, no more than 3 of them at once.
/// let control = FlowControl::rate("mail-provider", 100, Duration::from_secs(60)).with_parallelism(3);
/// assert_eq!(control.value(), "parallelism=3, rate=100, period=60s");
/// let message = Message::to_url("https://app.example.com/send").flow_control(control);
/// ```
///
/// A key that cannot be sent is the message's error when it is published.
#[derive(Debug, Clone)]
#[must_use]
pub struct FlowControl {
    key: Result<FlowControlKey, Error>,
    limits: FlowLimits,
}

/// At least one of two limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::qstash) struct FlowLimits {
    pub(in crate::qstash) parallelism: Option<u32>,
    /// Deliveries, and the seconds in which they may be.
    pub(in crate::qstash) rate: Option<(u32, u64)>,
}

impl FlowLimits {
    pub(in crate::qstash) fn parallelism(at_once: u32) -> Self {
        Self { parallelism: Some(at_once.max(1)), rate: None }
    }

    pub(in crate::qstash) fn rate(deliveries: u32, period: Duration) -> Self {
        Self { parallelism: None, rate: Some(rate(deliveries, period)) }
    }

    pub(in crate::qstash) fn with_parallelism(self, at_once: u32) -> Self {
        Self { parallelism: Some(at_once.max(1)), ..self }
    }

    pub(in crate::qstash) fn with_rate(self, deliveries: u32, period: Duration) -> Self {
        Self { rate: Some(rate(deliveries, period)), ..self }
    }
}

/// The service refuses 0 of anything, and a period beyond a week.
fn rate(deliveries: u32, period: Duration) -> (u32, u64) {
    const WEEK: u64 = 7 * 86_400;
    (deliveries.max(1), seconds::rounded_up(period).clamp(1, WEEK))
}

impl FlowControl {
    /// Delivers at most so many messages at once. 0 counts as 1.
    pub fn parallelism(key: impl TryInto<FlowControlKey, Error: Into<Error>>, at_once: u32) -> Self {
        Self { key: key.try_into().map_err(Into::into), limits: FlowLimits::parallelism(at_once) }
    }

    /// Delivers at most so many messages in each period, of whole seconds, rounded up: at least a second, and at most a
    /// week. 0 messages count as 1.
    pub fn rate(key: impl TryInto<FlowControlKey, Error: Into<Error>>, deliveries: u32, period: Duration) -> Self {
        Self { key: key.try_into().map_err(Into::into), limits: FlowLimits::rate(deliveries, period) }
    }

    /// Adds a limit of deliveries at once. 0 counts as 1.
    pub fn with_parallelism(mut self, at_once: u32) -> Self {
        self.limits = self.limits.with_parallelism(at_once);
        self
    }

    /// Adds a limit of deliveries in each period, as [`rate`](Self::rate) has it.
    pub fn with_rate(mut self, deliveries: u32, period: Duration) -> Self {
        self.limits = self.limits.with_rate(deliveries, period);
        self
    }

    /// The key, or the reason why it cannot be sent.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if it is empty, or has other characters than visible ASCII.
    pub fn key(&self) -> Result<&FlowControlKey, Error> {
        self.key.as_ref().map_err(Error::clone)
    }

    /// The value of the header `Upstash-Flow-Control-Value`.
    #[must_use]
    pub fn value(&self) -> String {
        let parallelism = self.limits.parallelism.map(|at_once| format!("parallelism={at_once}"));
        let rate = self.limits.rate.map(|(rate, period)| format!("rate={rate}, period={period}s"));
        [parallelism, rate].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_limit_is_always_there() {
        let key = || "k";
        for (control, value) in [
            (FlowControl::parallelism(key(), 3), "parallelism=3"),
            (FlowControl::parallelism(key(), 0), "parallelism=1"),
            (FlowControl::rate(key(), 5, Duration::from_secs(1)), "rate=5, period=1s"),
            (FlowControl::rate(key(), 0, Duration::ZERO), "rate=1, period=1s"),
            (FlowControl::rate(key(), 10, Duration::from_millis(59_500)), "rate=10, period=60s"),
            (FlowControl::rate(key(), 1, Duration::MAX), "rate=1, period=604800s"),
            (
                FlowControl::parallelism(key(), 5).with_rate(10, Duration::from_secs(60)),
                "parallelism=5, rate=10, period=60s",
            ),
        ] {
            assert_eq!(control.value(), value);
        }
    }
}
