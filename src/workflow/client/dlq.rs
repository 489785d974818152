use super::{RunDlqEntry, RunDlqFilter};
use crate::{
    Error, ErrorKind,
    qstash::{
        Answer, DeliveryOptions, DlqId, Entries, FromWire, Listing, Object, QStashClient, RawRequest, Unreadable,
    },
};
use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;
use std::time::SystemTime;

const PATH: &str = "/v2/workflows/dlq";
const DELETE: &str = "workflow dlq delete";

/// The dead letter queue of runs: those that have failed. Each can go on: from the step that failed, or from its beginning.
///
/// ```no_run
/// use axum_upstash::workflow::{RunDlqFilter, WorkflowClient};
///
/// # async fn run(workflows: WorkflowClient) -> Result<(), axum_upstash::Error> {
/// // The bank is back: steps that are done are not done again.
/// let spring = RunDlqFilter::new().label("spring");
/// for run in workflows.dlq().resume_where(spring).await? {
///     println!("{} goes on", run.run_id);
/// }
/// # Ok(())
/// # }
/// ```
///
/// Calls for many entries are made in several requests. If a later one fails, those before have taken effect.
#[derive(Debug, Clone)]
#[must_use]
pub struct RunDlq {
    qstash: QStashClient,
    overrides: DeliveryOptions,
}

/// A run that goes on in place of one that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevivedRun {
    /// The id, which is another one. For [`retry_failure_function`](RunDlq::retry_failure_function) it is that of the run.
    pub run_id: String,
    /// The time at which it was begun.
    pub created_at: Option<SystemTime>,
}

impl RunDlq {
    pub(super) fn new(qstash: QStashClient) -> Self {
        Self { qstash, overrides: DeliveryOptions::new() }
    }

    /// Entries that a filter matches, the newest first. Nothing is requested before the listing is polled.
    pub fn list(&self, filter: RunDlqFilter) -> Listing<RunDlqEntry> {
        let mut query = filter.query;
        query.push("source", "workflow");
        // The end point of the official SDKs; the documentation has one of its own.
        self.qstash.listing("workflow dlq list", "/v2/dlq", &["messages"], query)
    }

    /// Sets options that runs have when they go on, such as retries and flow control, instead of those that they were
    /// triggered with.
    pub fn with_overrides(mut self, overrides: DeliveryOptions) -> Self {
        self.overrides = overrides;
        self
    }

    /// Begins a run in place of one that failed, with the results that it has. The entry is deleted.
    ///
    /// The run has another id, and so other values of [`uuid`](crate::workflow::WorkflowContext::uuid) and
    /// [`random`](crate::workflow::WorkflowContext::random). It is not sent again after a lost answer.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the entry does not exist.
    pub async fn resume(&self, id: impl TryInto<DlqId, Error: Into<Error>>) -> Result<RevivedRun, Error> {
        self.revive_one("workflow dlq resume", "resume", id).await
    }

    /// Begins a run in place of one that failed, with its payload alone. The entry is deleted.
    ///
    /// It is not sent again after a lost answer.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the entry does not exist.
    pub async fn restart(&self, id: impl TryInto<DlqId, Error: Into<Error>>) -> Result<RevivedRun, Error> {
        self.revive_one("workflow dlq restart", "restart", id).await
    }

    /// [Resumes](Self::resume) the runs of these entries. Without any id nothing is sent.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub async fn resume_many(
        &self,
        ids: impl IntoIterator<Item = impl TryInto<DlqId, Error: Into<Error>>>,
    ) -> Result<Vec<RevivedRun>, Error> {
        self.revive_many("workflow dlq resume", "resume", ids).await
    }

    /// [Restarts](Self::restart) the runs of these entries. Without any id nothing is sent.
    ///
    /// # Errors
    /// As [`restart`](Self::restart).
    pub async fn restart_many(
        &self,
        ids: impl IntoIterator<Item = impl TryInto<DlqId, Error: Into<Error>>>,
    ) -> Result<Vec<RevivedRun>, Error> {
        self.revive_many("workflow dlq restart", "restart", ids).await
    }

    /// [Resumes](Self::resume) the runs of all entries that a filter matches.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the filter is empty; then nothing was sent.
    pub async fn resume_where(&self, filter: RunDlqFilter) -> Result<Vec<RevivedRun>, Error> {
        let limit = filter.limit;
        self.revive_all("workflow dlq resume", "resume", Entries::matching(filter.into_bulk_query()?, limit)).await
    }

    /// [Restarts](Self::restart) the runs of all entries that a filter matches.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the filter is empty; then nothing was sent.
    pub async fn restart_where(&self, filter: RunDlqFilter) -> Result<Vec<RevivedRun>, Error> {
        let limit = filter.limit;
        self.revive_all("workflow dlq restart", "restart", Entries::matching(filter.into_bulk_query()?, limit)).await
    }

    /// [Resumes](Self::resume) the runs of all entries.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn resume_all(&self) -> Result<Vec<RevivedRun>, Error> {
        self.revive_all("workflow dlq resume", "resume", Entries::all()).await
    }

    /// [Restarts](Self::restart) the runs of all entries.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn restart_all(&self) -> Result<Vec<RevivedRun>, Error> {
        self.revive_all("workflow dlq restart", "restart", Entries::all()).await
    }

    /// Calls the failure function of a run again, after its calls have failed.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if it has not failed, [`ErrorKind::NotFound`] if the entry does not exist.
    pub async fn retry_failure_function(
        &self,
        id: impl TryInto<DlqId, Error: Into<Error>>,
    ) -> Result<RevivedRun, Error> {
        let answer = self.send("workflow dlq callback", Method::POST, "callback/", id).await?;
        answer.read(RevivedRun::from_wire)
    }

    /// Deletes an entry: its run does not go on.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if it does not exist.
    pub async fn delete(&self, id: impl TryInto<DlqId, Error: Into<Error>>) -> Result<(), Error> {
        self.send(DELETE, Method::DELETE, "", id).await.map(drop)
    }

    /// Deletes the entries of these ids, and returns how many existed. Without any id nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if an id cannot be sent; then nothing was sent.
    pub async fn delete_many(
        &self,
        ids: impl IntoIterator<Item = impl TryInto<DlqId, Error: Into<Error>>>,
    ) -> Result<u64, Error> {
        self.delete_entries(Entries::of_ids(ids, DELETE)?).await
    }

    /// Deletes all entries that a filter matches, and returns how many they were.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the filter is empty; then nothing was sent.
    pub async fn delete_where(&self, filter: RunDlqFilter) -> Result<u64, Error> {
        let limit = filter.limit;
        self.delete_entries(Entries::matching(filter.into_bulk_query()?, limit)).await
    }

    /// Deletes every entry, and returns how many they were.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn delete_all(&self) -> Result<u64, Error> {
        self.delete_entries(Entries::all()).await
    }

    async fn delete_entries(&self, entries: Entries) -> Result<u64, Error> {
        self.qstash.bulk(DELETE, Method::DELETE, PATH.into(), HeaderMap::new()).delete(entries).await
    }

    async fn revive_one(
        &self,
        operation: &'static str,
        how: &str,
        id: impl TryInto<DlqId, Error: Into<Error>>,
    ) -> Result<RevivedRun, Error> {
        let mut revived = self.revive_many(operation, how, [id]).await?;
        let missing = || Error::new(ErrorKind::NotFound, "there is no such entry").with_operation(operation);
        revived.pop().ok_or_else(missing)
    }

    async fn revive_many(
        &self,
        operation: &'static str,
        how: &str,
        ids: impl IntoIterator<Item = impl TryInto<DlqId, Error: Into<Error>>>,
    ) -> Result<Vec<RevivedRun>, Error> {
        self.revive_all(operation, how, Entries::of_ids(ids, operation)?).await
    }

    async fn revive_all(&self, operation: &'static str, how: &str, entries: Entries) -> Result<Vec<RevivedRun>, Error> {
        let headers = self.qstash.option_headers(&self.overrides).map_err(|error| error.with_operation(operation))?;
        let call = self.qstash.bulk(operation, Method::POST, format!("{PATH}/{how}"), headers);
        call.replace(entries, "workflowRuns").await
    }

    async fn send(
        &self,
        operation: &'static str,
        method: Method,
        prefix: &str,
        id: impl TryInto<DlqId, Error: Into<Error>>,
    ) -> Result<Answer, Error> {
        let id = id.try_into().map_err(|error| error.into().with_operation(operation))?;
        let (path, headers, body) = (format!("{PATH}/{prefix}{}", id.segment()), HeaderMap::new(), Bytes::new());
        self.qstash.raw(RawRequest { operation, method, path, headers, body, is_repeatable: false }).await
    }
}

impl FromWire for RevivedRun {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        Ok(Self { run_id: object.required_text("workflowRunId")?, created_at: object.time("workflowCreatedAt") })
    }
}
