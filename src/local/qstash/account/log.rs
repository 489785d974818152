use std::{collections::VecDeque, sync::Arc};

use super::Filter;
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

    fn size(&self) -> usize {
        self.message.size() + self.outcome.as_ref().map_or(0, |outcome| outcome.body.len())
    }
}

/// The newest rows, as many as there is room for.
#[derive(Debug)]
pub(super) struct Log {
    rows: VecDeque<Arc<Row>>,
    bytes: usize,
    max_bytes: usize,
    last_number: u64,
}

impl Log {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { rows: VecDeque::new(), bytes: 0, max_bytes, last_number: 0 }
    }

    pub(super) fn next_number(&self) -> u64 {
        self.last_number + 1
    }

    pub(super) fn push(&mut self, row: Arc<Row>) {
        self.last_number = row.number;
        self.bytes += row.size();
        self.rows.push_back(row);
        while self.bytes > self.max_bytes && self.rows.len() > 1 {
            self.drop_oldest();
        }
    }

    /// Drops rows from before that time.
    pub(super) fn expire(&mut self, before_ms: u64) {
        while self.rows.front().is_some_and(|row| row.time_ms < before_ms) {
            self.drop_oldest();
        }
    }

    /// So many rows, the newest first, beginning after the one of the cursor. With the cursor of the next page, if there
    /// is one.
    pub(super) fn page(&self, filter: &Filter, after: Option<u64>, count: usize) -> (Vec<Arc<Row>>, Option<String>) {
        let older = self.rows.iter().rev().filter(|row| after.is_none_or(|after| row.number < after));
        let mut selected = older.filter(|row| filter.selects_row(row));
        let page: Vec<Arc<Row>> = selected.by_ref().take(count).cloned().collect();
        let cursor = selected.next().and_then(|_| page.last()).map(|row| row.cursor());
        (page, cursor)
    }

    fn drop_oldest(&mut self) {
        if let Some(row) = self.rows.pop_front() {
            self.bytes -= row.size();
        }
    }
}
