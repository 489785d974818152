use std::fmt;

/// The state of a message that a log entry records.
///
/// ```
/// use axum_upstash::qstash::LogState;
///
/// assert_eq!(LogState::from("DELIVERED"), LogState::Delivered);
/// assert_eq!(LogState::from("CANCELED"), LogState::from("CANCELLED"));
/// assert_eq!(LogState::from("NEW_STATE"), LogState::Other("NEW_STATE".to_owned()));
/// assert_eq!(LogState::CancelRequested.as_str(), "CANCEL_REQUESTED");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogState {
    /// QStash took the message.
    Created,
    /// A delivery has begun.
    Active,
    /// A delivery failed, and another one is planned.
    Retry,
    /// A delivery failed.
    Error,
    /// The destination answered with success.
    Delivered,
    /// All deliveries have failed: the message is in the dead letter queue.
    Failed,
    /// The message is to be cancelled.
    CancelRequested,
    /// The message is cancelled.
    Canceled,
    /// Active, failed once, or to be retried. It is for [filters](crate::qstash::LogFilter::state) only.
    InProgress,
    /// A state that this version does not know.
    Other(String),
}

impl LogState {
    /// The name that the service has for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Created => "CREATED",
            Self::Active => "ACTIVE",
            Self::Retry => "RETRY",
            Self::Error => "ERROR",
            Self::Delivered => "DELIVERED",
            Self::Failed => "FAILED",
            Self::CancelRequested => "CANCEL_REQUESTED",
            Self::Canceled => "CANCELED",
            Self::InProgress => "IN_PROGRESS",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for LogState {
    fn from(name: &str) -> Self {
        match name {
            "CREATED" => Self::Created,
            "ACTIVE" => Self::Active,
            "RETRY" => Self::Retry,
            "ERROR" => Self::Error,
            "DELIVERED" => Self::Delivered,
            "FAILED" => Self::Failed,
            "CANCEL_REQUESTED" => Self::CancelRequested,
            // The SDKs have one L, the documentation two.
            "CANCELED" | "CANCELLED" => Self::Canceled,
            "IN_PROGRESS" => Self::InProgress,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for LogState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
