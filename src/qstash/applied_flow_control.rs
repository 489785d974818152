use super::wire::Object;
use std::time::Duration;

/// The limits of delivery that a message, a schedule or a log entry has.
///
/// ```
/// use axum_upstash::qstash::{AppliedFlowControl, StoredMessage};
///
/// fn key(message: &StoredMessage) -> Option<&str> {
///     message.flow_control.as_ref().map(|control: &AppliedFlowControl| control.key.as_str())
/// }
/// # let _ = key;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppliedFlowControl {
    /// The key.
    pub key: String,
    /// The deliveries at once, if they are limited.
    pub parallelism: Option<u32>,
    /// The deliveries in each period, if they are limited.
    pub rate: Option<u32>,
    /// The period, in whole seconds.
    pub period: Option<Duration>,
}

impl AppliedFlowControl {
    /// The limits among the fields of an object, if there is a key.
    pub(super) fn of(object: Object<'_>) -> Option<Self> {
        let limit = |name| object.number(name).filter(|limit| *limit != 0);
        Some(Self {
            key: object.text("flowControlKey")?,
            parallelism: limit("parallelism"),
            rate: limit("rate").or_else(|| limit("ratePerSecond")),
            period: object.seconds("period").filter(|period| !period.is_zero()),
        })
    }
}
