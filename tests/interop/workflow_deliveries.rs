//! One delivery at a time: the requests that an endpoint makes for it, in the official SDK and in this crate.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::post,
};
use axum_upstash::{
    UpstashBuilder,
    qstash::{FlowControl, RetryDelay},
    workflow::{
        CallRequest, Invocation, InvokeOutcome, ManyWorkflows, Trigger, WorkflowContext, WorkflowError,
        WorkflowFailure, serve, serve_many,
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};
use tokio::join;

use crate::node::Conversation;

type Context = WorkflowContext<Value>;
type Result<T = Value> = std::result::Result<T, WorkflowError>;

/// The account `defaultUser` of the development server.
const TOKEN: &str = "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=";
/// Seconds since 1970.
const UNTIL: Duration = Duration::from_secs(2_000_000_000);

async fn value<T>(value: T) -> Result<T> {
    Ok(value)
}

async fn steps(ctx: Context) -> Result {
    let one: Value = ctx.run("one", value(json!({"a": ctx.payload()["n"]}))).await;
    let two: String = ctx.run("two", value(format!("{}é", one["a"]))).await;
    Ok(json!({"two": two}))
}

async fn sleeps(ctx: Context) -> Result<()> {
    ctx.sleep("pause", Duration::from_secs(90)).await;
    ctx.sleep_until("until", std::time::UNIX_EPOCH + UNTIL).await;
    Ok(())
}

async fn group(ctx: Context) -> Result {
    let (_, (), event, called) = join!(
        ctx.run("run", value(())),
        ctx.sleep("pause", Duration::from_secs(123)),
        ctx.wait_for_event::<Value>("wait", "paid", Duration::from_secs(300)),
        ctx.call("call", CallRequest::get("https://other.example/x")),
    );
    Ok(ctx.run("end", value(json!([event.event(), called.status]))).await)
}

async fn later(ctx: Context) -> Result {
    ctx.run("one", value(1)).await;
    let (a, ()) = join!(ctx.run("a", value(json!("A"))), ctx.sleep_until("b", std::time::UNIX_EPOCH + UNTIL));
    Ok(ctx.run("end", value(a)).await)
}

async fn call(ctx: Context) -> Result<()> {
    let limits = FlowControl::rate("key", 5, Duration::from_secs(30)).with_parallelism(6);
    let request = CallRequest::new(Method::PATCH, "https://other.example/x?y=1")
        .json(ctx.payload())
        .header("x-one", "1")
        .header("content-type", "text/plain")
        .retries(4)
        .retry_delay(RetryDelay::fixed(Duration::from_secs(2)))
        .timeout(Duration::from_secs(10))
        .flow_control(limits);
    ctx.call("call", request).await;
    Ok(())
}

async fn get(ctx: Context) -> Result<u16> {
    Ok(ctx.call("get", CallRequest::get("https://other.example/x")).await.status)
}

async fn workflow(ctx: Context) -> Result<()> {
    ctx.call("call", CallRequest::workflow("steps").json(&json!({"n": 1}))).await;
    Ok(())
}

async fn wait(ctx: Context) -> Result {
    let event = ctx.wait_for_event::<Value>("wait", "paid", Duration::from_secs(600)).await.event();
    Ok(json!([event, event.is_none()]))
}

async fn notify(ctx: Context) -> Result<usize> {
    Ok(ctx.notify("notify", "paid", &json!({"amount": 5})).await)
}

async fn invoke(ctx: Context) -> Result {
    let child = Invocation::new("steps").json(&json!({"n": 42})).run_id("child").label("a").retries(2);
    let child = ctx.invoke::<Value>("child", child.flow_control(FlowControl::parallelism("key", 4))).await;
    let (is_failed, is_canceled) = (child == InvokeOutcome::Failed, child == InvokeOutcome::Canceled);
    Ok(json!([child.returned(), is_failed, is_canceled]))
}

async fn webhook(ctx: Context) -> Result {
    let webhook = ctx.create_webhook("create").await;
    let request = ctx.wait_for_webhook("wait", &webhook, Duration::from_secs(60)).await.event();
    let shown = request.map(|call| json!([call.method, call.url, String::from_utf8_lossy(&call.body)]));
    Ok(shown.unwrap_or_default())
}

async fn cancel(ctx: Context) -> Result {
    ctx.run("one", value(1)).await;
    match ctx.cancel().await {}
}

async fn fails(ctx: Context) -> Result<()> {
    let work = async {
        Err::<Value, Box<dyn std::error::Error + Send + Sync>>(match ctx.payload().as_str() {
            Some("now") => WorkflowError::non_retryable("no card").into(),
            Some("later") => WorkflowError::retry_after("busy", Duration::from_secs(5)).into(),
            _ => "no".into(),
        })
    };
    ctx.run("fails", work).await;
    Ok(())
}

async fn failed(
    failure: WorkflowFailure<Value>,
) -> std::result::Result<String, Box<dyn std::error::Error + Send + Sync>> {
    Ok(format!("{} {}", failure.status, failure.message))
}

async fn nothing(_: Context) -> Result<()> {
    Ok(())
}

fn flows() -> ManyWorkflows<axum_upstash::Upstash> {
    let flows = [
        ("steps", serve(steps)),
        ("sleeps", serve(sleeps)),
        ("group", serve(group)),
        ("later", serve(later)),
        ("call", serve(call)),
        ("get", serve(get)),
        ("workflow", serve(workflow)),
        ("wait", serve(wait)),
        ("notify", serve(notify)),
        ("invoke", serve(invoke)),
        ("webhook", serve(webhook)),
        ("cancel", serve(cancel)),
        ("fails", serve(fails).on_failure(failed)),
        ("nothing", serve(nothing)),
    ];
    serve_many(flows.map(|(id, flow)| (id, flow.without_verification().with_base_url("https://a.example"))))
}

/// In the place of QStash: it keeps requests, and does nothing.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Value>>>);

async fn record(
    State(recorder): State<Recorder>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = String::from_utf8_lossy(&body).into_owned();
    // No result is `null` here, and nothing at all there.
    let body: Value = match &*text {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    };
    let is_batch = uri.path() == "/v2/batch";
    let items = body.as_array().map_or(1, Vec::len);
    let fields: Map<String, Value> = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("upstash-"))
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    let target = uri.path_and_query().unwrap().to_string();
    let request = json!({"method": method.as_str(), "target": target, "fields": fields, "body": body});
    recorder.0.lock().unwrap().push(plain(&request));
    match (method.as_str(), uri.path()) {
        ("GET", _) => StatusCode::NOT_FOUND.into_response(),
        _ if is_batch => Json((0..items).map(|_| json!({"messageId": "msg"})).collect::<Vec<_>>()).into_response(),
        (_, path) if path.starts_with("/v2/notify") => Json(json!([{"messageId": "msg"}])).into_response(),
        _ => Json(json!({"messageId": "msg"})).into_response(),
    }
}

/// A request without what may differ: telemetry, random ids, and the spelling of names.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| {
                let name = name.to_ascii_lowercase();
                // Fields of the connection, which the SDK hands on, and one that it does not echo yet.
                let others =
                    ["content-type", "content-length", "accept", "host"].map(|of| format!("upstash-forward-{of}"));
                !name.contains("telemetry")
                    && !others.contains(&name)
                    && name != "upstash-workflow-createdat"
                    // Its invocations have no label there, unlike its triggers.
                    && name != "upstash-failure-callback-forward-upstash-label"
            });
            kept.map(|(name, value)| {
                let is_field = name.to_ascii_lowercase().starts_with("upstash-");
                (if is_field { name.to_ascii_lowercase() } else { name.clone() }, plain(value))
            })
            .collect()
        }
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            // JSON in text: its spelling is free.
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => plain(&inner),
            _ => without_random(text).into(),
        },
        other => other.clone(),
    }
}

fn without_random(text: &str) -> String {
    let mut plain = text.to_owned();
    for prefix in ["wfr_", "evt_"] {
        if let Some(at) = plain.find(prefix) {
            let rest = &plain[at + prefix.len()..];
            let end = rest.find(|one: char| !(one.is_ascii_alphanumeric() || "-_".contains(one))).unwrap_or(rest.len());
            if end >= 15 {
                plain = format!("{}{prefix}*{}", &plain[..at], &rest[end..]);
            }
        }
    }
    plain
}

fn entry(number: usize, body: &str) -> Value {
    json!({"messageId": format!("m{number}"), "body": BASE64_STANDARD.encode(body), "callType": "step"})
}

/// A delivery of a step: the payload, and the steps so far.
fn delivery(payload: &Value, steps: &[Value]) -> String {
    let entries = steps.iter().enumerate().map(|(at, step)| match step.get("callType") {
        Some(_) => step.clone(),
        None => entry(at + 1, &step.to_string()),
    });
    Value::from_iter([entry(0, &payload.to_string())].into_iter().chain(entries)).to_string()
}

fn result(id: u32, name: &str, kind: &str, out: Option<Value>, concurrent: u32) -> Value {
    let mut step = json!({"stepId": id, "stepName": name, "stepType": kind, "concurrent": concurrent});
    if let Some(out) = out {
        step["out"] = out.to_string().into();
    }
    step
}

fn plan(target: u32, name: &str, kind: &str, concurrent: u32) -> Value {
    json!({"stepId": 0, "stepName": name, "stepType": kind, "concurrent": concurrent, "targetStep": target})
}

type Case = (&'static str, &'static str, Vec<(&'static str, &'static str)>, String);

/// What each is about, the workflow, fields beside those of a step, and the body.
fn cases() -> Vec<Case> {
    let n = json!({"n": 7});
    let (one, two) = (result(1, "one", "Run", Some(json!({"a": 7})), 1), result(2, "two", "Run", Some(json!("7é")), 1));
    let mut cases: Vec<Case> = Vec::new();
    let mut add = |about, id, fields: &[(&'static str, &'static str)], body: String| {
        cases.push((about, id, fields.to_vec(), body));
    };
    let begin = ("no-step", "");
    add("begins a run", "steps", &[begin, ("upstash-label", "a"), ("x-shop", "tea")], n.to_string());
    add("begins a deep run", "steps", &[begin, ("upstash-workflow-invoke-count", "2")], n.to_string());
    add("begins a run for a known id", "steps", &[("upstash-workflow-unknown-sdk", "true")], delivery(&n, &[]));
    add("does not begin", "nothing", &[begin], n.to_string());
    add("first step", "steps", &[("upstash-workflow-invoke-count", "2"), ("x-shop", "tea")], delivery(&n, &[]));
    add("second step", "steps", &[("upstash-label", "a")], delivery(&n, std::slice::from_ref(&one)));
    add("the end", "steps", &[], delivery(&n, &[one.clone(), two.clone()]));
    add("the end without a result", "sleeps", &[], {
        let until = json!({"stepId": 2, "stepName": "until", "stepType": "SleepUntil", "sleepUntil": 2_000_000_000, "concurrent": 1});
        let pause = json!({"stepId": 1, "stepName": "pause", "stepType": "SleepFor", "sleepFor": 90, "concurrent": 1});
        delivery(&n, &[pause, until])
    });
    add("a pause", "sleeps", &[], delivery(&n, &[]));
    add("a pause until a time", "sleeps", &[], {
        delivery(
            &n,
            &[json!({"stepId": 1, "stepName": "pause", "stepType": "SleepFor", "sleepFor": 90, "concurrent": 1})],
        )
    });
    add("no step at all", "nothing", &[], delivery(&n, &[]));
    add("another name", "steps", &[], delivery(&n, &[result(1, "other", "Run", Some(json!(1)), 1)]));
    add("another kind", "steps", &[], delivery(&n, &[result(1, "one", "SleepFor", None, 1)]));
    add("an unknown kind of entry", "steps", &[], {
        delivery(&n, &[one.clone(), json!({"messageId": "x", "body": "e30=", "callType": "toCallback"})])
    });
    add("a duplicate at the end", "steps", &[], delivery(&n, &[one.clone(), one.clone()]));
    add("a duplicate in the middle", "steps", &[], delivery(&n, &[one.clone(), one.clone(), two.clone()]));

    let plans: Vec<Value> = [("run", "Run"), ("pause", "SleepFor"), ("wait", "Wait"), ("call", "Call")]
        .iter()
        .zip(1..)
        .map(|((name, kind), target)| plan(target, name, kind, 4))
        .collect();
    add("the plans of a group", "group", &[], delivery(&n, &[]));
    for count in 1..=4 {
        add("one of a group", "group", &[], delivery(&n, &plans[..count]));
    }
    let answer = json!({"status": 200, "header": {"Content-Type": ["text/plain"]}, "body": "x"});
    let event = BASE64_STANDARD.encode("5");
    let mut waited = result(3, "wait", "Wait", None, 4);
    (waited["waitEventId"], waited["out"]) = (json!("paid"), json!(event));
    let results = [
        result(1, "run", "Run", Some(Value::Null), 4),
        json!({"stepId": 2, "stepName": "pause", "stepType": "SleepFor", "sleepFor": 123, "concurrent": 4}),
        waited,
        result(4, "call", "Call", Some(answer.clone()), 4),
    ];
    let all = |results: &[Value]| [&plans[..], results].concat();
    for count in 1..=4 {
        add("results of a group", "group", &[], delivery(&n, &all(&results[..count])));
    }
    let mut turned = results.clone();
    turned.reverse();
    add("results in another order", "group", &[], delivery(&n, &all(&turned)));
    add("a group of another size", "group", &[], delivery(&n, &[plan(1, "run", "Run", 3)]));
    add("a plan of another name", "group", &[], delivery(&n, &[plan(1, "other", "Run", 4)]));
    let twice = [all(&results[..1]), vec![results[0].clone()]].concat();
    add("a duplicate of a group", "group", &[], delivery(&n, &twice));
    let first = result(1, "one", "Run", Some(json!(1)), 1);
    let group = [plan(2, "a", "Run", 2), plan(3, "b", "SleepUntil", 2)];
    add("a group after a step", "later", &[], delivery(&n, std::slice::from_ref(&first)));
    for count in 1..=2 {
        add(
            "one of a group after a step",
            "later",
            &[],
            delivery(&n, &[std::slice::from_ref(&first), &group[..count]].concat()),
        );
    }
    let ended = [result(2, "a", "Run", Some(json!("A")), 2), result(3, "b", "SleepUntil", None, 2)];
    add(
        "a step after a group",
        "later",
        &[],
        delivery(&n, &[std::slice::from_ref(&first), &group[..], &ended[..]].concat()),
    );

    add("a call", "call", &[("upstash-workflow-invoke-count", "2")], delivery(&n, &[]));
    add("a call without options", "get", &[], delivery(&n, &[]));
    add("a call of a workflow", "workflow", &[("upstash-workflow-invoke-count", "1")], delivery(&n, &[]));
    let callback = [
        begin,
        ("upstash-workflow-callback", "true"),
        ("upstash-workflow-stepid", "1"),
        ("upstash-workflow-stepname", "get"),
        ("upstash-workflow-steptype", "Call"),
        ("upstash-workflow-concurrent", "1"),
        ("upstash-workflow-contenttype", "application/json"),
    ];
    let answered = |status: u16, retried: u32, most: u32| {
        let body = BASE64_STANDARD.encode("é");
        json!({"status": status, "header": {"A": ["1"]}, "body": body, "retried": retried, "maxRetries": most})
            .to_string()
    };
    add("the answer to a call", "get", &callback, answered(200, 0, 0));
    add("a failed answer", "get", &callback, answered(404, 3, 3));
    add("an answer before a retry", "get", &callback, answered(404, 1, 3));
    add("after a call", "get", &[], delivery(&n, &[result(1, "get", "Call", Some(answer), 1)]));
    add("a wait", "wait", &[], delivery(&n, &[]));
    let mut waited = result(1, "wait", "Wait", None, 1);
    (waited["waitEventId"], waited["out"]) = (json!("paid"), json!(BASE64_STANDARD.encode(r#"{"amount":5}"#)));
    add("an event", "wait", &[], delivery(&n, std::slice::from_ref(&waited)));
    waited.as_object_mut().unwrap().remove("out");
    waited["waitTimeout"] = true.into();
    add("no event", "wait", &[], delivery(&n, &[waited]));
    add("a notification", "notify", &[], delivery(&n, &[]));
    add("an invocation", "invoke", &[("upstash-workflow-createdat", "1769433002013")], delivery(&n, &[]));
    let child = json!({"body": r#"{"ok":true}"#, "isFailed": false, "isCanceled": false});
    add("the end of a child", "invoke", &[], delivery(&n, &[result(1, "child", "Invoke", Some(child), 1)]));
    let child = json!({"isFailed": true, "isCanceled": false});
    add("the failure of a child", "invoke", &[], delivery(&n, &[result(1, "child", "Invoke", Some(child), 1)]));
    add("a webhook", "webhook", &[], delivery(&n, &[]));
    let hook = json!({"webhookUrl": "https://q.example/v2/workflows/hooks/u/wfr_1/evt_1", "eventId": "evt_1"});
    let hook = result(1, "create", "CreateWebhook", Some(hook), 1);
    add("a wait for a webhook", "webhook", &[], delivery(&n, std::slice::from_ref(&hook)));
    let mut called = result(2, "wait", "WaitForWebhook", None, 1);
    let request = json!({"method": "POST", "header": {"A": ["1"]}, "body": BASE64_STANDARD.encode("hello"),
        "proto": "https", "host": "q.example", "url": "/v2/workflows/hooks/u/wfr_1/evt_1?x=1"});
    called["out"] = BASE64_STANDARD.encode(request.to_string()).into();
    add("a call of a webhook", "webhook", &[], delivery(&n, &[hook, called]));
    add("a cancellation", "cancel", &[], delivery(&n, &[result(1, "one", "Run", Some(json!(1)), 1)]));
    for how in ["now", "later", "at all"] {
        add("a failure", "fails", &[], delivery(&json!(how), &[]));
    }
    let failed = [("upstash-workflow-is-failure", "true"), ("upstash-workflow-failure-callback", "true")];
    let told = |body: &str| {
        let payload = BASE64_STANDARD.encode(r#""x""#);
        json!({"status": 500, "header": {}, "body": BASE64_STANDARD.encode(body), "sourceBody": payload,
            "url": "https://a.example/flows/fails", "sourceHeader": {}, "workflowRunId": "wfr_1", "workflowCreatedAt": 7})
        .to_string()
    };
    add("a failure is told", "fails", &failed, told(r#"{"error":"Error","message":"no"}"#));
    add("a failure is told to no function", "steps", &failed, told(r#"{"message":"no"}"#));
    add("steps of a run that has ended", "steps", &[("upstash-message-id", "m1")], String::new());
    cases
}

/// Delivers, and returns the status and the condition of the answer with the requests that were made.
async fn deliver(origin: &str, recorder: &Recorder, (_, id, fields, body): &Case) -> Value {
    let mut request = reqwest::Client::new().post(format!("{origin}/flows/{id}")).body(body.clone());
    request = request.header("content-type", "application/json");
    if !fields.iter().any(|(name, _)| *name == "no-step") {
        request = request.header("upstash-workflow-sdk-version", "1");
    }
    request = request.header("upstash-workflow-runid", "wfr_1");
    for (name, value) in fields.iter().filter(|(name, _)| *name != "no-step") {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let shown: Value = answer.json().await.unwrap();
    let field = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    // The message of a mismatch is the same; that of a failure function is kept with the run.
    let message = shown["message"].as_str().filter(|message| message.starts_with("Incompatible step name"));
    json!({
        "status": status,
        "condition": shown["finishCondition"],
        "result": shown["result"],
        "error": if status == 489 || status == 429 { shown["error"].clone() } else { Value::Null },
        "message": message,
        "protocol": field("upstash-workflow-sdk-version"),
        "nonretryable": field("upstash-nonretryable-error"),
        "retry-after": field("retry-after"),
        "not-found": field("upstash-workflow-failure-callback-notfound"),
        "requests": std::mem::take(&mut *recorder.0.lock().unwrap()),
    })
}

#[tokio::test]
async fn deliveries_lead_to_the_same_requests_as_in_the_sdk() {
    let recorder = Recorder::default();
    let qstash = serve_at_any_port(Router::new().fallback(record).with_state(recorder.clone())).await;
    let variables = [("QSTASH_URL", qstash.clone()), ("QSTASH_TOKEN", TOKEN.to_owned())];
    let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let upstash = UpstashBuilder::from_env_with(variable).or_memory().build().unwrap();
    let rust = serve_at_any_port(Router::new().route("/flows/{id}", post(flows())).with_state(upstash)).await;
    let mut node = Conversation::with_variables("workflow-deliveries", variables);
    let javascript = format!("http://127.0.0.1:{}", node.answer().await["port"]);
    let mut problems = Vec::new();
    let cases = cases();
    assert!(cases.len() > 50);
    for case in &cases {
        let expected = deliver(&javascript, &recorder, case).await;
        let found = deliver(&rust, &recorder, case).await;
        if expected != found {
            problems.push(format!("{} ({}):\n  sdk  {expected}\n  here {found}", case.0, case.1));
        }
    }
    assert!(problems.is_empty(), "{} of {} differ\n{}", problems.len(), cases.len(), problems.join("\n"));
}

/// Runs are triggered with the same fields.
#[tokio::test]
async fn triggers_are_the_same_requests_as_those_of_the_sdk() {
    let recorder = Recorder::default();
    let qstash = serve_at_any_port(Router::new().fallback(record).with_state(recorder.clone())).await;
    let variables = [("QSTASH_URL", qstash.clone()), ("QSTASH_TOKEN", TOKEN.to_owned())];
    let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let client = UpstashBuilder::from_env_with(variable).or_memory().build().unwrap().workflow();
    let mut node = Conversation::with_variables("workflow-deliveries", variables);
    node.answer().await;
    let url = "https://a.example/flows/steps";
    let limits = FlowControl::rate("key", 5, Duration::from_secs(30)).with_parallelism(6);
    let all = Trigger::new(url)
        .json(&json!({"n": "é"}))
        .header("X-Shop", "tea")
        .header("content-type", "text/x-order")
        .run_id("one")
        .retries(0)
        .retry_delay(RetryDelay::fixed(Duration::from_secs(2)))
        .flow_control(limits)
        .delay(Duration::from_secs(90))
        .not_before(std::time::UNIX_EPOCH + UNTIL)
        .label("a")
        .failure_url("https://b.example/failed")
        .redact_body()
        .redact_header("authorization");
    for (trigger, options) in [
        (Trigger::new(url), json!({"url": url})),
        (Trigger::new(url).body("text"), json!({"url": url, "body": "text"})),
        (
            all,
            json!({
                "url": url, "body": {"n": "é"}, "headers": {"X-Shop": "tea", "content-type": "text/x-order"},
                "workflowRunId": "one", "retries": 0, "retryDelay": "2000", "delay": 90, "notBefore": 2_000_000_000,
                "flowControl": {"key": "key", "parallelism": 6, "rate": 5, "period": 30}, "label": "a",
                "failureUrl": "https://b.example/failed", "redact": {"body": true, "header": ["authorization"]},
            }),
        ),
    ] {
        node.ask(&options).await;
        let expected = std::mem::take(&mut *recorder.0.lock().unwrap());
        client.trigger(trigger).await.unwrap();
        assert_eq!(std::mem::take(&mut *recorder.0.lock().unwrap()), expected, "{options}");
    }
}

async fn serve_at_any_port(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    origin
}
