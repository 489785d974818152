//! Calls for many dead letters, in several requests.

use super::{
    DlqId,
    call::{Answer, Call, Caller},
    query::Query,
    wire::{FromWire, Object, Unreadable},
};
use crate::{Error, client::SeenCursors};
use http::{HeaderMap, Method};
use std::vec;

/// The most entries of a request without ids.
const MAX_COUNT: u64 = 100;

/// Entries of one request: the service takes 100, and the target stays short enough for any proxy.
const IDS: usize = 50;

/// A call for many dead letters. Its requests are not sent again after a lost answer.
pub(crate) struct Bulk<'a> {
    pub(super) caller: &'a Caller,
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
}

/// The entries that a call is for.
pub(crate) enum Entries {
    /// Those of ids, so many in each request.
    OfIds(vec::IntoIter<Query>),
    /// All that a query matches.
    Matching(Pages),
}

/// The requests of a call that goes on for as long as there is a cursor.
pub(crate) struct Pages {
    query: Query,
    /// `None` before the first request.
    cursor: Option<Option<String>>,
    /// The cursors that were followed.
    seen: SeenCursors,
    left: Option<u64>,
}

impl Bulk<'_> {
    /// Makes the call, and gives the number of entries that are gone.
    pub(crate) async fn delete(&self, mut entries: Entries) -> Result<u64, Error> {
        let mut total = 0_u64;
        while let Some(query) = entries.next() {
            let answer = self.send(&query).await?;
            let deleted = answer.read(|value| Object::of(value)?.number("deleted").ok_or(Unreadable("deleted")))?;
            total = total.saturating_add(deleted);
            entries.go_on(&answer, deleted)?;
        }
        Ok(total)
    }

    /// Makes the call, and gives what there is in place of the entries: the items of that name.
    pub(crate) async fn replace<T: FromWire>(&self, mut entries: Entries, name: &'static str) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        while let Some(query) = entries.next() {
            let answer = self.send(&query).await?;
            let items: Vec<T> = answer.read(|value| Object::of(value)?.items(&[name]))?;
            let count = items.len() as u64;
            all.extend(items);
            entries.go_on(&answer, count)?;
        }
        Ok(all)
    }

    async fn send(&self, query: &Query) -> Result<Answer, Error> {
        let call = Call::new(self.operation, self.method.clone(), query.after(&self.path));
        self.caller.send(call.headers(self.headers.clone())).await
    }
}

impl Entries {
    pub(crate) fn of_ids(
        ids: impl IntoIterator<Item = impl TryInto<DlqId, Error: Into<Error>>>,
        operation: &'static str,
    ) -> Result<Self, Error> {
        let ids: Result<Vec<DlqId>, Error> = ids.into_iter().map(|id| id.try_into().map_err(Into::into)).collect();
        let ids = ids.map_err(|error| error.with_operation(operation))?;
        let query = |ids: &[DlqId]| {
            let mut query = Query::default();
            for id in ids {
                query.push("dlqIds", id);
            }
            query
        };
        Ok(Self::OfIds(ids.chunks(IDS).map(query).collect::<Vec<_>>().into_iter()))
    }

    pub(crate) fn matching(query: Query, limit: Option<u32>) -> Self {
        Self::Matching(Pages { query, cursor: None, seen: SeenCursors::default(), left: limit.map(u64::from) })
    }

    pub(crate) fn all() -> Self {
        Self::matching(Query::default(), None)
    }

    fn next(&mut self) -> Option<Query> {
        match self {
            Self::OfIds(queries) => queries.next(),
            Self::Matching(pages) => pages.next(),
        }
    }

    /// Goes on after an answer about so many entries.
    fn go_on(&mut self, answer: &Answer, entries: u64) -> Result<(), Error> {
        if let Self::Matching(pages) = self {
            pages.continue_at(answer.read(|value| Ok(Object::of(value)?.text("cursor")))?, entries);
        }
        Ok(())
    }
}

impl Pages {
    fn next(&self) -> Option<Query> {
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

    fn continue_at(&mut self, cursor: Option<String>, entries: u64) {
        self.cursor = Some(cursor.filter(|cursor| self.seen.is_new(cursor)));
        self.left = self.left.map(|left| left.saturating_sub(entries));
    }
}
