//! Looking for records near to vectors and texts.

use super::{
    Index, Match, Query,
    call::{Answer, Call, Caller},
    concurrently::all_of,
    query::Body,
    record::{Raw, matches},
};
use crate::Error;
use futures_core::future::BoxFuture;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

const OPERATION: &str = "vector query";

/// The queries of one request, and the requests that are under way at the same time.
const BATCH: usize = 100;
/// The results of one request, as the service has it.
const RESULTS: usize = 1_000;
const CONCURRENCY: usize = 4;

impl<M: DeserializeOwned + Send + 'static> Index<M> {
    /// The records that are nearest, the best one first.
    ///
    /// ```no_run
    /// use axum_upstash::vector::{Include, Index, Query};
    ///
    /// # async fn run(index: Index) -> Result<(), axum_upstash::Error> {
    /// for found in index.query(Query::dense([0.1, 0.2]).top_k(3).include(Include::DATA)).await? {
    ///     println!("{} {}", found.score, found.data.unwrap_or_default());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the query cannot be sent,
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if metadata is not of the type `M`, and those of the service.
    pub async fn query(&self, query: Query) -> Result<Vec<Match<M>>, Error> {
        let path = if query.is_text() { "/query-data" } else { "/query" };
        let body = query.into_body().map_err(|error| error.with_operation(OPERATION))?;
        let answer = self.caller.send(Call::new(OPERATION, path).json(&body)?).await?;
        matches(answer.read::<Vec<Raw<'_>>>()?, &answer)
    }

    /// Several queries at once: their results in the order of the queries.
    ///
    /// Queries by vectors and by texts may be mixed. Those of one kind share requests.
    ///
    /// # Errors
    /// As [`query`](Self::query): one query that is refused fails all.
    pub async fn query_many(&self, queries: impl IntoIterator<Item = Query>) -> Result<Vec<Vec<Match<M>>>, Error> {
        let mut kinds: [Vec<(usize, Body)>; 2] = [Vec::new(), Vec::new()];
        let mut count = 0;
        for query in queries {
            let kind = usize::from(query.is_text());
            let body = query.into_body().map_err(|error| error.with_operation(OPERATION))?;
            kinds[kind].push((count, body));
            count += 1;
        }
        let [vectors, texts] = kinds;
        let calls = [("/query", vectors), ("/query-data", texts)].into_iter().flat_map(|(path, mut queries)| {
            let mut batches = Vec::new();
            while !queries.is_empty() {
                let most = queries.iter().map(|(_, body)| body.top_k()).max().unwrap_or(1);
                let rest = queries.split_off(queries.len().min((RESULTS / most.max(1)).clamp(1, BATCH)));
                batches.push((path, std::mem::replace(&mut queries, rest)));
            }
            batches
        });
        let calls = calls.map(|(path, queries)| {
            let call: BoxFuture<'static, _> = Box::pin(batch(self.caller.clone(), path, queries));
            call
        });
        let mut results: Vec<Vec<Match<M>>> = (0..count).map(|_| Vec::new()).collect();
        for batch in all_of(CONCURRENCY, calls).await? {
            for (at, found) in batch {
                results[at] = found;
            }
        }
        Ok(results)
    }
}

/// Sends queries of one kind, and gives each result with the place of its query.
async fn batch<M: DeserializeOwned>(
    caller: Caller,
    path: &'static str,
    queries: Vec<(usize, Body)>,
) -> Result<Vec<(usize, Vec<Match<M>>)>, Error> {
    let (places, bodies): (Vec<usize>, Vec<Body>) = queries.into_iter().unzip();
    let answer = caller.send(Call::new(OPERATION, path).json(&bodies)?).await?;
    let results = each(&answer, places.len())?;
    let results = results.into_iter().map(|found| matches(found, &answer));
    Ok(places.into_iter().zip(results.collect::<Result<Vec<_>, _>>()?).collect())
}

/// The results of each query. Those of a single query in a list come without the list.
fn each(answer: &Answer, queries: usize) -> Result<Vec<Vec<Raw<'_>>>, Error> {
    let list: Vec<&RawValue> = answer.read()?;
    let is_flat = list.first().is_none_or(|first| !first.get().starts_with('['));
    let results = if queries == 1 && is_flat { vec![answer.read()?] } else { answer.read::<Vec<Vec<Raw<'_>>>>()? };
    if results.len() != queries {
        return Err(answer.unreadable(format!("{queries} queries were sent, and the answer has {}", results.len())));
    }
    Ok(results)
}

/// The results of a call, which are a list.
#[derive(Debug, Deserialize)]
pub(super) struct Begun<'a> {
    pub(super) uuid: String,
    #[serde(borrow)]
    pub(super) scores: Vec<Raw<'a>>,
}
