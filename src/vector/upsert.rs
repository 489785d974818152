//! Storing records.

use super::{
    Index, Record, VectorId,
    call::{Call, Caller},
    concurrently::concurrently,
};
use crate::{Error, ErrorKind};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use serde::Serialize;
use std::{collections::HashMap, error::Error as StdError, fmt, future::IntoFuture};

const OPERATION: &str = "vector upsert";

/// The records of one request, as the service has it.
const BATCH: usize = 1_000;
/// The texts of one request: the service makes their vectors before it answers.
const TEXTS: usize = 100;
/// The bytes of one request, which also ends in time on a slow network.
const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// The requests that are under way at the same time.
const CONCURRENCY: usize = 4;

impl<M: Serialize> Index<M> {
    /// Stores a record, in the place of one with its id.
    ///
    /// ```no_run
    /// use axum_upstash::vector::{Index, Record};
    ///
    /// # async fn run(index: Index) -> Result<(), axum_upstash::Error> {
    /// index.upsert(Record::dense("a", [0.1, 0.2]).data("a text")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the service, with a [`VectorRefusal`](super::VectorRefusal) if it does not take the record.
    pub async fn upsert(&self, record: impl Into<Record<M>>) -> Result<(), Error> {
        let record = record.into();
        let body = record.to_json().map_err(|error| error.with_operation(OPERATION))?;
        send(self.caller.clone(), record.is_text(), body.into()).await
    }

    /// Stores any number of records, in requests of as many as the service takes, several at the same time.
    ///
    /// ```no_run
    /// use axum_upstash::vector::{IncompleteUpsert, Index, Record};
    ///
    /// # async fn run(index: Index) -> Result<(), axum_upstash::Error> {
    /// let records = (0..100_000_u64).map(|id| Record::text(id, format!("article {id}")));
    /// match index.upsert_all(records).concurrency(8).await {
    ///     Ok(stored) => println!("{stored} records"),
    ///     Err(error) => match IncompleteUpsert::of(&error) {
    ///         Some(part) => eprintln!("{} of them are not stored: {error}", part.failed_ids().count()),
    ///         None => return Err(error),
    ///     },
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn upsert_all(&self, records: impl IntoIterator<Item = impl Into<Record<M>>>) -> UpsertAll {
        let records = records.into_iter().map(|record| {
            let record: Record<M> = record.into();
            let json = record.to_json();
            (record.id().clone(), record.is_text(), json)
        });
        UpsertAll {
            caller: self.caller.clone(),
            records: records.collect(),
            batch: BATCH,
            bytes: BATCH_BYTES,
            concurrency: CONCURRENCY,
        }
    }
}

/// A call that stores many records ([`Index::upsert_all`]). It gives their number.
///
/// If a batch fails, the others are sent all the same, unless the token or the quota is the reason: the error has an
/// [`IncompleteUpsert`] as its source. A record that cannot be written as JSON fails the call before anything is sent.
///
/// Of several records with one id the last one is stored. Requests overtake each other: the order of insertion is that of the
/// records only with a [`concurrency`](Self::concurrency) of 1. All records are in memory as JSON until they are sent. If the
/// future is dropped, some are stored.
///
/// ```no_run
/// use axum_upstash::vector::{Index, Record};
///
/// # async fn run(index: Index) -> Result<(), axum_upstash::Error> {
/// let records = vec![Record::dense("a", [0.1, 0.2]), Record::dense("b", [0.3, 0.4])];
/// let stored = index.upsert_all(records).batch_size(100).await?;
/// assert_eq!(stored, 2);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until it is awaited"]
pub struct UpsertAll {
    caller: Caller,
    records: Vec<(VectorId, bool, Result<Vec<u8>, Error>)>,
    batch: usize,
    bytes: usize,
    concurrency: usize,
}

impl UpsertAll {
    /// Sets how many records a request has at the most (1,000 with vectors, which the service takes, and 100 with texts).
    pub fn batch_size(mut self, records: usize) -> Self {
        self.batch = records.clamp(1, BATCH);
        self
    }

    /// Sets how many bytes a request has at the most (2 MiB). A record that is larger is sent alone.
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Sets how many requests are under way at the same time (4).
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.max(1);
        self
    }

    async fn run(self) -> Result<usize, Error> {
        let (caller, concurrency) = (self.caller.clone(), self.concurrency);
        let batches = self.batches()?;
        let total = batches.iter().map(|batch| batch.ids.len()).sum::<usize>();
        let (ids, calls): (Vec<_>, Vec<BoxFuture<'static, _>>) = batches
            .into_iter()
            .map(|batch| {
                let call: BoxFuture<'static, _> = Box::pin(send(caller.clone(), batch.is_text, batch.body.into()));
                (batch.ids, call)
            })
            .unzip();
        let outcomes = concurrently(concurrency, calls, |outcome| outcome.as_ref().is_err_and(is_for_all)).await;
        let is_stored = |at: usize| outcomes.iter().any(|(known, outcome)| *known == at && outcome.is_ok());
        let errors: Vec<(usize, &Error)> =
            outcomes.iter().filter_map(|(at, outcome)| Some((*at, outcome.as_ref().err()?))).collect();
        // An outage is not the reason if there is another one.
        let reason = errors.iter().find(|(_, error)| !error.is_outage()).or(errors.first());
        let Some((_, reason)) = reason else { return Ok(total) };
        let failed: Vec<FailedBatch> = (0..)
            .zip(ids)
            .filter(|(at, _)| !is_stored(*at))
            .map(|(at, ids)| {
                let own = errors.iter().find(|(known, _)| *known == at);
                FailedBatch { ids, error: own.map_or_else(|| (*reason).clone(), |(_, error)| (*error).clone()) }
            })
            .collect();
        let missing = failed.iter().map(|batch| batch.ids.len()).sum::<usize>();
        let message = format!("{missing} of {total} records may not be stored: {}", reason.message());
        let error = (*reason).clone().with_message(message);
        Err(error.with_source(IncompleteUpsert { stored: total - missing, failed }))
    }

    /// The requests, those of texts apart. Of several records with one id the last one is sent.
    fn batches(self) -> Result<Vec<Batch>, Error> {
        let last: HashMap<VectorId, usize> = (0..).zip(&self.records).map(|(at, (id, ..))| (id.clone(), at)).collect();
        let mut done = Vec::new();
        let mut open: [Option<Batch>; 2] = [None, None];
        for (at, (id, is_text, json)) in self.records.into_iter().enumerate() {
            let json = json.map_err(|error| {
                Error::new(ErrorKind::InvalidInput, format!("record {at}: {}", error.message()))
                    .with_operation(OPERATION)
            })?;
            if last.get(&id) != Some(&at) {
                continue;
            }
            let slot = &mut open[usize::from(is_text)];
            let most = if is_text { self.batch.min(TEXTS) } else { self.batch };
            let is_full = |batch: &Batch| batch.ids.len() >= most || batch.body.len() + json.len() + 2 > self.bytes;
            if let Some(full) = slot.take_if(|batch| is_full(batch)) {
                done.push(full.finished());
            }
            let batch = slot.get_or_insert_with(|| Batch { is_text, ids: Vec::new(), body: Vec::new() });
            batch.body.push(if batch.ids.is_empty() { b'[' } else { b',' });
            batch.body.extend_from_slice(&json);
            batch.ids.push(id);
        }
        done.extend(open.into_iter().flatten().map(Batch::finished));
        Ok(done)
    }
}

/// Whether every other call fails as well.
fn is_for_all(error: &Error) -> bool {
    use ErrorKind::{Configuration, Forbidden, QuotaExceeded, Unauthorized};
    matches!(error.kind(), Configuration | Forbidden | QuotaExceeded | Unauthorized)
}

impl IntoFuture for UpsertAll {
    type Output = Result<usize, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for UpsertAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpsertAll").field("records", &self.records.len()).finish_non_exhaustive()
    }
}

struct Batch {
    is_text: bool,
    ids: Vec<VectorId>,
    body: Vec<u8>,
}

impl Batch {
    fn finished(mut self) -> Self {
        self.body.push(b']');
        self
    }
}

/// The records of an [`Index::upsert_all`] that were not stored, or of which it is not known. As `Debug` it has their number
/// only.
///
/// ```no_run
/// use axum_upstash::{Error, vector::IncompleteUpsert};
///
/// fn report(error: &Error) {
///     for batch in IncompleteUpsert::of(error).into_iter().flat_map(|part| &part.failed) {
///         eprintln!("{} records: {}", batch.ids.len(), batch.error);
///     }
/// }
/// # let _ = report;
/// ```
#[non_exhaustive]
pub struct IncompleteUpsert {
    /// The number of records that are stored.
    pub stored: usize,
    /// The batches that are not.
    pub failed: Vec<FailedBatch>,
}

/// A batch of an [`IncompleteUpsert`].
///
/// ```no_run
/// use axum_upstash::vector::FailedBatch;
///
/// fn is_worth_another_try(batch: &FailedBatch) -> bool {
///     batch.error.is_outage()
/// }
/// # let _ = is_worth_another_try;
/// ```
#[non_exhaustive]
pub struct FailedBatch {
    /// The records of the batch.
    pub ids: Vec<VectorId>,
    /// Why it failed.
    pub error: Error,
}

impl IncompleteUpsert {
    /// The records that an error leaves open, if it is one of [`Index::upsert_all`].
    #[must_use]
    pub fn of(error: &Error) -> Option<&Self> {
        error.source()?.downcast_ref()
    }

    /// The ids of the records that may not be stored.
    pub fn failed_ids(&self) -> impl Iterator<Item = &VectorId> {
        self.failed.iter().flat_map(|batch| &batch.ids)
    }
}

impl fmt::Debug for IncompleteUpsert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncompleteUpsert").field("stored", &self.stored).field("failed", &self.failed).finish()
    }
}

impl fmt::Debug for FailedBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedBatch").field("ids", &self.ids.len()).field("error", &self.error).finish()
    }
}

impl fmt::Display for IncompleteUpsert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} batches failed", self.failed.len())
    }
}

impl StdError for IncompleteUpsert {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.failed.first().map(|batch| &batch.error as _)
    }
}

async fn send(caller: Caller, is_text: bool, body: Bytes) -> Result<(), Error> {
    let path = if is_text { "/upsert-data" } else { "/upsert" };
    caller.send(Call::new(OPERATION, path).body(body)).await?.read::<serde::de::IgnoredAny>().map(drop)
}
