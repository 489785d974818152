//! Runs of workflows: their entries, and the messages that bring them further.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Account,
    accept::{Accepted, DEFAULT_RETRIES, Receipt, Submission, not_before},
};
use crate::local::qstash::{
    deliver::Outcome,
    ids,
    message::{CallKind, Message, Options, Origin, RunPlace, merged},
    records::{Destination, Invoker, Record, Run, RunEnd, RunEntry, RunStart, RunState},
    refusal::Refusal,
    view,
};

/// The longest list of steps that a delivery has in its body, in bytes. An endpoint asks for a longer one.
const LAZY_ABOVE: usize = 3 * 1024 * 1024;
/// How deep workflows may invoke each other.
const MAX_DEPTH: u32 = 100;

/// The run of a message, as its fields tell.
#[derive(Debug, Clone)]
pub(crate) struct RunFields {
    pub(crate) id: Arc<str>,
    pub(crate) is_init: bool,
    pub(crate) is_call: bool,
    /// The body has the payload in it, and the step that waits for the end.
    pub(crate) is_invoked: bool,
    pub(crate) depth: u32,
    /// The endpoint has taken over a run that was begun without an SDK.
    pub(crate) is_by_sdk: bool,
    /// The run is begun without an SDK.
    pub(crate) is_unknown: bool,
}

/// A message of a run, to send.
struct RunMessage<'a> {
    place: RunPlace,
    id: String,
    url: String,
    body: Bytes,
    options: &'a Arc<Options>,
}

impl RunFields {
    /// `None` if the message is of no run.
    pub(crate) fn read(fields: &HeaderMap) -> Option<Self> {
        let text = |name: &str| fields.get(name).and_then(|value| value.to_str().ok());
        let is = |name: &str, expected: &str| text(name).is_some_and(|value| value.eq_ignore_ascii_case(expected));
        Some(Self {
            id: text("upstash-workflow-runid")?.into(),
            is_init: is("upstash-workflow-init", "true"),
            is_call: is("upstash-workflow-calltype", "toCallback"),
            is_invoked: is("upstash-workflow-invoke", "true"),
            depth: text("upstash-forward-upstash-workflow-invoke-count")
                .and_then(|text| text.parse().ok())
                .unwrap_or(0),
            is_by_sdk: is("upstash-workflow-trigger-by-sdk", "true"),
            is_unknown: false,
        })
    }

    /// A run that is begun without an SDK, with the id that its fields give.
    pub(crate) fn of_trigger(fields: &HeaderMap) -> Self {
        let given = fields.get("upstash-workflow-runid").and_then(|value| value.to_str().ok());
        let id = given.filter(|id| !id.is_empty()).map_or_else(ids::run_id, |id| format!("wfr_{id}"));
        Self {
            id: id.into(),
            is_init: true,
            is_call: false,
            is_invoked: false,
            depth: 0,
            is_by_sdk: false,
            is_unknown: true,
        }
    }
}

impl Account {
    /// Takes a message of a run.
    pub(crate) fn submit_to_run(
        &mut self,
        now_ms: u64,
        submission: Submission,
        fields: &RunFields,
    ) -> Result<Accepted, Refusal> {
        let Destination::Url(url) = &submission.destination else {
            return Err(Refusal::invalid("the destination of a workflow should be a url"));
        };
        self.check_message(&submission.options, &submission.body, now_ms)?;
        let url = url.clone();
        if fields.is_init {
            return Ok(Accepted::One(self.begin_run(now_ms, submission, url, fields)?));
        }
        let start = self.started(&fields.id)?;
        let (kind, options) = match fields.is_call {
            true => (CallKind::ToCallback, Arc::clone(&submission.options)),
            false => (CallKind::Step, Arc::new(submission.options.or(&start.options))),
        };
        let message_id = self.add_to_run(now_ms, &start, kind, url.clone(), submission.body, &options);
        Ok(Accepted::One(Receipt { message_id, url, is_repetition: false }))
    }

    fn begin_run(
        &mut self,
        now_ms: u64,
        mut submission: Submission,
        url: String,
        fields: &RunFields,
    ) -> Result<Receipt, Refusal> {
        if let Some(run) = self.runs.get(&fields.id) {
            let message_id = run.entries.first().map(|entry| entry.message_id.clone()).unwrap_or_default();
            if fields.is_by_sdk {
                let (start, body) = (Arc::clone(&run.start), submission.body.clone());
                let options = Arc::new(submission.options.or(&start.options));
                let place = RunPlace { run: Arc::clone(&start.id), entry: 0, kind: CallKind::Step };
                let message = RunMessage { place, id: message_id.clone(), url: url.clone(), body, options: &options };
                self.send_to_run(now_ms, &start, message);
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
        if fields.depth > MAX_DEPTH {
            return Err(Refusal::over_quota(format!("workflows invoke each other more than {MAX_DEPTH} deep")));
        }
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
        });
        self.commit(now_ms, Record::RunStarted(Arc::clone(&start)));
        if fields.is_unknown {
            let mut options = Options::clone(&submission.options);
            options.forwarded.insert("upstash-workflow-unknown-sdk", HeaderValue::from_static("true"));
            submission.options = Arc::new(options);
        }
        let message_id =
            self.add_to_run(now_ms, &start, CallKind::Step, url.clone(), submission.body, &submission.options);
        Ok(Receipt { message_id, url, is_repetition: false })
    }

    /// The run, if it has not ended. 400 is the word for that: endpoints take no other for it.
    pub(super) fn started(&self, id: &str) -> Result<Arc<RunStart>, Refusal> {
        let run = self.runs.get(id).filter(|run| run.state() == RunState::Started);
        let ended = || Refusal::invalid(format!("can not append to the workflow run {id}: it has ended"));
        run.map(|run| Arc::clone(&run.start)).ok_or_else(ended)
    }

    /// Adds an entry to a run, and sends its message.
    fn add_to_run(
        &mut self,
        now_ms: u64,
        start: &Arc<RunStart>,
        kind: CallKind,
        url: String,
        body: Bytes,
        options: &Arc<Options>,
    ) -> String {
        let message_id = ids::message_id();
        let at = self.runs.get(&start.id).map_or(0, |run| run.entries.len());
        let entry = RunEntry { message_id: message_id.clone(), kind, body: body.clone() };
        self.commit(now_ms, Record::RunEntry(Arc::clone(&start.id), entry));
        let place = RunPlace { run: Arc::clone(&start.id), entry: at, kind };
        self.send_to_run(now_ms, start, RunMessage { place, id: message_id.clone(), url, body, options });
        message_id
    }

    fn send_to_run(&mut self, now_ms: u64, start: &Arc<RunStart>, message: RunMessage<'_>) {
        let RunMessage { place, id, url, body, options } = message;
        let (kind, entry) = (place.kind, place.entry);
        let mut options = Options::clone(options);
        if kind != CallKind::ToCallback {
            options.forwarded = merged(&start.options.forwarded, &options.forwarded);
            let is_init = kind == CallKind::Step && entry == 0;
            for (name, value) in [
                ("upstash-workflow-runid", &*start.id),
                ("upstash-workflow-url", &start.url),
                ("upstash-workflow-init", if is_init { "true" } else { "false" }),
                ("upstash-workflow-calltype", kind.name()),
                ("upstash-workflow-createdat", &start.created_ms.to_string()),
            ] {
                if let Ok(value) = HeaderValue::from_str(value) {
                    options.forwarded.insert(HeaderName::from_static(name), value);
                }
            }
        }
        let options = Arc::new(options);
        let message = Arc::new(Message {
            job: self.last_job + 1,
            id,
            url,
            max_retries: options.retries.unwrap_or(DEFAULT_RETRIES.min(self.limits.max_retries)),
            body,
            created_ms: now_ms,
            not_before_ms: not_before(now_ms, &options),
            queue: None,
            topic: None,
            schedule_id: None,
            caller_ip: start.caller_ip,
            origin: Origin::Run(place),
            options,
        });
        self.commit(now_ms, Record::Accepted(message, None));
    }

    /// The body of a message of a run as it is delivered now. `None` if the run has ended, and nothing is.
    pub(super) fn body_for_run(&self, message: &Message, place: &RunPlace) -> Option<Bytes> {
        let run = self.runs.get(&place.run)?;
        match place.kind {
            CallKind::Failure => Some(message.body.clone()),
            _ if run.state() != RunState::Started => None,
            CallKind::Step => {
                // Those up to its own: which ones it has decides what an endpoint does.
                let entries: Value = run.entries[..=place.entry.min(run.entries.len() - 1)].iter().map(shown).collect();
                let body = entries.to_string();
                Some(if body.len() > LAZY_ABOVE { Bytes::new() } else { body.into() })
            }
            CallKind::ToCallback | CallKind::FromCallback => Some(message.body.clone()),
        }
    }

    /// Notes what came of an attempt of a message of a run.
    pub(super) fn run_attempt_ended(
        &mut self,
        now_ms: u64,
        message: &Arc<Message>,
        place: &RunPlace,
        outcome: &Arc<Outcome>,
        (retried, wait_ms): (u32, u64),
    ) {
        let job = message.job;
        let Some(start) = self.runs.get(&place.run).map(|run| Arc::clone(&run.start)) else {
            return self.commit(now_ms, Record::Ended(job));
        };
        let is_answered = outcome.is_success();
        if !is_answered && !outcome.is_final() && retried < message.max_retries {
            return self.commit(now_ms, Record::Retries(job, retried + 1, now_ms.saturating_add(wait_ms)));
        }
        self.commit(now_ms, Record::Ended(job));
        // The first delivery tells whether there is a workflow at all.
        let is_unknown = message.options.forwarded.contains_key("upstash-workflow-unknown-sdk");
        let sdk = if is_unknown { "upstash-workflow-sdk" } else { "upstash-workflow-sdk-version" };
        let is_foreign = place.kind == CallKind::Step && place.entry == 0 && !outcome.headers.contains_key(sdk);
        match place.kind {
            CallKind::ToCallback => self.answer_call(now_ms, &start, message, outcome, retried),
            CallKind::Step | CallKind::FromCallback if !is_answered || is_foreign => {
                self.fail_run(now_ms, &start, message, outcome, retried);
            }
            _ => {}
        }
    }

    /// Hands the answer to a call to the endpoint.
    fn answer_call(&mut self, now_ms: u64, start: &Arc<RunStart>, call: &Message, outcome: &Outcome, retried: u32) {
        if self.started(&start.id).is_err() {
            return;
        }
        let Some(callback) = &call.options.callback else { return };
        let body = view::callback(call, outcome, retried, None, self.limits.max_message_bytes);
        let options = Arc::new(callback.options.or(&start.options));
        self.add_to_run(now_ms, start, CallKind::FromCallback, callback.url.clone(), body.into(), &options);
    }

    fn fail_run(&mut self, now_ms: u64, start: &Arc<RunStart>, message: &Message, outcome: &Outcome, retried: u32) {
        if !self.end_run(now_ms, &start.id, RunState::Failed, None) {
            return;
        }
        let Some(callback) = &start.options.failure_callback else { return };
        let payload = self.runs.get(&start.id).and_then(|run| Some(STANDARD.encode(&run.entries.first()?.body)));
        let mut body = view::callback_value(message, outcome, retried, Some(&start.id), self.limits.max_message_bytes);
        body["sourceBody"] = payload.into();
        body["workflowRunId"] = (*start.id).into();
        body["workflowCreatedAt"] = start.created_ms.into();
        let options = Arc::new(callback.options.or(&start.options));
        let place = RunPlace { run: Arc::clone(&start.id), entry: usize::MAX, kind: CallKind::Failure };
        let (id, url, body) = (ids::message_id(), callback.url.clone(), body.to_string().into());
        self.send_to_run(now_ms, start, RunMessage { place, id, url, body, options: &options });
    }

    /// Ends a run. What waits for it is not delivered any more.
    pub(crate) fn end_run(&mut self, now_ms: u64, id: &str, state: RunState, result: Option<Bytes>) -> bool {
        let Ok(start) = self.started(id) else { return false };
        let body = result.as_ref().map(|result| String::from_utf8_lossy(result).into_owned());
        self.commit(now_ms, Record::RunEnded(Arc::clone(&start.id), RunEnd { state, time_ms: now_ms, result }));
        if let Some(invoker) = &start.invoker {
            let mut out = json!({"isFailed": state == RunState::Failed, "isCanceled": state == RunState::Canceled});
            if let Some(body) = body {
                out["body"] = body.into();
            }
            let mut step = invoker.step.clone();
            step["out"] = out.to_string().into();
            self.resume_run(now_ms, &invoker.run, &step, &invoker.fields);
        }
        true
    }

    /// Brings a run further by the result of a step that QStash had to wait for. Returns the id of the message.
    pub(super) fn resume_run(&mut self, now_ms: u64, run: &str, step: &Value, fields: &HeaderMap) -> Option<String> {
        let start = self.started(run).ok()?;
        let options = Arc::new(Options::read(fields).ok()?.or(&start.options));
        let (url, body) = (start.url.clone(), step.to_string().into());
        Some(self.add_to_run(now_ms, &start, CallKind::Step, url, body, &options))
    }

    /// The entries of a run that has not ended.
    pub(crate) fn run_entries(&self, id: &str) -> Option<Value> {
        let run = self.runs.get(id).filter(|run| run.state() == RunState::Started)?;
        Some(run.entries.iter().map(shown).collect())
    }

    /// When a run began, in milliseconds.
    pub(crate) fn run_created_ms(&self, id: &str) -> Option<u64> {
        Some(self.runs.get(id)?.start.created_ms)
    }

    /// The runs, the newest first.
    pub(crate) fn runs(&self) -> Vec<&Run> {
        let mut runs: Vec<&Run> = self.runs.values().collect();
        runs.sort_by(|a, b| b.start.created_ms.cmp(&a.start.created_ms).then_with(|| a.start.id.cmp(&b.start.id)));
        runs
    }

    /// Forgets runs that ended before a time.
    pub(super) fn expire_runs(&mut self, before_ms: u64) {
        while self.ended_runs.front().is_some_and(|(time_ms, _)| *time_ms < before_ms) {
            if let Some((_, id)) = self.ended_runs.pop_front() {
                self.runs.remove(&id);
            }
        }
    }

    /// Changes runs by something that happens, or happened before the account was loaded.
    pub(super) fn apply_to_runs(&mut self, record: &Record) {
        match record {
            Record::RunStarted(start) => {
                let run = Run { start: Arc::clone(start), entries: Vec::new(), end: None };
                self.runs.insert(Arc::clone(&start.id), run);
            }
            Record::RunEntry(id, entry) => {
                if let Some(run) = self.runs.get_mut(id) {
                    run.entries.push(entry.clone());
                }
            }
            Record::RunEnded(id, end) => {
                if let Some(run) = self.runs.get_mut(id) {
                    run.end = Some(end.clone());
                    self.ended_runs.push_back((end.time_ms, Arc::clone(id)));
                }
                self.forget_waits(id);
            }
            _ => {}
        }
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
        step: Value,
    }
    let invocation: Invocation =
        serde_json::from_slice(body).map_err(|_| Refusal::invalid("the body should be that of an invocation"))?;
    let fields = lists(&invocation.headers);
    let invoker = Invoker { run: invocation.workflow_run_id.into(), step: invocation.step, fields };
    Ok((invocation.body.unwrap_or_default().into(), invoker))
}

/// Fields of which each has a list of values.
pub(crate) fn lists(fields: &BTreeMap<String, Vec<String>>) -> HeaderMap {
    let pairs = fields.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    pairs
        .filter_map(|(name, value)| Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?)))
        .collect()
}

fn shown(entry: &RunEntry) -> Value {
    json!({
        "messageId": entry.message_id,
        "body": STANDARD.encode(&entry.body),
        "callType": entry.kind.name(),
    })
}

/// The fields that an application triggered a run with.
fn of_users(fields: &HeaderMap) -> HeaderMap {
    let is_users = |name: &HeaderName| {
        name != http::header::CONTENT_TYPE && (!name.as_str().starts_with("upstash-") || name == "upstash-label")
    };
    fields.iter().filter(|(name, _)| is_users(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
