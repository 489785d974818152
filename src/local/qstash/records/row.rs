use std::sync::Arc;

use crate::local::qstash::{deliver::Outcome, message::Message};

/// What happened to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Created,
    Active,
    Retry,
    Error,
    Delivered,
    Failed,
    CancelRequested,
    Canceled,
}

impl State {
    const ALL: [Self; 8] = [
        Self::Created,
        Self::Active,
        Self::Retry,
        Self::Error,
        Self::Delivered,
        Self::Failed,
        Self::CancelRequested,
        Self::Canceled,
    ];

    /// The name of the service for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Active => "ACTIVE",
            Self::Retry => "RETRY",
            Self::Error => "ERROR",
            Self::Delivered => "DELIVERED",
            Self::Failed => "FAILED",
            Self::CancelRequested => "CANCEL_REQUESTED",
            Self::Canceled => "CANCELED",
        }
    }

    /// The states that a filter of this name selects.
    pub(crate) fn named(name: &str) -> Option<Vec<Self>> {
        match name {
            "IN_PROGRESS" => Some(vec![Self::Active, Self::Retry, Self::Error]),
            // The documentation has two spellings.
            "CANCELLED" => Some(vec![Self::Canceled]),
            _ => Self::ALL.into_iter().find(|state| state.name() == name).map(|state| vec![state]),
        }
    }
}

/// An entry of the log.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) number: u64,
    pub(crate) time_ms: u64,
    pub(crate) state: State,
    pub(crate) message: Arc<Message>,
    pub(crate) error: Option<String>,
    pub(crate) next_delivery_ms: Option<u64>,
    pub(crate) outcome: Option<Arc<Outcome>>,
}

impl Row {
    /// The place of the row among all, for a client that reads on from it.
    pub(crate) fn cursor(&self) -> String {
        format!("{}-{}", self.time_ms, self.number)
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        self.message.size() + self.outcome.as_ref().map_or(0, |outcome| outcome.size())
    }
}
