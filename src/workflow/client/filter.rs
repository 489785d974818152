use super::{FailureState, RunState};
use crate::{
    Error, ErrorKind,
    qstash::{Query, filter_setters},
};
use std::time::SystemTime;

/// The runs to list or cancel: those that have all of these properties. If a property is set several times, one of its values
/// is enough.
///
/// ```no_run
/// use axum_upstash::workflow::{RunFilter, RunState, WorkflowClient};
/// use futures_util::TryStreamExt;
///
/// # async fn run(workflows: WorkflowClient) -> Result<(), axum_upstash::Error> {
/// let orders = RunFilter::new().url("https://app.example.com/workflows/order").label("spring");
/// let mut failed = workflows.runs(orders.clone().state(RunState::Failed));
/// while let Some(run) = failed.try_next().await? {
///     println!("{} {:?}", run.id, run.dlq_id);
/// }
/// workflows.cancel_where(orders).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct RunFilter {
    pub(super) query: Query,
    is_by_url: bool,
    is_by_prefix: bool,
    /// A property that only lists know.
    for_lists: Option<&'static str>,
}

impl RunFilter {
    /// All runs.
    pub fn new() -> Self {
        Self::default()
    }

    filter_setters! {
        /// Only runs with this label.
        label: "label";
        /// Only runs with this key of a flow control.
        flow_control_key: "flowControlKey";
        /// Only runs that were triggered from this address.
        caller_ip: "callerIp";
    }

    /// Only runs of the workflow at this URL.
    pub fn url(mut self, url: impl AsRef<str>) -> Self {
        self.query.push_text("workflowUrl", url.as_ref());
        self.is_by_url = true;
        self
    }

    /// Only runs of workflows whose URLs begin with this. It is for [`cancel_where`](super::WorkflowClient::cancel_where).
    pub fn url_prefix(mut self, url: impl AsRef<str>) -> Self {
        self.query.push_text("workflowUrl", url.as_ref());
        self.is_by_prefix = true;
        self
    }

    /// Only the run of this id. It is for lists.
    pub fn run_id(mut self, id: impl AsRef<str>) -> Self {
        self.query.push_text("workflowRunId", id.as_ref());
        self.for_lists = Some("a run id");
        self
    }

    /// Only runs of this state. It is for lists.
    pub fn state(mut self, state: RunState) -> Self {
        self.query.push_text("state", state.as_str());
        self.for_lists = Some("a state");
        self
    }

    /// Only runs that were triggered at this time, to the millisecond. It is for lists.
    pub fn created_at(mut self, time: SystemTime) -> Self {
        self.query.push_time("workflowCreatedAt", time);
        self.for_lists = Some("a time of creation");
        self
    }

    /// The query of a list.
    pub(super) fn into_list_query(mut self) -> Query {
        if self.is_by_prefix {
            self.query.refuse("workflowUrl: lists know no beginning of a URL");
        }
        let mut query = Query::default();
        query.push("groupBy", "workflowRunId");
        query.append(self.query);
        query
    }

    /// The query of a request that cancels.
    pub(super) fn into_cancel_query(mut self) -> Result<Query, Error> {
        let invalid = |message: String| Error::new(ErrorKind::InvalidInput, message);
        if let Some(name) = self.for_lists {
            return Err(invalid(format!("the filter has {name}, by which runs are not cancelled")));
        }
        if self.is_by_prefix && self.is_by_url {
            return Err(invalid("the filter has both a URL and the beginning of one".to_owned()));
        }
        self.query.checked()?;
        if self.query.is_empty() {
            return Err(invalid("the filter is empty: all runs are cancelled by cancel_all".to_owned()));
        }
        if self.is_by_url {
            self.query.push("workflowUrlExactMatch", "true");
        }
        Ok(self.query)
    }
}

/// The entries of the dead letter queue of runs to list, resume, restart or delete: those that have all of these properties.
/// If a property is set several times, one of its values is enough.
///
/// ```
/// use axum_upstash::workflow::{FailureState, RunDlqFilter};
///
/// let untold = RunDlqFilter::new().label("spring").failure_state(FailureState::Failed);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct RunDlqFilter {
    pub(super) query: Query,
    pub(super) limit: Option<u32>,
}

impl RunDlqFilter {
    /// All entries.
    pub fn new() -> Self {
        Self::default()
    }

    filter_setters! {
        /// Only entries of runs of the workflow at this URL.
        url: "workflowUrl";
        /// Only the entry of this run.
        run_id: "workflowRunId";
        /// Only entries of runs with this label.
        label: "label";
        /// Only entries of runs with this key of a flow control.
        flow_control_key: "flowControlKey";
        /// Only entries of runs that were triggered from this address.
        caller_ip: "callerIp";
    }

    /// Only entries of runs that were triggered at this time, to the millisecond.
    pub fn created_at(mut self, time: SystemTime) -> Self {
        self.query.push_time("workflowCreatedAt", time);
        self
    }

    /// Only entries of runs whose failure function is in this state.
    pub fn failure_state(mut self, state: FailureState) -> Self {
        self.query.push_text("failureFunctionState", state.as_str());
        self
    }

    /// Sets how many entries are resumed, restarted or deleted at the most (all).
    pub fn limit(mut self, entries: u32) -> Self {
        self.limit = Some(entries);
        self
    }

    /// The query of a request that changes what it selects.
    pub(super) fn into_bulk_query(self) -> Result<Query, Error> {
        self.query.checked()?;
        if self.query.is_empty() {
            let message = "the filter is empty: all entries are meant by a call of their own";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(self.query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_cancelled_by_as_it_is_meant() {
        let query = |filter: RunFilter| filter.into_cancel_query().map(|query| query.after(""));
        assert_eq!(query(RunFilter::new().label("a").label("b")).unwrap(), "?label=a&label=b");
        assert_eq!(
            query(RunFilter::new().url("https://a.example/x")).unwrap(),
            "?workflowUrl=https%3A%2F%2Fa.example%2Fx&workflowUrlExactMatch=true"
        );
        assert_eq!(query(RunFilter::new().url_prefix("https://a")).unwrap(), "?workflowUrl=https%3A%2F%2Fa");
        for refused in [
            RunFilter::new(),
            RunFilter::new().label(" "),
            RunFilter::new().run_id("wfr_1"),
            RunFilter::new().state(RunState::Failed),
            RunFilter::new().url("https://a").url_prefix("https://b"),
        ] {
            assert_eq!(query(refused).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        assert!(RunFilter::new().url_prefix("https://a").into_list_query().checked().is_err());
        assert!(RunDlqFilter::new().into_bulk_query().is_err());
    }
}
