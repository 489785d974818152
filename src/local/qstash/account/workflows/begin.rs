use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use super::{
    fields::{RunFields, lists},
    send::RunMessage,
};
use crate::local::qstash::{
    account::{Accepted, Account, Receipt, Submission},
    message::{CallKind, Options, RunPlace},
    records::{Destination, Invoker, Record, RunStart},
    refusal::Refusal,
};

/// How deep workflows may invoke each other.
const MAX_DEPTH: u32 = 100;
const NO_URL: &str = "the destination of a workflow should be a url";

impl Account {
    /// Takes a message of a run.
    pub(crate) fn submit_to_run(
        &mut self,
        now_ms: u64,
        submission: Submission,
        fields: &RunFields,
    ) -> Result<Accepted, Refusal> {
        self.check_for_run(now_ms, &submission, fields)?;
        let Destination::Url(url) = &submission.destination else {
            return Err(Refusal::over_quota(NO_URL));
        };
        let url = url.clone();
        if fields.is_init {
            return Ok(Accepted::One(self.begin_run(now_ms, submission, url, fields)?));
        }
        let start = self.started(&fields.id)?;
        let options = submission.options;
        let (kind, options) = match fields.is_call {
            true => (CallKind::ToCallback, options),
            false => (CallKind::Step, Arc::new(options.or(&start.options))),
        };
        let message_id = self.add_to_run(now_ms, &start, kind, url.clone(), submission.body, &options);
        Ok(Accepted::One(Receipt { message_id, url, is_repetition: false }))
    }

    /// Refuses a message of a run that cannot be taken.
    pub(crate) fn check_for_run(
        &self,
        now_ms: u64,
        submission: &Submission,
        fields: &RunFields,
    ) -> Result<(), Refusal> {
        if !matches!(submission.destination, Destination::Url(_)) {
            return Err(Refusal::over_quota(NO_URL));
        }
        // For endpoints, 400 means that the run has ended.
        self.check_message(&submission.options, &submission.body, now_ms).map_err(Refusal::of_run)?;
        if self.run_bytes.saturating_add(submission.body.len()) > self.limits.max_pending_bytes {
            return Err(Refusal::new(429, "workflow runs have too many bytes"));
        }
        if fields.depth > MAX_DEPTH {
            return Err(Refusal::over_quota(format!("workflows invoke each other more than {MAX_DEPTH} deep")));
        }
        if !fields.is_init {
            self.started(&fields.id)?;
        }
        Ok(())
    }

    fn begin_run(
        &mut self,
        now_ms: u64,
        mut submission: Submission,
        url: String,
        fields: &RunFields,
    ) -> Result<Receipt, Refusal> {
        if let Some(first) = self.runs.get(&fields.id).map(|run| run.entries.first().cloned()) {
            let message_id = first.as_ref().map(|first| first.id.clone()).unwrap_or_default();
            if fields.is_by_sdk
                && let Some(first) = first
                && let Ok(start) = self.started(&fields.id)
                && self.runs.get(&fields.id).is_some_and(|run| run.entries.len() == 1 && !run.is_adopted)
            {
                self.commit(now_ms, Record::RunAdopted(Arc::clone(&start.id)));
                // The endpoint has told its features: the first delivery is made anew.
                let place = RunPlace { run: Arc::clone(&start.id), entry: 0, kind: CallKind::Step };
                let options = &submission.options.or(&start.options);
                let (id, url) = (first.id.clone(), url.clone());
                let message = RunMessage { place, id, url, body: submission.body.clone(), options };
                let message = self.message_of_run(now_ms, &start, message);
                self.send_again(now_ms, &message);
            }
            if fields.is_invoked {
                let (_, invoker) = invocation(&submission.body)?;
                let known = self.runs.get(&fields.id).and_then(|run| run.invoker.as_ref());
                let is_same =
                    |known: &Invoker| known.run == invoker.run && known.step["stepId"] == invoker.step["stepId"];
                if !known.is_some_and(is_same) {
                    let id = &fields.id;
                    return Err(Refusal::over_quota(format!(
                        "there is a workflow run {id} already, which was not invoked here"
                    )));
                }
            }
            return Ok(Receipt { message_id, url, is_repetition: !fields.is_by_sdk });
        }
        let invoker = if fields.is_invoked {
            let (payload, invoker) = invocation(&submission.body)?;
            submission.body = payload;
            Some(invoker)
        } else {
            None
        };
        let mut options = Options::clone(&submission.options);
        options.forwarded = of_users(&options.forwarded);
        (options.delay, options.not_before_s, options.method, options.callback) = (None, None, None, None);
        let start = Arc::new(RunStart {
            id: Arc::clone(&fields.id),
            url: url.clone(),
            created_ms: now_ms,
            options,
            caller_ip: submission.caller_ip,
            invoker,
            is_by_rest: fields.is_by_rest,
        });
        self.commit(now_ms, Record::RunStarted(Arc::clone(&start)));
        if fields.is_by_rest {
            let (name, value) = match fields.is_unknown {
                true => ("upstash-workflow-unknown-sdk", HeaderValue::from_static("true")),
                false => ("upstash-workflow-sdk-version", HeaderValue::from_static("1")),
            };
            let mut options = Options::clone(&submission.options);
            options.forwarded.insert(name, value);
            submission.options = Arc::new(options);
        }
        let message_id =
            self.add_to_run(now_ms, &start, CallKind::Step, url.clone(), submission.body, &submission.options);
        Ok(Receipt { message_id, url, is_repetition: false })
    }
}

/// The payload of a run that is invoked, and the step that waits for its end.
fn invocation(body: &[u8]) -> Result<(Bytes, Invoker), Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Invocation {
        body: Option<String>,
        #[serde(default)]
        headers: BTreeMap<String, Vec<String>>,
        workflow_run_id: String,
        #[serde(default)]
        workflow_url: String,
        step: Value,
    }
    let invocation: Invocation =
        serde_json::from_slice(body).map_err(|_| Refusal::over_quota("the body should be that of an invocation"))?;
    let fields = lists(&invocation.headers);
    check_step(&invocation.step)?;
    Options::read(&fields).map_err(Refusal::of_run)?;
    let (run, url) = (invocation.workflow_run_id.into(), invocation.workflow_url);
    let invoker = Invoker { run, url, step: invocation.step, fields };
    Ok((invocation.body.unwrap_or_default().into(), invoker))
}

/// Refuses what is no step that the server can give a result to.
pub(crate) fn check_step(step: &Value) -> Result<(), Refusal> {
    let is_step = step.is_object() && step["stepId"].as_u64().is_some_and(|id| id > 0 && id <= u64::from(u32::MAX));
    is_step.then_some(()).ok_or_else(|| Refusal::over_quota("the step should be an object with a stepId"))
}

/// The fields that an application triggered a run with.
fn of_users(fields: &HeaderMap) -> HeaderMap {
    let is_users = |name: &HeaderName| {
        name != http::header::CONTENT_TYPE && (!name.as_str().starts_with("upstash-") || name == "upstash-label")
    };
    fields.iter().filter(|(name, _)| is_users(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
