//! Reading and deleting records by their ids.

use super::{
    Filter, Include, Index, StoredRecord, VectorId,
    call::{Answer, Call, Caller},
    concurrently::all_of,
    error::invalid,
    record::{Raw, records},
};
use crate::{Error, client::Repeat};
use futures_core::future::BoxFuture;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

/// The ids of one request, and the requests that are under way at the same time.
const BATCH: usize = 1_000;
const FULL_BATCH: usize = 200;
const CONCURRENCY: usize = 4;

const FETCH: &str = "vector fetch";
const DELETE: &str = "vector delete";

impl<M: DeserializeOwned + Send + 'static> Index<M> {
    /// Records by their ids, in the order of the ids: `None` for each that is not there. Any number of ids is taken.
    ///
    /// ```no_run
    /// use axum_upstash::vector::{Include, Index};
    ///
    /// # async fn run(index: Index) -> Result<(), axum_upstash::Error> {
    /// let records = index.fetch(["a", "b"], Include::METADATA | Include::VECTORS).await?;
    /// assert_eq!(records.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if metadata is not of the type `M`, and those of the service.
    pub async fn fetch(
        &self,
        ids: impl IntoIterator<Item = impl Into<VectorId>>,
        include: Include,
    ) -> Result<Vec<Option<StoredRecord<M>>>, Error> {
        let ids: Vec<VectorId> = ids.into_iter().map(Into::into).collect();
        // With their contents, records are large.
        let batch = if include == Include::NONE { BATCH } else { FULL_BATCH };
        let calls = ids.chunks(batch).map(|ids| {
            let call: BoxFuture<'static, _> = Box::pin(fetch(self.caller.clone(), ids.to_vec(), include));
            call
        });
        let mut found = Vec::with_capacity(ids.len());
        for records in all_of(CONCURRENCY, calls).await? {
            found.extend(records);
        }
        Ok(found)
    }

    /// The records whose ids begin so: 1,000 at the most. For more, see [`range`](Self::range).
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub async fn fetch_prefix(&self, prefix: impl AsRef<str>, include: Include) -> Result<Vec<StoredRecord<M>>, Error> {
        let mut body = Map::new();
        body.insert("prefix".to_owned(), prefix.as_ref().into());
        include.write(&mut body);
        let answer = self.caller.send(Call::new(FETCH, "/fetch").json(&body)?).await?;
        records(answer.read::<Vec<Raw<'_>>>()?, &answer)
    }

    /// Any one record, or `None` if there are none.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub async fn random(&self) -> Result<Option<StoredRecord<M>>, Error> {
        let answer = self.caller.send(Call::new("vector random", "/random")).await?;
        answer.read::<Option<Raw<'_>>>()?.map(|raw| raw.into_record(&answer)).transpose()
    }
}

async fn fetch<M: DeserializeOwned>(
    caller: Caller,
    ids: Vec<VectorId>,
    include: Include,
) -> Result<Vec<Option<StoredRecord<M>>>, Error> {
    let mut body: Map<String, Value> = Map::new();
    body.insert("ids".to_owned(), ids.iter().map(VectorId::as_str).collect());
    include.write(&mut body);
    let answer = caller.send(Call::new(FETCH, "/fetch").json(&body)?).await?;
    let found: Vec<Option<Raw<'_>>> = answer.read()?;
    if found.len() != ids.len() {
        return Err(answer.unreadable(format!("{} ids were sent, and the answer has {}", ids.len(), found.len())));
    }
    found.into_iter().map(|raw| raw.map(|raw| raw.into_record(&answer)).transpose()).collect()
}

impl<M> Index<M> {
    /// Deletes records by their ids, and gives the number of those that were there. Any number of ids is taken.
    ///
    /// A call whose answer is lost is sent again: the number is then of those that were still there.
    ///
    /// # Errors
    /// Those of the service. With more than 1,000 ids some may be deleted all the same.
    pub async fn delete(&self, ids: impl IntoIterator<Item = impl Into<VectorId>>) -> Result<u64, Error> {
        let ids: Vec<VectorId> = ids.into_iter().map(Into::into).collect();
        let calls = ids.chunks(BATCH).map(|ids| {
            let body = json!({"ids": ids.iter().map(VectorId::as_str).collect::<Value>()});
            let call: BoxFuture<'static, _> = Box::pin(delete(self.caller.clone(), body, Repeat::Safe));
            call
        });
        Ok(all_of(CONCURRENCY, calls).await?.into_iter().sum())
    }

    /// Deletes the records whose ids begin so, and gives their number.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the prefix is empty, and those of the service.
    pub async fn delete_prefix(&self, prefix: impl AsRef<str>) -> Result<u64, Error> {
        let prefix = prefix.as_ref();
        if prefix.is_empty() {
            let message = "an empty prefix is that of all records: reset deletes them";
            return Err(invalid(message).with_operation(DELETE));
        }
        delete(self.caller.clone(), json!({"prefix": prefix}), Repeat::IfNotSent).await
    }

    /// Deletes the records whose metadata the filter holds for, and gives their number. The service looks at every record.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the filter is empty or cannot be sent, and those of the
    /// service.
    pub async fn delete_where(&self, filter: Filter) -> Result<u64, Error> {
        let filter = filter.into_text().map_err(|error| error.with_operation(DELETE))?;
        if filter.trim().is_empty() {
            let message = "an empty filter holds for all records: reset deletes them";
            return Err(invalid(message).with_operation(DELETE));
        }
        delete(self.caller.clone(), json!({"filter": filter}), Repeat::IfNotSent).await
    }
}

/// Deletes by ids may be repeated; others would delete what was written in between.
async fn delete(caller: Caller, body: Value, repeat: Repeat) -> Result<u64, Error> {
    #[derive(Deserialize)]
    struct Deleted {
        deleted: u64,
    }
    let answer: Answer = caller.send(Call::new(DELETE, "/delete").json(&body)?.repeat(repeat)).await?;
    Ok(answer.read::<Deleted>()?.deleted)
}
