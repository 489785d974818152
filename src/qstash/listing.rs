use super::{
    call::{Call, Caller},
    query::Query,
    wire::{FromWire, Object, Unreadable},
};
use crate::{Error, client::SeenCursors};
use futures_core::{Stream, future::BoxFuture};
use serde_json::Value;
use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Entries that come in pages: a [`Stream`] of all of them, or one page at a time.
///
/// ```no_run
/// use axum_upstash::qstash::{LogFilter, QStashClient};
/// use futures_util::StreamExt;
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// let mut entries = qstash.logs().list(LogFilter::new().label("receipts"));
/// while let Some(entry) = entries.next().await {
///     let entry = entry?;
///     println!("{:?} {} {}", entry.time, entry.message_id, entry.state);
/// }
///
/// // Page by page, for a page of one's own with a link to the next.
/// let page = qstash.logs().list(LogFilter::new()).page_size(20).page().await?;
/// if let Some(cursor) = page.cursor {
///     let next = qstash.logs().list(LogFilter::new()).page_size(20).after(cursor).page().await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// A page is requested when the one before is used up. An error ends the stream, and [`cursor`](Self::cursor) has the place
/// from which another listing goes on.
#[must_use = "entries come when it is polled"]
pub struct Listing<T> {
    source: Source<T>,
    entries: VecDeque<T>,
    state: State<T>,
    seen: SeenCursors,
}

/// One page of a [`Listing`].
///
/// ```
/// use axum_upstash::qstash::Page;
///
/// fn is_last<T>(page: &Page<T>) -> bool {
///     page.cursor.is_none()
/// }
/// # let _ = is_last::<()>;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// The place of the next page, if there is one, for [`Listing::after`].
    pub cursor: Option<String>,
}

/// The place that entries are read from.
struct Source<T> {
    caller: Caller,
    operation: &'static str,
    path: &'static str,
    /// The names that the list may have in an answer.
    names: &'static [&'static str],
    read: fn(&Value) -> Result<T, Unreadable>,
    query: Query,
    page_size: Option<u32>,
    cursor: Option<String>,
}

impl<T> Clone for Source<T> {
    fn clone(&self) -> Self {
        let (caller, query, cursor) = (self.caller.clone(), self.query.clone(), self.cursor.clone());
        Self { caller, query, cursor, ..*self }
    }
}

enum State<T> {
    More,
    Requested(BoxFuture<'static, Result<Page<T>, Error>>),
    Ended,
}

impl<T> Listing<T> {
    pub(super) fn new(
        caller: &Caller,
        operation: &'static str,
        path: &'static str,
        names: &'static [&'static str],
        query: Query,
    ) -> Self
    where
        T: FromWire,
    {
        let (caller, read) = (caller.clone(), T::from_wire);
        let source = Source { caller, operation, path, names, read, query, page_size: None, cursor: None };
        Self { source, entries: VecDeque::new(), state: State::More, seen: SeenCursors::default() }
    }

    /// Sets how many entries a page has at the most (100, which is the service's own limit for most lists).
    pub fn page_size(mut self, entries: u32) -> Self {
        self.source.page_size = Some(entries.max(1));
        self
    }

    /// Begins after the page that this cursor came with.
    pub fn after(mut self, cursor: impl Into<String>) -> Self {
        self.source.cursor = Some(cursor.into()).filter(|cursor| !cursor.is_empty());
        self
    }

    /// The place of the page that is requested next, or whose request failed; `None` for the first one.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.source.cursor.as_deref()
    }

    /// Requests one page: the first, or the one [after](Self::after) a cursor.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the filter has a value that cannot be sent, and those
    /// of the service.
    // Without a borrow of `self`, which cannot be shared between threads.
    pub fn page(&self) -> impl Future<Output = Result<Page<T>, Error>> + use<T> {
        self.source.clone().page()
    }
}

impl<T> Source<T> {
    async fn page(self) -> Result<Page<T>, Error> {
        let Self { caller, operation, path, names, read, mut query, page_size, cursor } = self;
        query.checked().map_err(|error| error.with_operation(operation))?;
        if let Some(page_size) = page_size {
            query.push("count", &page_size);
        }
        if let Some(cursor) = &cursor {
            query.push("cursor", cursor);
        }
        let page = |value: &Value| -> Result<Page<T>, Unreadable> {
            let object = Object::of(value)?;
            // A cursor that leads to itself would never end.
            let next = object.text("cursor").filter(|next| Some(next) != cursor.as_ref());
            Ok(Page { entries: object.items_with(names, read)?, cursor: next })
        };
        caller.send(Call::get(operation, query.after(path))).await?.read(page)
    }
}

impl<T: Send + Unpin + 'static> Stream for Listing<T> {
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(entry) = this.entries.pop_front() {
                return Poll::Ready(Some(Ok(entry)));
            }
            match &mut this.state {
                State::More => this.state = State::Requested(Box::pin(this.source.clone().page())),
                State::Requested(page) => match ready!(page.as_mut().poll(cx)) {
                    Ok(Page { entries, cursor }) => {
                        let cursor = cursor.filter(|cursor| this.seen.is_new(cursor));
                        this.entries = entries.into();
                        this.state = if cursor.is_some() { State::More } else { State::Ended };
                        this.source.cursor = cursor;
                    }
                    Err(error) => {
                        this.state = State::Ended;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
                State::Ended => return Poll::Ready(None),
            }
        }
    }
}

impl<T> fmt::Debug for Listing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing")
            .field("path", &self.source.path)
            .field("query", &self.source.query)
            .finish_non_exhaustive()
    }
}
