use super::{DlqEntry, DlqFilter};
use crate::{
    Error,
    qstash::{
        DeliveryOptions, DlqId, Listing, Published, QStashClient,
        bulk::{Bulk, Entries},
        call::{Call, Caller},
    },
};
use http::{HeaderMap, Method};
use std::sync::Arc;

const PATH: &str = "/v2/dlq";
const RETRY_PATH: &str = "/v2/dlq/retry";
const DELETE: &str = "qstash dlq delete";
const RETRY: &str = "qstash dlq retry";
/// The items of an answer.
const RETRIED: &str = "responses";

/// The dead letter queue: messages whose deliveries have all failed.
///
/// ```no_run
/// use axum_upstash::qstash::{DlqFilter, QStashClient};
/// use futures_util::TryStreamExt;
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// let dlq = qstash.dlq();
/// let mut entries = dlq.list(DlqFilter::new().label("receipts"));
/// while let Some(entry) = entries.try_next().await? {
///     if entry.response_status.is_some_and(|status| status.is_client_error()) {
///         dlq.delete(&entry.dlq_id).await?;
///     } else {
///         dlq.retry(&entry.dlq_id).await?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// Ids are checked before anything is sent, and none can be empty. Calls for many entries are made in several requests. If
/// a later one fails, those before have taken effect.
#[derive(Debug, Clone)]
#[must_use]
pub struct Dlq {
    caller: Caller,
    overrides: DeliveryOptions,
}

impl QStashClient {
    /// The dead letter queue.
    pub fn dlq(&self) -> Dlq {
        Dlq { caller: self.caller().clone(), overrides: DeliveryOptions::new() }
    }
}

impl Dlq {
    /// Entries that a filter matches, the newest first. Nothing is requested before the listing is polled.
    pub fn list(&self, filter: DlqFilter) -> Listing<DlqEntry> {
        Listing::new(&self.caller, "qstash dlq list", PATH, &["messages"], filter.query)
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it does not exist.
    pub async fn get(&self, id: impl TryInto<DlqId, Error: Into<Error>>) -> Result<DlqEntry, Error> {
        const OPERATION: &str = "qstash dlq get";
        self.caller.fetch(Call::get(OPERATION, path(PATH, id, OPERATION)?)).await
    }

    /// Deletes an entry.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it does not exist.
    pub async fn delete(&self, id: impl TryInto<DlqId, Error: Into<Error>>) -> Result<(), Error> {
        self.caller.send(Call::delete(DELETE, path(PATH, id, DELETE)?)).await.map(drop)
    }

    /// Deletes the entries of these ids, 50 in each request, and returns how many existed. Without any id nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if an id cannot be sent; then nothing was sent.
    pub async fn delete_many(
        &self,
        ids: impl IntoIterator<Item = impl TryInto<DlqId, Error: Into<Error>>>,
    ) -> Result<u64, Error> {
        self.bulk_delete().delete(Entries::of_ids(ids, DELETE)?).await
    }

    /// Deletes all entries that a filter matches, and returns how many they were.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the filter is empty or has a value that cannot be sent;
    /// then nothing was sent.
    pub async fn delete_where(&self, filter: DlqFilter) -> Result<u64, Error> {
        let limit = filter.limit_set();
        let query = filter.into_query().map_err(|error| error.with_operation(DELETE))?;
        self.bulk_delete().delete(Entries::matching(query, limit)).await
    }

    /// Deletes every entry, and returns how many they were.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn delete_all(&self) -> Result<u64, Error> {
        self.bulk_delete().delete(Entries::all()).await
    }

    /// Sets options that messages have when they are retried, instead of those that they were published with.
    ///
    /// ```no_run
    /// use axum_upstash::qstash::{DeliveryOptions, QStashClient};
    ///
    /// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
    /// let once = DeliveryOptions::new().retries(0);
    /// qstash.dlq().with_overrides(once).retry("1725323658779-0").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_overrides(mut self, overrides: DeliveryOptions) -> Self {
        self.overrides = overrides;
        self
    }

    /// Has a message delivered again, as a new message. Its entry is deleted.
    ///
    /// It is not sent again after a lost answer, because that could deliver the message twice.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the entry does not exist.
    pub async fn retry(&self, id: impl TryInto<DlqId, Error: Into<Error>>) -> Result<Published, Error> {
        let call = Call::post(RETRY, path(RETRY_PATH, id, RETRY)?).headers(self.headers()?);
        self.caller.fetch(call).await
    }

    /// Has the messages of these entries delivered again, 50 in each request. Without any id nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if an id cannot be sent; then nothing was sent.
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if an entry does not exist.
    pub async fn retry_many(
        &self,
        ids: impl IntoIterator<Item = impl TryInto<DlqId, Error: Into<Error>>>,
    ) -> Result<Vec<Published>, Error> {
        self.bulk_retry()?.replace(Entries::of_ids(ids, RETRY)?, RETRIED).await
    }

    /// Has the messages of all entries that a filter matches delivered again.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the filter is empty or has a value that cannot be sent;
    /// then nothing was sent.
    pub async fn retry_where(&self, filter: DlqFilter) -> Result<Vec<Published>, Error> {
        let limit = filter.limit_set();
        let query = filter.into_query().map_err(|error| error.with_operation(RETRY))?;
        self.bulk_retry()?.replace(Entries::matching(query, limit), RETRIED).await
    }

    /// Has the messages of all entries delivered again.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn retry_all(&self) -> Result<Vec<Published>, Error> {
        self.bulk_retry()?.replace(Entries::all(), RETRIED).await
    }

    fn bulk_delete(&self) -> Bulk<'_> {
        let headers = HeaderMap::new();
        Bulk { caller: &self.caller, operation: DELETE, method: Method::DELETE, path: PATH.into(), headers }
    }

    fn bulk_retry(&self) -> Result<Bulk<'_>, Error> {
        let headers = self.headers()?;
        Ok(Bulk { caller: &self.caller, operation: RETRY, method: Method::POST, path: RETRY_PATH.into(), headers })
    }

    fn headers(&self) -> Result<HeaderMap, Error> {
        // The message keeps the headers that it was published with.
        let caller = Caller { message_headers: Arc::default(), ..self.caller.clone() };
        self.overrides.options.clone().into_headers(&caller).map_err(|error| error.with_operation(RETRY))
    }
}

fn path(path: &str, id: impl TryInto<DlqId, Error: Into<Error>>, operation: &'static str) -> Result<String, Error> {
    let id = id.try_into().map_err(|error| error.into().with_operation(operation))?;
    Ok(format!("{path}/{}", id.segment()))
}
