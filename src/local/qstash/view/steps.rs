use std::collections::BTreeMap;

use http::HeaderMap;
use serde_json::{Value, json};

use super::{
    attempt::{error, shown},
    object::Object,
};
use crate::local::qstash::{
    account::Account,
    message::{CallKind, Message},
    records::{Run, RunState},
    text::field_lists,
};

/// Fields of steps that the log has as they are.
const SAME: [&str; 5] = ["out", "sleepFor", "sleepUntil", "waitEventId", "waitTimeout"];

/// Steps that were begun together.
struct Group {
    /// The id of the first, and their number.
    first: u64,
    count: u64,
    /// By id.
    steps: BTreeMap<u64, Value>,
}

/// The steps of a run in groups, and the messages under way.
pub(super) fn groups(account: &Account, run: &Run) -> Vec<Value> {
    let mut steps = Steps { run, groups: Vec::new() };
    for entry in run.entries.iter().skip(1) {
        match entry.place().map(|place| place.kind) {
            Some(CallKind::Step) => steps.step(entry),
            Some(CallKind::ToCallback) => steps.call(entry),
            _ => {}
        }
    }
    for waiter in account.waiters_of(&run.start.id) {
        let mut step = waiter.step.clone();
        step["waitEventId"] = (*waiter.event).into();
        steps.waiting(&step, &[("waitTimeoutDeadline", waiter.deadline_ms.into())]);
    }
    for (child, invoker) in &run.invoked {
        let Some(child) = account.run(child) else { continue };
        let mut step = invoker.step.clone();
        if child.end.is_some() {
            // A run that has ended itself hears no more of it.
            step["state"] = "STEP_SUCCESS".into();
        }
        let payload = child.entries.first().map(|first| shown(&child.start.options, &first.body));
        steps.waiting(
            &step,
            &[
                ("invokedWorkflowRunId", (*child.start.id).into()),
                ("invokedWorkflowUrl", child.start.url.as_str().into()),
                ("invokedWorkflowCreatedAt", child.start.created_ms.into()),
                ("invokedWorkflowRunBody", payload.into()),
                ("invokedWorkflowRunHeaders", headers(&child.start.options.forwarded, run)),
            ],
        );
    }
    let mut groups: Vec<Value> = run.entries.first().map(|first| init(run, first)).into_iter().collect();
    groups.extend(steps.groups.into_iter().map(|group| {
        let kind = if group.count > 1 { "parallel" } else { "sequential" };
        json!({ "type": kind, "steps": group.steps.into_values().collect::<Vec<_>>() })
    }));
    let next = next(account, run);
    if !next.is_empty() {
        groups.push(json!({ "type": "next", "steps": next }));
    }
    groups
}

fn init(run: &Run, first: &Message) -> Value {
    let step = json!({"stepName": "init", "stepType": "Initial", "concurrent": 1});
    let mut step = step_log(run, first, &step, "STEP_SUCCESS");
    step["out"] = shown(&run.start.options, &first.body).into();
    json!({"type": "sequential", "steps": [step]})
}

struct Steps<'a> {
    run: &'a Run,
    groups: Vec<Group>,
}

impl Steps<'_> {
    /// A step that is done, or one that is announced.
    fn step(&mut self, entry: &Message) {
        let Ok(step) = serde_json::from_slice::<Value>(&entry.body) else { return };
        let is_plan = step["targetStep"].as_u64().is_some_and(|target| target > 0);
        let id = if is_plan { &step["targetStep"] } else { &step["stepId"] }.as_u64().unwrap_or_default();
        let state = match is_plan {
            true if self.run.failed_message.as_ref() == Some(&entry.id) => "STEP_FAILED",
            true => unfinished(self.run),
            false => "STEP_SUCCESS",
        };
        let mut shown = step_log(self.run, entry, &step, state);
        if is_plan {
            with_errors(self.run, entry, &mut shown);
        }
        shown["stepId"] = id.into();
        self.place(id, &step, shown, !is_plan);
    }

    /// A call, which is done when a step says so.
    fn call(&mut self, entry: &Message) {
        let Some(callback) = &entry.options.callback else { return };
        let field = |name: &str| callback.options.forwarded.get(name).and_then(|value| value.to_str().ok());
        let number = |name: &str| field(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        let (id, concurrent) = (number("upstash-workflow-stepid"), number("upstash-workflow-concurrent"));
        let name = field("upstash-workflow-stepname").unwrap_or_default();
        let step = json!({"stepId": id, "stepName": name, "stepType": "Call", "concurrent": concurrent});
        let mut log = step_log(self.run, entry, &step, unfinished(self.run));
        with_errors(self.run, entry, &mut log);
        log["callType"] = "toCallback".into();
        log["callUrl"] = entry.url.as_str().into();
        log["callMethod"] = entry.options.method().as_str().into();
        log["callHeaders"] = headers(&entry.options.forwarded, self.run);
        log["callBody"] = shown(&self.run.start.options, &entry.body).into();
        self.place(id, &step, log, false);
    }

    /// A step for whose end QStash waits.
    fn waiting(&mut self, step: &Value, more: &[(&str, Value)]) {
        let id = step["stepId"].as_u64().unwrap_or_default();
        let mut log = step.clone();
        log["callType"] = "step".into();
        if log["state"].is_null() {
            log["state"] = unfinished(self.run).into();
        }
        for (name, value) in more {
            log[*name] = value.clone();
        }
        self.place(id, step, log, false);
    }

    /// Puts a step into its group. One that is done stays so, with what was known of it before.
    fn place(&mut self, id: u64, step: &Value, log: Value, is_done: bool) {
        let concurrent = step["concurrent"].as_u64().unwrap_or(1).max(1);
        let holds = |group: &&mut Group| id.checked_sub(group.first).is_some_and(|at| at < group.count);
        let group = match self.groups.iter_mut().find(holds) {
            Some(group) => group,
            None => {
                self.groups.push(Group { first: id, count: concurrent, steps: BTreeMap::new() });
                let last = self.groups.len() - 1;
                &mut self.groups[last]
            }
        };
        let slot = group.steps.entry(id).or_default();
        if slot["state"] == "STEP_SUCCESS" {
            // A repetition, or what was known before the step was done.
            if !is_done && let (Value::Object(slot), Value::Object(log)) = (slot, log) {
                for (name, value) in log {
                    slot.entry(name).or_insert(value);
                }
            }
            return;
        }
        match (slot, log) {
            (Value::Object(slot), Value::Object(log)) => slot.extend(log),
            (slot, log) => *slot = log,
        }
    }
}

fn step_log(run: &Run, entry: &Message, step: &Value, state: &str) -> Value {
    let mut object = Object::default()
        .with_some("stepId", step["stepId"].as_u64())
        .with("stepName", step["stepName"].clone())
        .with("stepType", step["stepType"].clone())
        .with("callType", "step")
        .with("messageId", entry.id.as_str())
        .with("retries", entry.max_retries)
        .with("concurrent", step["concurrent"].as_u64().unwrap_or(1))
        .with("state", state)
        .with("createdAt", entry.created_ms)
        .with("headers", headers(&entry.options.forwarded, run))
        .with_some("retryDelay", entry.options.retry_delay.as_ref().map(|expression| expression.text()));
    for name in SAME {
        let value = match (&step[name], name) {
            (Value::Null, _) => continue,
            (Value::String(out), "out") => shown(&run.start.options, out.as_bytes()).into(),
            (value, _) => value.clone(),
        };
        object = object.with(name, value);
    }
    if step["stepType"] == "Call"
        && let Some(Ok(answer)) = step["out"].as_str().map(serde_json::from_str::<Value>)
    {
        let body = answer["body"].as_str().map(|body| shown(&run.start.options, body.as_bytes()));
        object = object
            .with("callResponseStatus", answer["status"].clone())
            .with("callResponseBody", body)
            .with("callResponseHeaders", answer["header"].clone());
    }
    object.into()
}

/// Adds the attempts that failed, whose message is for this step.
fn with_errors(run: &Run, entry: &Message, log: &mut Value) {
    let errors = errors(run, &entry.id);
    if !errors.is_empty() {
        log["errors"] = errors.into();
    }
}

/// The messages to the endpoint that are under way, or were when the run ended.
fn next(account: &Account, run: &Run) -> Vec<Value> {
    // The message of a step of a group shows as that step.
    let is_of_endpoint = |message: &Message| {
        message.place().is_some_and(|place| match place.kind {
            CallKind::Step => place.entry == 0 || !is_plan(message),
            CallKind::FromCallback => true,
            CallKind::ToCallback | CallKind::Failure => false,
        })
    };
    let entry = |message: &Message, state: &str, retried: u32, next_ms: Option<u64>| -> Value {
        let errors = errors(run, &message.id);
        let object = Object::default()
            .with("messageId", message.id.as_str())
            .with("state", state)
            .with("retries", retried)
            .with_some("nextDeliveryTime", next_ms)
            .with_some("retryDelay", message.options.retry_delay.as_ref().map(|expression| expression.text()));
        let object = if errors.is_empty() { object } else { object.with("errors", errors) };
        object.into()
    };
    let Some(end) = &run.end else {
        let under_way = account.under_way(run).filter(|under_way| is_of_endpoint(under_way.message));
        let shown = under_way.map(|under_way| {
            let state = if under_way.retried > 0 { "STEP_RETRY" } else { "STEP_PROGRESS" };
            entry(under_way.message, state, under_way.retried, Some(under_way.next_ms))
        });
        return shown.collect();
    };
    let left = end.left.entries.iter().filter_map(|number| run.entries.get(*number));
    let left = left.filter(|message| is_of_endpoint(message));
    let shown = left.map(|message| {
        let is_failed = end.state == RunState::Failed && run.failed_message.as_ref() == Some(&message.id);
        entry(message, if is_failed { "STEP_FAILED" } else { "STEP_CANCELED" }, message.max_retries, None)
    });
    shown.collect()
}

fn is_plan(message: &Message) -> bool {
    let step: Option<Value> = serde_json::from_slice(&message.body).ok();
    step.is_some_and(|step| step["targetStep"].as_u64().is_some_and(|target| target > 0))
}

fn errors(run: &Run, message_id: &str) -> Vec<Value> {
    let of_message = run.errors.iter().filter(|error| error.message_id == message_id);
    of_message.map(|one| error(&run.start.options, one)).collect()
}

fn headers(fields: &HeaderMap, run: &Run) -> Value {
    match &run.start.options.redaction {
        Some(redaction) => json!(field_lists(&redaction.fields(fields))),
        None => json!(field_lists(fields)),
    }
}

/// The state of a step that is not done, by that of its run.
fn unfinished(run: &Run) -> &'static str {
    match run.state() {
        RunState::Started => "STEP_PROGRESS",
        RunState::Success | RunState::Failed | RunState::Canceled => "STEP_CANCELED",
    }
}
