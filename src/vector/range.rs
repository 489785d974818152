use super::{
    Include, Index, StoredRecord,
    call::{Call, Caller},
    record::{Raw, records},
};
use crate::{Error, client::SeenCursors};
use futures_core::{Stream, future::BoxFuture};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

const OPERATION: &str = "vector range";

/// All records of a namespace, in the order in which they were inserted: a [`Stream`], or one page at a time.
///
/// ```no_run
/// use axum_upstash::vector::{Include, Index};
/// use futures_util::StreamExt;
///
/// # async fn run(index: Index) -> Result<(), axum_upstash::Error> {
/// let mut records = index.range().prefix("article-").include(Include::DATA);
/// while let Some(record) = records.next().await {
///     let record = record?;
///     println!("{} {}", record.id, record.data.unwrap_or_default());
/// }
/// # Ok(())
/// # }
/// ```
///
/// A page is requested when the one before is used up. An error ends the stream, and [`cursor`](Self::cursor) has the place
/// from which another one goes on.
#[must_use = "records come when it is polled"]
pub struct Range<M = serde_json::Value> {
    source: Source,
    records: VecDeque<StoredRecord<M>>,
    state: State<M>,
    /// One that comes a second time would never end.
    seen: SeenCursors,
}

/// One page of a [`Range`].
///
/// ```
/// use axum_upstash::vector::RangePage;
///
/// fn is_last(page: &RangePage) -> bool {
///     page.cursor.is_none()
/// }
/// # let _ = is_last;
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RangePage<M = serde_json::Value> {
    /// The records.
    pub records: Vec<StoredRecord<M>>,
    /// The place of the next page, if there is one, for [`Range::after`].
    pub cursor: Option<String>,
}

#[derive(Clone)]
struct Source {
    caller: Caller,
    cursor: String,
    prefix: String,
    page_size: u32,
    include: Include,
}

enum State<M> {
    More,
    Requested(BoxFuture<'static, Result<RangePage<M>, Error>>),
    Ended,
}

impl<M> Index<M> {
    /// All records of the namespace.
    pub fn range(&self) -> Range<M> {
        let (cursor, prefix) = (String::new(), String::new());
        let source = Source { caller: self.caller.clone(), cursor, prefix, page_size: 100, include: Include::NONE };
        Range { source, records: VecDeque::new(), state: State::More, seen: SeenCursors::default() }
    }
}

impl<M> Range<M> {
    /// Sets the parts of records that there are (none).
    pub fn include(mut self, include: Include) -> Self {
        self.source.include = include;
        self
    }

    /// Asks for the records whose ids begin so.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.source.prefix = prefix.into();
        self
    }

    /// Sets how many records a page has at the most (100, and 1,000 at the most).
    pub fn page_size(mut self, records: u32) -> Self {
        self.source.page_size = records.max(1);
        self
    }

    /// Begins after the page that this cursor came with.
    pub fn after(mut self, cursor: impl Into<String>) -> Self {
        self.source.cursor = cursor.into();
        self
    }

    /// The place of the page that is requested next, or whose request failed: `None` for the first one, and after the last
    /// one.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        Some(&*self.source.cursor).filter(|cursor| !cursor.is_empty())
    }
}

impl<M: DeserializeOwned> Range<M> {
    /// Requests one page: the first, or the one [after](Self::after) a cursor.
    ///
    /// # Errors
    /// Those of the service.
    // Without a borrow of `self`, which cannot be shared between threads.
    pub fn page(&self) -> impl Future<Output = Result<RangePage<M>, Error>> + use<M> {
        self.source.clone().page()
    }
}

impl Source {
    async fn page<M: DeserializeOwned>(self) -> Result<RangePage<M>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page<'a> {
            next_cursor: String,
            #[serde(borrow)]
            vectors: Vec<Raw<'a>>,
        }
        let mut body: Map<String, Value> = Map::new();
        body.insert("cursor".to_owned(), self.cursor.as_str().into());
        body.insert("limit".to_owned(), self.page_size.into());
        if !self.prefix.is_empty() {
            body.insert("prefix".to_owned(), self.prefix.into());
        }
        self.include.write(&mut body);
        let answer = self.caller.send(Call::new(OPERATION, "/range").json(&body)?).await?;
        let Page { next_cursor, vectors } = answer.read()?;
        if !next_cursor.is_empty() && next_cursor == self.cursor {
            return Err(answer.unreadable("the cursor of the next page is that of this one"));
        }
        let cursor = Some(next_cursor).filter(|next| !next.is_empty());
        Ok(RangePage { records: records(vectors, &answer)?, cursor })
    }
}

impl<M: DeserializeOwned + Send + Unpin + 'static> Stream for Range<M> {
    type Item = Result<StoredRecord<M>, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(record) = this.records.pop_front() {
                return Poll::Ready(Some(Ok(record)));
            }
            match &mut this.state {
                State::More => this.state = State::Requested(Box::pin(this.source.clone().page())),
                State::Requested(page) => match ready!(page.as_mut().poll(cx)) {
                    Ok(RangePage { records, cursor }) => {
                        let is_new = cursor.as_deref().is_none_or(|cursor| this.seen.is_new(cursor));
                        this.records = records.into();
                        let cursor = cursor.filter(|_| is_new);
                        this.state = if cursor.is_some() { State::More } else { State::Ended };
                        this.source.cursor = cursor.unwrap_or_default();
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

impl<M> fmt::Debug for Range<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Range").field("cursor", &self.source.cursor).finish_non_exhaustive()
    }
}
