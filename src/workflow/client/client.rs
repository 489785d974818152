use super::{
    dlq::RunDlq,
    filter::RunFilter,
    run_info::{RunInfo, RunState},
    waiter::Waiter,
};
use crate::workflow::{fields::is_id, submission, trigger::Trigger};
use crate::{
    Error, ErrorKind,
    qstash::{Answer, FromWire, Listing, Object, QStashClient, Query, RawRequest, Unreadable, items},
    rt::{Deadline, sleep, timeout},
};
use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::time::Duration;

/// The pause before a run is looked for again, at first and at the most.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(5)];
/// The runs that are named in one request: the target stays short enough for any proxy.
const IDS: usize = 50;
/// The runs that one request without ids cancels, and the requests of one call.
const PAGE: u64 = 100;
const MAX_PAGES: u32 = 10_000;

/// Begins runs of workflows, and manages them. It comes from [`Upstash::workflow`](crate::Upstash::workflow).
///
/// ```no_run
/// use axum_upstash::{Upstash, workflow::{RunError, Trigger}};
/// use std::time::Duration;
///
/// # async fn run(upstash: Upstash) -> Result<(), Box<dyn std::error::Error>> {
/// let workflows = upstash.workflow();
/// let order = Trigger::new("https://app.example.com/workflows/order").json(&9).run_id("order-17");
/// let run = workflows.trigger(order).await?;
/// workflows.notify("order-17-confirmed", &true).await?;
/// match workflows.wait_for_result::<String>(&run.run_id, Duration::from_secs(60)).await {
///     Ok(result) => println!("{result}"),
///     Err(RunError::TimedOut) => workflows.cancel(&run.run_id).await?,
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct WorkflowClient {
    qstash: QStashClient,
}

/// A run that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Triggered {
    /// The id of the run.
    pub run_id: String,
    /// There was a run of that id already, and none was begun.
    pub is_deduplicated: bool,
}

/// Why there is no result of a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// The run has failed.
    Failed,
    /// The run was cancelled.
    Canceled,
    /// The run has not ended in time.
    TimedOut,
    /// QStash could not be asked, or its answer is not as expected.
    Client(Error),
}

impl WorkflowClient {
    /// A client that stands on one of QStash.
    #[must_use]
    pub fn new(qstash: QStashClient) -> Self {
        Self { qstash }
    }

    /// Begins a run.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if it cannot be sent as it is. Otherwise as [`QStashClient`].
    pub async fn trigger(&self, trigger: Trigger) -> Result<Triggered, Error> {
        let mut triggered = self.trigger_many([trigger]).await?;
        triggered
            .pop()
            .transpose()?
            .ok_or_else(|| Error::new(ErrorKind::Decode, "QStash did not say whether the run begins"))
    }

    /// Begins several runs, in one round trip.
    ///
    /// # Errors
    /// As [`trigger`](Self::trigger), if none of them was sent. Inside, one that QStash refused.
    pub async fn trigger_many(
        &self,
        triggers: impl IntoIterator<Item = Trigger>,
    ) -> Result<Vec<Result<Triggered, Error>>, Error> {
        let triggers: Vec<Trigger> = triggers.into_iter().collect();
        let mut ids = Vec::new();
        for trigger in &triggers {
            trigger.check()?;
            ids.push(trigger.id()?);
        }
        let answer = self.qstash.raw(submission::triggers(&triggers, &ids)).await?;
        let taken: Vec<Taken> = answer.read(items)?;
        if taken.len() != ids.len() {
            return Err(Error::new(ErrorKind::Decode, "QStash did not say whether all runs begin"));
        }
        let triggered = ids.into_iter().zip(taken).map(|(run_id, taken)| match taken.error {
            None => Ok(Triggered { run_id, is_deduplicated: taken.is_deduplicated }),
            Some(error) => Err(Error::new(ErrorKind::Refused, error).with_operation("workflow trigger")),
        });
        Ok(triggered.collect())
    }

    /// Cancels a run: what waits for it is not delivered.
    ///
    /// # Errors
    /// As [`QStashClient`]. A run that has ended is none.
    pub async fn cancel(&self, run_id: &str) -> Result<(), Error> {
        self.cancel_many([run_id]).await.map(drop)
    }

    /// Cancels runs, and returns how many had not ended. Without any id nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if an id cannot be sent; then nothing was sent.
    pub async fn cancel_many(&self, run_ids: impl IntoIterator<Item = impl AsRef<str>>) -> Result<u64, Error> {
        let ids: Vec<String> =
            run_ids.into_iter().map(|id| segment(id.as_ref()).map(str::to_owned)).collect::<Result<_, _>>()?;
        let mut cancelled = 0_u64;
        for ids in ids.chunks(IDS) {
            let mut query = Query::default();
            for id in ids {
                query.push("workflowRunIds", id);
            }
            cancelled = cancelled.saturating_add(self.cancel_by(&query).await?);
        }
        Ok(cancelled)
    }

    /// Cancels all runs that a filter matches, and returns how many had not ended.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the filter is empty, or has something by which runs are not cancelled; then nothing was
    /// sent.
    pub async fn cancel_where(&self, filter: RunFilter) -> Result<u64, Error> {
        self.cancel_pages(filter.into_cancel_query()?).await
    }

    /// Cancels every run, and returns how many had not ended.
    ///
    /// # Errors
    /// As [`QStashClient`].
    pub async fn cancel_all(&self) -> Result<u64, Error> {
        self.cancel_pages(Query::default()).await
    }

    async fn cancel_pages(&self, mut query: Query) -> Result<u64, Error> {
        query.push("count", &PAGE);
        let mut total = 0_u64;
        for _ in 0..MAX_PAGES {
            let cancelled = self.cancel_by(&query).await?;
            total = total.saturating_add(cancelled);
            if cancelled < PAGE {
                break;
            }
        }
        Ok(total)
    }

    async fn cancel_by(&self, query: &Query) -> Result<u64, Error> {
        let answer = self.send("workflow cancel", Method::DELETE, query.after("/v2/workflows/runs")).await?;
        answer.read(|value| Object::of(value)?.number("cancelled").ok_or(Unreadable("cancelled")))
    }

    /// Tells an event to all runs that wait for it, and returns how many those are. A run that waits later does not hear it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if no event can have that id, or its data cannot be written as JSON.
    pub async fn notify(&self, event: &str, data: &impl Serialize) -> Result<usize, Error> {
        let answer = self.qstash.raw(event_request(None, event, data)?).await?;
        answer.read(|value| value.as_array().map(Vec::len).ok_or(Unreadable("a list")))
    }

    /// The steps that wait for an event.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if no event can have that id.
    pub async fn waiters(&self, event: &str) -> Result<Vec<Waiter>, Error> {
        check_event(event)?;
        let answer = self.send("workflow waiters", Method::GET, format!("/v2/waiters/{event}")).await?;
        answer.read(items)
    }

    /// Runs that a filter matches, the newest first, each with its steps. Nothing is requested before the listing is polled.
    pub fn runs(&self, filter: RunFilter) -> Listing<RunInfo> {
        let query = filter.into_list_query();
        self.qstash.listing("workflow logs", "/v2/workflows/events", &["runs"], query)
    }

    /// The dead letter queue of runs.
    pub fn dlq(&self) -> RunDlq {
        RunDlq::new(self.qstash.clone())
    }

    /// Tells an event to a run, which hears it now or when it waits for it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if no run or event can have that id, or the data cannot be written as JSON.
    pub async fn notify_run(&self, run_id: &str, event: &str, data: &impl Serialize) -> Result<(), Error> {
        self.qstash.raw(event_request(Some(run_id), event, data)?).await.map(drop)
    }

    /// The state and the result of a run. `None` if there is none of that id.
    ///
    /// # Errors
    /// As [`QStashClient`].
    pub async fn run(&self, run_id: &str) -> Result<Option<RunInfo>, Error> {
        let page = self.runs(RunFilter::new().run_id(segment(run_id)?)).page().await?;
        Ok(page.entries.into_iter().next())
    }

    /// Waits for the result of a run, for so long at the most.
    ///
    /// # Errors
    /// If the run fails, is cancelled, or does not end in time.
    pub async fn wait_for_result<T: DeserializeOwned>(&self, run_id: &str, limit: Duration) -> Result<T, RunError> {
        let until = Deadline::after(limit);
        let mut pause = PAUSES[0];
        loop {
            let asked = timeout(until.remaining(), self.run(run_id)).await.map_err(|_| RunError::TimedOut)?;
            let run = asked.map_err(RunError::Client)?;
            match run.as_ref().map(|run| run.state) {
                Some(RunState::Success) => {
                    let result = run.and_then(|run| run.result).unwrap_or_default();
                    let result = if result.is_empty() { "null" } else { &result };
                    return serde_json::from_str(result).map_err(|error| {
                        let message = format!("the result of the run is of another type: {:?} error", error.classify());
                        RunError::Client(Error::new(ErrorKind::Decode, message))
                    });
                }
                Some(RunState::Failed) => return Err(RunError::Failed),
                Some(RunState::Canceled) => return Err(RunError::Canceled),
                Some(RunState::Started | RunState::Other) | None => {}
            }
            if until.remaining().is_zero() {
                return Err(RunError::TimedOut);
            }
            sleep(pause.min(until.remaining())).await;
            pause = (pause * 2).min(PAUSES[1]);
        }
    }

    /// Sends a request that may be repeated.
    async fn send(&self, operation: &'static str, method: Method, path: String) -> Result<Answer, Error> {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        self.qstash.raw(RawRequest { operation, method, path, headers, body, is_repeatable: true }).await
    }
}

/// The request that tells an event, to one run or to all that wait.
fn event_request(run_id: Option<&str>, event: &str, data: &impl Serialize) -> Result<RawRequest, Error> {
    check_event(event)?;
    let unwritable = |_| Error::new(ErrorKind::InvalidInput, "the data of the event cannot be written as JSON");
    let data = serde_json::to_vec(data).map_err(unwritable)?;
    Ok(submission::notify(run_id.map(segment).transpose()?, event, &data))
}

fn check_event(event: &str) -> Result<(), Error> {
    let wrong = || Error::new(ErrorKind::InvalidInput, "the id of an event has letters, digits, - _ and . only");
    is_id(event).then_some(()).ok_or_else(wrong)
}

/// An id as part of a path.
fn segment(id: &str) -> Result<&str, Error> {
    let wrong = || Error::new(ErrorKind::InvalidInput, "no run has that id");
    is_id(id).then_some(id).ok_or_else(wrong)
}

/// What QStash says of a run that was to begin.
struct Taken {
    is_deduplicated: bool,
    error: Option<String>,
}

impl FromWire for Taken {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        Ok(Self { is_deduplicated: object.flag("deduplicated"), error: object.text("error") })
    }
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed => f.write_str("the run failed"),
            Self::Canceled => f.write_str("the run was cancelled"),
            Self::TimedOut => f.write_str("the run did not end in time"),
            Self::Client(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Client(error) => Some(error),
            _ => None,
        }
    }
}
