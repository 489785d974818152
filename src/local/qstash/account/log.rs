use std::{collections::VecDeque, sync::Arc};

use crate::local::qstash::records::{Filter, Row};

/// The bytes after which a page ends, of which the last row may have more.
const MAX_PAGE_BYTES: usize = 32 * 1024 * 1024;

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
        let (mut page, mut bytes): (Vec<Arc<Row>>, usize) = (Vec::new(), 0);
        while page.len() < count
            && bytes < MAX_PAGE_BYTES
            && let Some(row) = selected.next()
        {
            bytes += row.size();
            page.push(Arc::clone(row));
        }
        let cursor = selected.next().and_then(|_| page.last()).map(|row| row.cursor());
        (page, cursor)
    }

    /// All rows, the oldest first.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Arc<Row>> {
        self.rows.iter()
    }

    fn drop_oldest(&mut self) {
        if let Some(row) = self.rows.pop_front() {
            self.bytes -= row.size();
        }
    }
}
