//! Calls for many dead letters, in several requests.

use super::{DlqId, listing::Seen, query::Query};
use crate::Error;

/// The most entries of a request without ids.
const MAX_COUNT: u64 = 100;

/// Entries of one request: the service takes 100, and the target stays short enough for any proxy.
const IDS: usize = 50;

/// The requests of a call that goes on for as long as there is a cursor.
pub(crate) struct Pages {
    query: Query,
    /// `None` before the first request.
    cursor: Option<Option<String>>,
    /// The cursors that were followed.
    seen: Seen,
    left: Option<u64>,
}

impl Pages {
    pub(crate) fn new(query: Query, limit: Option<u32>) -> Self {
        Self { query, cursor: None, seen: Seen::default(), left: limit.map(u64::from) }
    }

    pub(crate) fn next(&self) -> Option<Query> {
        let count = self.left.map_or(MAX_COUNT, |left| left.min(MAX_COUNT));
        if count == 0 {
            return None;
        }
        let mut query = self.query.clone();
        query.push("count", &count);
        match &self.cursor {
            None => Some(query),
            Some(None) => None,
            Some(Some(cursor)) => {
                query.push("cursor", cursor);
                Some(query)
            }
        }
    }

    /// Goes on after a page of so many entries.
    pub(crate) fn continue_at(&mut self, cursor: Option<String>, entries: u64) {
        self.cursor = Some(cursor.filter(|cursor| self.seen.is_new(cursor)));
        self.left = self.left.map(|left| left.saturating_sub(entries));
    }
}

/// Queries that name dead letters, so many in each.
pub(crate) fn by_ids(
    ids: impl IntoIterator<Item = impl TryInto<DlqId, Error: Into<Error>>>,
    operation: &'static str,
) -> Result<Vec<Query>, Error> {
    let ids: Result<Vec<DlqId>, Error> = ids.into_iter().map(|id| id.try_into().map_err(Into::into)).collect();
    let ids = ids.map_err(|error| error.with_operation(operation))?;
    let query = |ids: &[DlqId]| {
        let mut query = Query::default();
        for id in ids {
            query.push("dlqIds", id);
        }
        query
    };
    Ok(ids.chunks(IDS).map(query).collect())
}
