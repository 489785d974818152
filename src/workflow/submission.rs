//! The requests by which an endpoint tells QStash what comes next.

use super::{
    call::{CallRequest, Stored, Target},
    fields::{self, CALL_FEATURES, FEATURES, PROTOCOL},
    invocation::Invoked,
    invoke::beside,
    order::{Action, Order},
    record::{Record, StepKind},
    run::Run,
    trigger::Trigger,
};
use crate::qstash::{FlowControl, RawRequest, RetryDelay, seconds_text, whole_seconds};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header::CONTENT_TYPE};
use serde_json::{Map, Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The path of messages, of which each is taken or refused.
pub(super) const BATCH: &str = "/v2/batch";

/// The headers of a message, by lower-case name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// The headers of each message to the workflow.
    fn of_step(run: &Run) -> Self {
        let mut fields = Self::of_run(run);
        fields.set("upstash-forward-upstash-workflow-sdk-version", PROTOCOL);
        fields.set("upstash-feature-set", FEATURES);
        fields.set("upstash-method", "POST");
        fields.set("content-type", "application/json");
        if run.invoke_count > 0 {
            fields.set("upstash-forward-upstash-workflow-invoke-count", run.invoke_count.to_string());
        }
        fields
    }

    /// The headers of the first message of a run.
    fn of_init(run: &Run, content_type: Option<&HeaderValue>) -> Self {
        let mut fields = Self::of_step(run);
        fields.set(fields::INIT.as_str(), "true");
        if let Some(content_type) = content_type.and_then(|value| value.to_str().ok()) {
            fields.set("content-type", content_type);
        }
        fields.forward(&run.headers);
        if !run.labels.is_empty() {
            fields.set("upstash-label", run.labels.join(","));
            fields.set("upstash-forward-upstash-label", run.labels.join(","));
        }
        fields
    }

    /// The headers that name a run.
    fn of_run(run: &Run) -> Self {
        let mut fields = Self::default();
        fields.set(fields::INIT.as_str(), "false");
        fields.set(fields::RUN_ID.as_str(), &*run.id);
        fields.set(fields::URL.as_str(), &*run.url);
        fields.set(fields::SDK_VERSION.as_str(), PROTOCOL);
        if let Some(created_at) = run.created_at {
            fields.set(fields::CREATED_AT.as_str(), created_at.to_string());
        }
        fields
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), Value::String(value.into()));
    }

    /// Those of the message that tells of a failure.
    fn failure_callback(&mut self, url: &str, run: &Run) {
        self.set("upstash-failure-callback", url);
        for (name, value) in [
            ("forward-upstash-workflow-is-failure", "true"),
            ("forward-upstash-workflow-failure-callback", "true"),
            ("workflow-runid", &run.id),
            ("workflow-init", "false"),
            ("workflow-url", &run.url),
            ("workflow-calltype", "failureCall"),
            ("feature-set", FEATURES),
        ] {
            self.set(&format!("upstash-failure-callback-{name}"), value);
        }
        // The failure function sees the run as its deliveries do.
        let prefix = "upstash-failure-callback-forward-";
        self.forward_as(prefix, &run.headers);
        if !run.labels.is_empty() {
            self.set(&format!("{prefix}upstash-label"), run.labels.join(","));
        }
        if run.invoke_count > 0 {
            self.set(&format!("{prefix}upstash-workflow-invoke-count"), run.invoke_count.to_string());
        }
    }

    /// The options of deliveries, of the failure callback as well.
    fn delivery(&mut self, retries: Option<u32>, delay: Option<&RetryDelay>, control: Option<&FlowControl>) {
        for (name, value) in delivery(retries, delay, control) {
            self.set(&format!("upstash-{name}"), &*value);
            self.set(&format!("upstash-failure-callback-{name}"), value);
        }
    }

    /// Those of a message by which the server resumes the run.
    fn of_resumption(run: &Run) -> Self {
        let mut fields = Self::of_step(run);
        fields.0.remove("upstash-method");
        fields
    }

    /// Headers for the destination.
    fn forward(&mut self, headers: &HeaderMap) {
        self.forward_as("upstash-forward-", headers);
    }

    fn forward_as(&mut self, prefix: &str, headers: &HeaderMap) {
        for name in headers.keys() {
            let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
            self.set(&format!("{prefix}{name}"), values.join(", "));
        }
    }

    /// As headers of a request.
    fn into_headers(self) -> HeaderMap {
        let header = |(name, value): (String, Value)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value.as_str()?).ok()?))
        };
        self.0.into_iter().filter_map(header).collect()
    }

    /// Each with a list of values, as waits have it.
    fn into_lists(self) -> Value {
        self.0.into_iter().map(|(name, value)| (name, json!([value]))).collect::<Map<_, _>>().into()
    }
}

/// The first message of a run that someone began by a request to the endpoint.
pub(super) fn init(run: &Run, body: &Bytes, content_type: Option<&HeaderValue>, is_unknown_sdk: bool) -> RawRequest {
    let mut fields = Fields::of_init(run, content_type);
    if is_unknown_sdk {
        fields.set(fields::TRIGGER_BY_SDK.as_str(), "true");
    }
    let body = (!body.is_empty()).then(|| String::from_utf8_lossy(body).into_owned());
    batch("workflow init", vec![item(&run.url, fields, body)])
}

/// The first messages of runs.
pub(super) fn triggers(triggers: &[Trigger], ids: &[String]) -> RawRequest {
    let items = triggers.iter().zip(ids).map(|(trigger, id)| {
        let (headers, labels) = (trigger.headers.clone(), trigger.labels.clone());
        let run = Run { headers, labels, ..Run::new(id, &trigger.url) };
        let mut fields = Fields::of_init(&run, trigger.headers.get(CONTENT_TYPE));
        if let Some(delay) = trigger.delay {
            fields.set("upstash-delay", seconds_text(delay));
        }
        if let Some(time) = trigger.not_before {
            fields.set("upstash-not-before", whole_seconds(since_epoch(time)).to_string());
        }
        if !trigger.redacted.is_empty() {
            fields.set("upstash-redact-fields", trigger.redacted.join(","));
        }
        fields.failure_callback(trigger.failure_url.as_ref().unwrap_or(&trigger.url), &run);
        fields.delivery(trigger.retries, trigger.retry_delay.as_ref(), trigger.flow_control.as_ref());
        item(&trigger.url, fields, trigger.body.clone())
    });
    batch("workflow trigger", items.collect())
}

/// Options of deliveries that are set, by their names behind `upstash-`.
fn delivery(
    retries: Option<u32>,
    retry_delay: Option<&RetryDelay>,
    flow_control: Option<&FlowControl>,
) -> impl Iterator<Item = (&'static str, String)> {
    let key = flow_control.and_then(|control| Some(control.key().ok()?.to_string()));
    let options = [
        ("retries", retries.map(|retries| retries.to_string())),
        ("retry-delay", retry_delay.map(RetryDelay::expression)),
        ("flow-control-key", key),
        ("flow-control-value", flow_control.map(FlowControl::value)),
    ];
    options.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The plans of a group.
pub(super) fn plans(run: &Run, first: u32, orders: &[Order]) -> RawRequest {
    let count = u32::try_from(orders.len()).unwrap_or(u32::MAX);
    let items = orders.iter().zip(first..).map(|(order, target)| {
        let mut plan = Record { target_step: Some(target), ..Record::new(0, &order.name, order.kind(), count) };
        let mut fields = Fields::of_step(run);
        sleep(&order.action, &mut plan, Some(&mut fields));
        if let Action::Wait { event, timeout } | Action::WaitForWebhook { event, timeout } = &order.action {
            (plan.wait_event_id, plan.timeout) = (Some(event.clone()), Some(timeout.clone()));
        }
        item(&run.destination(), fields, Some(text(&plan)))
    });
    batch("workflow plans", items.collect())
}

/// A step that was executed here, or that QStash executes.
pub(super) fn step(run: &Run, order: &Order, step_id: u32, concurrent: u32, out: Option<String>) -> RawRequest {
    let mut record = Record::new(step_id, &order.name, order.kind(), concurrent);
    match &order.action {
        Action::Call(request) => call(run, request, &record),
        Action::Wait { event, timeout } | Action::WaitForWebhook { event, timeout } => {
            wait(run, event, timeout, &record)
        }
        Action::Invoke(invoked) => invoke(run, invoked, &record),
        action => {
            record.out = out;
            let mut fields = Fields::of_step(run);
            // A pause of a group has passed when its result is submitted.
            sleep(action, &mut record, (concurrent == 1).then_some(&mut fields));
            batch("workflow step", vec![item(&run.destination(), fields, Some(text(&record)))])
        }
    }
}

/// The result of a call that QStash made.
pub(super) fn call_result(run: &Run, step_id: u32, name: &str, concurrent: u32, stored: &Stored) -> RawRequest {
    let mut record = Record::new(step_id, name, StepKind::Call, concurrent);
    record.out = serde_json::to_string(stored).ok();
    RawRequest {
        operation: "workflow call result",
        method: Method::POST,
        path: format!("/v2/publish/{}", run.destination()),
        headers: Fields::of_step(run).into_headers(),
        body: text(&record).into(),
        is_repeatable: false,
    }
}

/// The end of a run: with its result, or cancelled.
pub(super) fn end(run: &Run, is_cancelled: bool, result: Option<String>) -> RawRequest {
    let mut headers = HeaderMap::new();
    if let Some(created_at) = run.created_at {
        headers.insert(fields::CREATED_AT, created_at.into());
    }
    RawRequest {
        operation: "workflow end",
        method: Method::DELETE,
        path: format!("/v2/workflows/runs/{}?cancel={is_cancelled}", run.id),
        headers,
        body: result.unwrap_or_default().into(),
        is_repeatable: true,
    }
}

/// An event for those who wait, or for one run.
pub(super) fn notify(run_id: Option<&str>, event: &str, data: &[u8]) -> RawRequest {
    let run = run_id.map(|id| format!("{id}/")).unwrap_or_default();
    RawRequest {
        operation: "workflow notify",
        method: Method::POST,
        path: format!("/v2/notify/{run}{event}"),
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(data),
        is_repeatable: false,
    }
}

/// The steps of a run, which a delivery leaves out if they are long.
pub(super) fn steps(run_id: &str) -> RawRequest {
    RawRequest {
        operation: "workflow steps",
        method: Method::GET,
        path: format!("/v2/workflows/runs/{run_id}"),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        is_repeatable: true,
    }
}

fn call(run: &Run, request: &CallRequest, record: &Record) -> RawRequest {
    let mut fields = Fields::of_run(run);
    fields.set("upstash-feature-set", CALL_FEATURES);
    fields.set("upstash-method", request.method.as_str());
    fields.set("content-type", request.content_type());
    let flow_control = request.flow_control.as_ref();
    for (name, value) in delivery(Some(request.retries), request.retry_delay.as_ref(), flow_control) {
        fields.set(&format!("upstash-{name}"), value);
    }
    if let Some(timeout) = request.timeout {
        fields.set("upstash-timeout", seconds_text(timeout));
    }
    fields.forward(&request.headers);
    fields.set(fields::CALL_TYPE.as_str(), "toCallback");
    fields.set("upstash-callback", run.destination());
    for (name, value) in [
        ("workflow-runid", run.id.as_str()),
        ("workflow-calltype", "fromCallback"),
        ("workflow-init", "false"),
        ("workflow-url", run.url.as_str()),
        ("feature-set", FEATURES),
        ("forward-upstash-workflow-callback", "true"),
        ("forward-upstash-workflow-stepid", &record.step_id.to_string()),
        ("forward-upstash-workflow-stepname", &record.step_name),
        ("forward-upstash-workflow-steptype", StepKind::Call.as_str()),
        ("forward-upstash-workflow-concurrent", &record.concurrent.to_string()),
        ("forward-upstash-workflow-contenttype", request.content_type()),
    ] {
        fields.set(&format!("upstash-callback-{name}"), value);
    }
    if run.invoke_count > 0 {
        for name in ["upstash-forward", "upstash-callback-forward"] {
            fields.set(&format!("{name}-upstash-workflow-invoke-count"), run.invoke_count.to_string());
        }
    }
    let url = match &request.target {
        Target::Url(url) => url.clone(),
        Target::Workflow(id) => beside(&run.url, id),
    };
    batch("workflow call", vec![item(&url, fields, request.body.clone())])
}

fn invoke(run: &Run, invoked: &Invoked, record: &Record) -> RawRequest {
    let mut headers = run.headers.clone();
    headers.extend(invoked.headers.clone());
    let (labels, invoke_count) = (invoked.labels.clone(), run.invoke_count.saturating_add(1));
    let run_id = format!("wfr_{}", invoked.run_id.as_deref().unwrap_or_default());
    let child = Run { headers, labels, invoke_count, ..Run::new(&run_id, &beside(&run.url, &invoked.workflow)) };
    let mut fields = Fields::of_init(&child, None);
    fields.set(fields::INVOKE.as_str(), "true");
    fields.failure_callback(&child.url, &child);
    fields.delivery(invoked.retries, invoked.retry_delay.as_ref(), invoked.flow_control.as_ref());
    let mut body = json!({
        "body": invoked.body,
        "headers": Fields::of_resumption(run).into_lists(),
        "workflowRunId": run.id,
        "workflowUrl": run.destination(),
        "step": record,
    });
    if let Some(created_at) = run.created_at {
        body["workflowRunCreatedAt"] = created_at.into();
    }
    RawRequest {
        operation: "workflow invoke",
        method: Method::POST,
        path: format!("/v2/publish/{}", child.url),
        headers: fields.into_headers(),
        body: body.to_string().into(),
        // A run of that id begins once.
        is_repeatable: true,
    }
}

fn wait(run: &Run, event: &str, timeout: &str, record: &Record) -> RawRequest {
    let mut fields = Fields::of_resumption(run);
    fields.set(fields::CALL_TYPE.as_str(), "step");
    let headers = fields.clone().into_headers();
    let body = json!({
        "url": run.destination(),
        "timeout": timeout,
        "timeoutUrl": run.destination(),
        "timeoutHeaders": fields.into_lists(),
        "step": record,
    });
    RawRequest {
        operation: "workflow wait",
        method: Method::POST,
        path: format!("/v2/wait/{event}"),
        headers,
        body: body.to_string().into(),
        is_repeatable: false,
    }
}

/// Writes a pause into a step, and as a delay into the headers of its message.
fn sleep(action: &Action, record: &mut Record, fields: Option<&mut Fields>) {
    let (name, value) = match action {
        Action::SleepFor(time) => {
            record.sleep_for = Some(time.clone());
            let time = time.as_str().map_or_else(|| format!("{time}s"), str::to_owned);
            ("upstash-delay", time)
        }
        Action::SleepUntil(time) => {
            record.sleep_until = Some(*time);
            ("upstash-not-before", time.to_string())
        }
        _ => return,
    };
    if let Some(fields) = fields {
        fields.set(name, value);
    }
}

fn item(destination: &str, fields: Fields, body: Option<String>) -> Value {
    let mut item = Map::new();
    item.insert("destination".into(), destination.into());
    item.insert("headers".into(), fields.0.into());
    if let Some(body) = body {
        item.insert("body".into(), body.into());
    }
    item.into()
}

fn batch(operation: &'static str, items: Vec<Value>) -> RawRequest {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    RawRequest {
        operation,
        method: Method::POST,
        path: BATCH.into(),
        headers,
        body: Value::from(items).to_string().into(),
        is_repeatable: false,
    }
}

fn text(record: &Record) -> String {
    // A record has only texts and numbers.
    serde_json::to_string(record).unwrap_or_default()
}
