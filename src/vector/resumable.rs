use super::{
    Index, Match, Query,
    call::{Call, Caller},
    record::{Raw, matches},
    search::Begun,
};
use crate::{Error, ErrorKind, rt::spawn};
use futures_core::{Stream, future::BoxFuture};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::json;
use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

const OPERATION: &str = "vector resumable query";

/// A query that goes on ([Resumable queries](https://upstash.com/docs/vector/features/resumablequery)): a [`Stream`] of
/// results, the best one first, none of which comes twice.
///
/// ```
/// use axum_upstash::{local::LocalVector, vector::{Index, Query, Record}};
/// use futures_util::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = LocalVector::start().await?;
/// # let index: Index = Index::new(local.url(), local.token())?;
/// index.upsert_all((0..100_u64).map(|id| Record::text(id, format!("article {id}")))).await?;
/// let mut results = index.resumable(Query::text("article 17").top_k(20)).await?;
/// let mut read = 0;
/// while let Some(found) = results.next().await {
///     println!("{}", found?.id);
///     read += 1;
///     if read == 50 {
///         break;
///     }
/// }
/// results.close().await?; // the service keeps it for an hour otherwise
/// # Ok(())
/// # }
/// ```
///
/// A page of [`top_k`](Query::top_k) results is requested when the one before is used up. An answer that is lost is not asked
/// for again, as its results would be skipped: the error ends the stream. If it is dropped without [`close`](Self::close) on
/// a runtime, the service is told in the background.
#[must_use = "results come when it is polled"]
pub struct Resumable<M = serde_json::Value> {
    caller: Caller,
    /// Empty if there is nothing to go on with.
    uuid: String,
    page: u32,
    results: VecDeque<Match<M>>,
    state: State<M>,
}

enum State<M> {
    More,
    Requested(BoxFuture<'static, Result<Vec<Match<M>>, Error>>),
    /// The service has no more results, but still keeps the query.
    Exhausted,
    Ended,
}

impl<M: DeserializeOwned + Send + 'static> Index<M> {
    /// Begins a query that goes on. The service keeps it until it is [closed](Resumable::close), or idle for an hour.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn resumable(&self, query: Query) -> Result<Resumable<M>, Error> {
        self.resumable_for(query, None).await
    }

    /// Begins a query that the service forgets after that idle time, in whole seconds.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn resumable_with_idle(&self, query: Query, max_idle: Duration) -> Result<Resumable<M>, Error> {
        self.resumable_for(query, Some(max_idle)).await
    }

    async fn resumable_for(&self, query: Query, max_idle: Option<Duration>) -> Result<Resumable<M>, Error> {
        let page = query.page();
        let path = if query.is_text() { "/resumable-query-data" } else { "/resumable-query" };
        let mut body = query.into_body().map_err(|error| error.with_operation(OPERATION))?;
        if let Some(max_idle) = max_idle {
            body.fields.insert("maxIdle".to_owned(), max_idle.as_secs().clamp(1, u32::MAX.into()).into());
        }
        // A second one would be kept for an hour.
        let answer = self.caller.send(Call::new(OPERATION, path).json(&body)?.once()).await?;
        let Begun { uuid, scores } = answer.read()?;
        // From here on, dropping it ends the query.
        let (caller, results) = (self.caller.clone(), VecDeque::new());
        let mut resumable = Resumable { caller, uuid, page, results, state: State::Exhausted };
        resumable.results = matches(scores, &answer)?.into();
        if !resumable.uuid.is_empty() && !resumable.results.is_empty() {
            resumable.state = State::More;
        }
        Ok(resumable)
    }
}

impl<M> Resumable<M> {
    /// Sets the size of the pages that are requested from now on ([`top_k`](Query::top_k)).
    pub fn page_size(mut self, results: u32) -> Self {
        self.page = results.max(1);
        self
    }

    /// Ends the query: the service keeps it no longer. Results that were read already are dropped. A query that the service
    /// has forgotten is no error.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn close(mut self) -> Result<(), Error> {
        self.state = State::Ended;
        if !self.uuid.is_empty() {
            // If this future is dropped, or the call fails, the query is ended in the background.
            end(self.caller.clone(), self.uuid.clone()).await?;
            self.uuid.clear();
        }
        Ok(())
    }
}

/// Ends a query. One that has ended is what is wanted.
async fn end(caller: Caller, uuid: String) -> Result<(), Error> {
    let call = Call::of_index(OPERATION, "/resumable-query-end").json(&json!({"uuid": uuid}))?;
    match caller.send(call).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        answer => answer?.read::<IgnoredAny>().map(drop),
    }
}

async fn next_page<M: DeserializeOwned>(caller: Caller, uuid: String, count: u32) -> Result<Vec<Match<M>>, Error> {
    let body = json!({"uuid": uuid, "additionalK": count});
    let call = Call::of_index(OPERATION, "/resumable-query-next").json(&body)?.once();
    let answer = caller.send(call).await?;
    matches(answer.read::<Vec<Raw<'_>>>()?, &answer)
}

impl<M: DeserializeOwned + Send + Unpin + 'static> Stream for Resumable<M> {
    type Item = Result<Match<M>, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(found) = this.results.pop_front() {
                return Poll::Ready(Some(Ok(found)));
            }
            match &mut this.state {
                State::More => {
                    let next = next_page(this.caller.clone(), this.uuid.clone(), this.page);
                    this.state = State::Requested(Box::pin(next));
                }
                State::Requested(page) => match ready!(page.as_mut().poll(cx)) {
                    Ok(results) => {
                        this.state = if results.is_empty() { State::Exhausted } else { State::More };
                        this.results = results.into();
                    }
                    Err(error) => {
                        this.state = State::Exhausted;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
                State::Exhausted | State::Ended => return Poll::Ready(None),
            }
        }
    }
}

impl<M> Drop for Resumable<M> {
    fn drop(&mut self) {
        if !self.uuid.is_empty() {
            let ending = end(self.caller.clone(), std::mem::take(&mut self.uuid));
            // Without a runtime the service finds out by itself.
            drop(spawn(async move { drop(ending.await) }));
        }
    }
}

impl<M> fmt::Debug for Resumable<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resumable").field("page", &self.page).finish_non_exhaustive()
    }
}
