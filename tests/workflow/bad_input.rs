//! Deliveries that are wrong, late, or for nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{Router, http::StatusCode, routing::post};
use axum_upstash::{
    qstash::RetryDelay,
    workflow::{CallRequest, RunError, RunState, WorkflowContext, WorkflowError, WorkflowFailure, serve},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::support::Host;

const SOON: Duration = Duration::from_secs(20);

async fn two_steps(ctx: WorkflowContext<Value>) -> Result<u32, WorkflowError> {
    let one = ctx.run("one", async { Ok::<_, WorkflowError>(1) }).await;
    Ok(ctx.run("two", async move { Ok::<_, WorkflowError>(one + 1) }).await)
}

fn entry(body: &str) -> Value {
    json!({"messageId": "m", "body": BASE64_STANDARD.encode(body), "callType": "step"})
}

/// A delivery by hand, to an endpoint that verifies no signature.
async fn deliver(host: &Host, headers: &[(&str, &str)], body: String) -> (StatusCode, Value) {
    let mut request = reqwest::Client::new().post(format!("{}/open", host.origin)).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

async fn start() -> Host {
    Host::start(Router::new().route("/open", post(serve(two_steps).without_verification()))).await
}

const STEP: [(&str, &str); 2] = [("upstash-workflow-sdk-version", "1"), ("upstash-workflow-runid", "wfr_none")];

#[tokio::test]
async fn what_cannot_be_read_is_an_error_that_says_where() {
    let host = start().await;
    let payload = entry("{}");
    let not_base64 = json!({"messageId": "m", "body": "!", "callType": "step"});
    for (body, problem) in [
        ("{".to_owned(), "the list of steps"),
        ("{}".to_owned(), "the list of steps"),
        ("[]".to_owned(), "the first step"),
        ("null".to_owned(), "the list of steps"),
        (json!([payload, not_base64]).to_string(), "the body of a step"),
        (json!([payload, entry("[")]).to_string(), "a step of the delivery"),
        (json!([payload, entry(r#"{"stepId":-1,"stepName":"one","stepType":"Run"}"#)]).to_string(), "a step of"),
        (json!([payload, entry(r#"{"stepId":1,"stepName":"one","stepType":"New"}"#)]).to_string(), "step type"),
        (
            json!([payload, entry(r#"{"stepId":1,"stepName":"one","stepType":"Run","out":"\"x\""}"#)]).to_string(),
            "'one'",
        ),
        (
            json!([payload, entry(r#"{"stepId":9,"stepName":"nine","stepType":"Run","concurrent":1}"#)]).to_string(),
            "'nine'",
        ),
        (
            json!([
                payload,
                entry(
                    r#"{"stepId":0,"stepName":"one","stepType":"Run","concurrent":4294967295,"targetStep":4294967295}"#
                )
            ])
            .to_string(),
            "",
        ),
    ] {
        let (status, answer) = deliver(&host, &STEP, body.clone()).await;
        if problem.is_empty() {
            assert!(status.is_success() || status == 500, "{status} {answer}");
            continue;
        }
        assert_eq!(status, 500, "{body} {answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(problem), "{message} for {body}");
    }
    for (headers, problem) in [
        (vec![("upstash-workflow-sdk-version", "2"), STEP[1]], "version"),
        (vec![STEP[0]], "run id"),
        (vec![STEP[0], ("upstash-workflow-runid", "../../x")], "run id"),
        (vec![STEP[1], ("upstash-workflow-callback", "true")], "of which step"),
        (vec![STEP[1], ("upstash-workflow-unknown-sdk", "true")], "the list of steps"),
    ] {
        let (status, answer) = deliver(&host, &headers, "{}".into()).await;
        assert_eq!(status, 500, "{headers:?} {answer}");
        assert!(answer["message"].as_str().unwrap().contains(problem), "{answer}");
    }
    let callback = [STEP[1], ("upstash-workflow-callback", "true"), ("upstash-workflow-stepid", "1")];
    let callback =
        [&callback[..], &[("upstash-workflow-stepname", "one"), ("upstash-workflow-concurrent", "1")]].concat();
    for body in ["", "[", r#"{"status": "x"}"#, r#"{"status": 200, "body": "!"}"#] {
        assert_eq!(deliver(&host, &callback, body.into()).await.0, 500, "{body}");
    }
}

/// The run has ended, or never was: nothing is done for it, and nothing is tried again.
#[tokio::test]
async fn a_delivery_for_a_run_that_is_not_under_way_is_done() {
    let host = start().await;
    let body = || json!([entry("{}")]).to_string();
    let (status, answer) = deliver(&host, &STEP, body()).await;
    assert_eq!((status.as_u16(), &answer["finishCondition"]), (200, &json!("success")));
    // An empty body has to be asked for.
    let (status, answer) = deliver(&host, &STEP, String::new()).await;
    assert_eq!((status.as_u16(), &answer["finishCondition"]), (200, &json!("workflow-already-ended")));
    let run = host.client.trigger(host.trigger("/open", &json!({})).run_id("done")).await.unwrap();
    assert_eq!(host.client.wait_for_result::<u32>(&run.run_id, SOON).await.unwrap(), 2);
    let ended = [STEP[0], ("upstash-workflow-runid", "wfr_done")];
    let (status, answer) = deliver(&host, &ended, body()).await;
    assert_eq!((status.as_u16(), &answer["finishCondition"]), (200, &json!("success")));
    let info = host.client.run(&run.run_id).await.unwrap().unwrap();
    assert_eq!((info.steps.len(), info.state), (3, RunState::Success), "nothing was added");
}

/// A delivery is made a second time after it has had its effect.
#[tokio::test]
async fn a_step_that_is_submitted_twice_counts_once() {
    let seconds = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&seconds);
    let flow = move |ctx: WorkflowContext<Value>| {
        let seconds = Arc::clone(&counted);
        async move {
            let one: u32 = ctx.run("one", async { Ok::<_, WorkflowError>(1) }).await;
            let two = async { Ok::<_, WorkflowError>(seconds.fetch_add(1, Ordering::SeqCst)) };
            let two: u32 = ctx.run("two", two).await;
            ctx.sleep("pause", Duration::from_secs(60)).await;
            Ok::<_, WorkflowError>(json!([one, two]))
        }
    };
    let host = Host::start(Router::new().route("/open", post(serve(flow).without_verification()))).await;
    let run = host.client.trigger(host.trigger("/open", &json!({})).run_id("twice")).await.unwrap();
    host.local.idle().await;
    let again = [STEP[0], ("upstash-workflow-runid", "wfr_twice")];
    for _ in 0..3 {
        let (status, _) = deliver(&host, &again, json!([entry("{}")]).to_string()).await;
        assert_eq!(status, 200);
        host.local.idle().await;
    }
    host.local.advance(Duration::from_secs(60));
    let result: Value = host.client.wait_for_result(&run.run_id, SOON).await.unwrap();
    assert_eq!((result, seconds.load(Ordering::SeqCst)), (json!([1, 0]), 1));
}

/// The answer to a call, a result and an error are whole, however long.
#[tokio::test]
async fn long_answers_results_and_errors_are_whole() {
    const LONG: usize = 5_000_000;
    async fn long(ctx: WorkflowContext<String>) -> Result<usize, WorkflowError> {
        let answer = ctx.call("call", CallRequest::get(ctx.payload())).await;
        let text: String = ctx.run("text", async { Ok::<_, WorkflowError>("x".repeat(LONG)) }).await;
        assert_eq!((answer.body.len(), text.len()), (LONG, LONG));
        ctx.run("fails", async { Err::<usize, _>(WorkflowError::non_retryable("x".repeat(LONG))) }).await;
        Ok(0)
    }
    let told = Arc::new(AtomicU32::new(0));
    let heard = Arc::clone(&told);
    let long = serve(long).on_failure(move |failure: WorkflowFailure<String>| {
        heard.store(u32::try_from(failure.message.len()).unwrap(), Ordering::SeqCst);
        async { Ok(None) }
    });
    let answer = axum::routing::get(|| async { "x".repeat(LONG) });
    let host = Host::start(Router::new().route("/long", post(long)).route("/answer", answer)).await;
    let url = format!("{}/answer", host.origin);
    let run = host.client.trigger(host.trigger("/long", &url)).await.unwrap();
    assert!(matches!(host.client.wait_for_result::<usize>(&run.run_id, SOON).await, Err(RunError::Failed)));
    host.local.idle().await;
    assert_eq!(told.load(Ordering::SeqCst) as usize, LONG);
}

#[tokio::test]
async fn payloads_are_as_long_as_a_message() {
    async fn long(ctx: WorkflowContext<String>) -> Result<usize, WorkflowError> {
        let length = ctx.payload().len();
        Ok(ctx.run("length", async move { Ok::<_, WorkflowError>(length) }).await)
    }
    let host = Host::start(Router::new().route("/long", post(serve(long)))).await;
    let (result, calls) = host.run::<usize>(host.trigger("/long", &"é".repeat(5_000_000))).await;
    assert_eq!((result.unwrap(), calls), (10_000_000, 2));
    let refused = host.client.trigger(host.trigger("/long", &"x".repeat(11_000_000))).await.unwrap_err();
    assert_eq!(refused.status(), Some(413), "{refused}");
}

#[tokio::test]
async fn a_panic_and_a_function_that_hangs_are_failures_that_are_tried_again() {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let fragile = move |ctx: WorkflowContext<String>| {
        let tries = Arc::clone(&counted);
        async move {
            let how = ctx.payload().clone();
            let work = async {
                match (tries.fetch_add(1, Ordering::SeqCst), &*how) {
                    (0, "panics") => panic!("secret"),
                    (0, _) => std::future::pending().await,
                    (tries, _) => Ok::<_, WorkflowError>(tries),
                }
            };
            Ok::<u32, WorkflowError>(ctx.run("fragile", work).await)
        }
    };
    let routes = Router::new().route("/fragile", post(serve(fragile)));
    let host = Host::start_with(routes, |builder| builder.max_timeout(Duration::from_millis(500))).await;
    for how in ["panics", "hangs"] {
        tries.store(0, Ordering::SeqCst);
        let delay = RetryDelay::fixed(Duration::from_millis(1));
        let run = host.client.trigger(host.trigger("/fragile", &how).retry_delay(delay)).await.unwrap();
        assert_eq!(host.client.wait_for_result::<u32>(&run.run_id, SOON).await.unwrap(), 1, "{how}");
    }
}

/// A quota that is used up does not come back with a retry.
#[tokio::test]
async fn a_step_that_is_over_a_quota_fails_its_run_at_once() {
    async fn calls(ctx: WorkflowContext<Value>) -> Result<(), WorkflowError> {
        let call = CallRequest::get("http://127.0.0.1:1/").retries(1_000_000);
        tokio::join!(ctx.call("call", call), ctx.sleep("pause", Duration::from_secs(60)));
        Ok(())
    }
    let host = Host::start(Router::new().route("/calls", post(serve(calls)))).await;
    let run = host.client.trigger(host.trigger("/calls", &1)).await.unwrap();
    let result = host.client.wait_for_result::<Value>(&run.run_id, SOON).await;
    assert!(matches!(result, Err(RunError::Failed)), "{result:?}");
    let info = host.client.run(&run.run_id).await.unwrap().unwrap();
    let error = &info.steps[1].steps[0].errors[0];
    assert_eq!(error.status.unwrap().as_u16(), 489);
    assert!(error.body.as_deref().unwrap().contains("maxRetries"), "{error:?}");
}

/// A request to the API, by hand. Returns the status and the answer.
async fn ask(host: &Host, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> (u16, Value) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let url = format!("{}/v2/{path}", host.local.url());
    let mut request = reqwest::Client::new().request(method, url).bearer_auth(host.local.token());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.body(body.to_string()).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

async fn waits(ctx: WorkflowContext<Value>) -> Result<Value, WorkflowError> {
    let first = ctx.wait_for_event::<u32>("first", "told", Duration::from_secs(600)).await;
    let second = ctx.wait_for_event::<u32>("second", "told", Duration::from_secs(600)).await;
    Ok(json!([first.event(), second.event()]))
}

/// 400 would mean to an endpoint that the run has ended, and nothing would go on.
#[tokio::test]
async fn a_message_that_cannot_be_taken_is_not_the_end_of_its_run() {
    let host = Host::start(Router::new().route("/waits", post(serve(waits)))).await;
    host.client.trigger(host.trigger("/waits", &1).run_id("one")).await.unwrap();
    host.local.idle().await;
    let of_run = |more: Value| {
        let mut headers = json!({"upstash-workflow-runid": "wfr_one", "upstash-workflow-init": "false"});
        headers.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        headers
    };
    let url = format!("{}/waits", host.origin);
    for item in [
        json!({"destination": url, "headers": of_run(json!({"upstash-method": "HEAD"})), "body": "{}"}),
        json!({"destination": url, "headers": of_run(json!({"upstash-delay": "9999999999999d"})), "body": "{}"}),
        json!({"destination": "no-url", "headers": of_run(json!({})), "body": "{}"}),
        json!({"destination": "http://", "headers": of_run(json!({})), "body": "{}"}),
        json!({"destination": url, "headers": of_run(json!({"x-a": "a\nb"})), "body": "{}"}),
        json!({"destination": url, "headers": of_run(json!({"upstash-retries": "1000000"})), "body": "{}"}),
    ] {
        let good = json!({"destination": url, "headers": of_run(json!({})), "body": "{}"});
        let (status, answer) = ask(&host, "POST", "batch", &[], json!([good, item])).await;
        assert_eq!(status, 412, "{item} {answer}");
    }
    let run = [("upstash-workflow-runid", "wfr_one")];
    for wait in [
        json!({}),
        json!({"timeout": "x", "step": {"stepId": 9}}),
        json!({"timeout": "1s", "step": 9}),
        json!({"timeout": "1s", "step": {"stepId": "9"}}),
        json!({"timeout": "1s", "step": {"stepId": 9}, "timeoutHeaders": {"Upstash-Retries": ["x"]}}),
    ] {
        assert_eq!(ask(&host, "POST", "wait/e", &run, wait.clone()).await.0, 412, "{wait}");
    }
    let invoke = [run[0], ("upstash-workflow-init", "true"), ("upstash-workflow-invoke", "true")];
    for (id, invocation) in [("wfr_two", json!({"workflowRunId": "wfr_one", "step": 1})), ("wfr_two", json!(1))] {
        let headers = [("upstash-workflow-runid", id), invoke[1], invoke[2]];
        assert_eq!(ask(&host, "POST", &format!("publish/{url}"), &headers, invocation).await.0, 412);
    }
    // A run of that id is there, and is no child.
    let other = json!({"workflowRunId": "wfr_other", "step": {"stepId": 1}});
    assert_eq!(ask(&host, "POST", &format!("publish/{url}"), &invoke, other).await.0, 412);
    // Nothing of that was added, and the run goes on.
    for event in [1, 2] {
        host.client.notify("told", &event).await.unwrap();
        host.local.idle().await;
    }
    assert_eq!(host.client.wait_for_result::<Value>("wfr_one", SOON).await.unwrap(), json!([1, 2]));
}

/// The delivery that asks for a wait is made again after the wait is over: it takes no event of a later one.
#[tokio::test]
async fn a_wait_that_is_asked_for_again_takes_nothing() {
    let host = Host::start(Router::new().route("/open", post(serve(waits).without_verification()))).await;
    host.client.trigger(host.trigger("/open", &1).run_id("again")).await.unwrap();
    host.local.idle().await;
    host.client.notify_run("wfr_again", "told", &1).await.unwrap();
    host.client.notify_run("wfr_again", "told", &2).await.unwrap();
    let first = [STEP[0], ("upstash-workflow-runid", "wfr_again")];
    assert_eq!(deliver(&host, &first, json!([entry("1")]).to_string()).await.0, 200);
    assert_eq!(host.client.wait_for_result::<Value>("wfr_again", SOON).await.unwrap(), json!([1, 2]));
}

#[tokio::test]
async fn what_would_mean_everything_cancels_nothing() {
    let host = Host::start(Router::new().route("/waits", post(serve(waits)))).await;
    let run = host.client.trigger(host.trigger("/waits", &1)).await.unwrap();
    host.local.idle().await;
    for (path, body) in [
        ("workflows/runs", json!({"workflowUrl": ""})),
        ("workflows/runs", json!({"workflowRunIds": [""]})),
        ("workflows/runs", Value::Null),
        ("workflows/runs?workflowUrl=", json!({})),
        ("workflows/runs?lable=x", json!({})),
        ("workflows/dlq", json!({"dlqIds": [""]})),
    ] {
        assert_eq!(ask(&host, "DELETE", path, &[], body.clone()).await.0, 400, "{path} {body}");
    }
    let exact = format!("workflows/runs?workflowUrl={}/wait&workflowUrlExactMatch=True", host.origin);
    assert_eq!(ask(&host, "DELETE", &exact, &[], Value::Null).await.1["cancelled"], 0);
    assert_eq!(host.client.run(&run.run_id).await.unwrap().unwrap().state, RunState::Started);
    // Messages of runs end with them.
    assert_eq!(host.qstash.messages().cancel_all().await.unwrap(), 0);
}

/// Steps that no endpoint makes are shown all the same.
#[tokio::test]
async fn any_step_can_be_shown() {
    let host = Host::start(Router::new().route("/waits", post(serve(waits)))).await;
    host.client.trigger(host.trigger("/waits", &1).run_id("odd")).await.unwrap();
    host.local.idle().await;
    let headers = json!({"upstash-workflow-runid": "wfr_odd", "upstash-workflow-init": "false", "upstash-delay": "1h"});
    for step in [
        json!({"stepId": u64::MAX, "stepName": "a", "stepType": "Run", "concurrent": 10_000}),
        json!({"stepId": 7, "concurrent": u64::MAX}),
        json!({"stepId": 0, "targetStep": u64::MAX, "concurrent": 2}),
        json!([1]),
        json!("text"),
    ] {
        let item =
            json!({"destination": format!("{}/waits", host.origin), "headers": headers, "body": step.to_string()});
        assert_eq!(ask(&host, "POST", "batch", &[], json!([item])).await.0, 200);
    }
    let info = host.client.run("wfr_odd").await.unwrap().unwrap();
    assert!(info.steps.iter().map(|group| group.steps.len()).sum::<usize>() < 20, "{info:?}");
}

#[tokio::test]
async fn calls_that_cannot_be_made_and_names_of_any_language() {
    async fn calls(ctx: WorkflowContext<String>) -> Result<u16, WorkflowError> {
        let method = if ctx.payload().ends_with("head") { axum::http::Method::HEAD } else { axum::http::Method::GET };
        Ok(ctx.call("größe ✓", CallRequest::new(method, ctx.payload())).await.status)
    }
    let answer = axum::routing::get(|| async { "x" });
    let host = Host::start(Router::new().route("/calls", post(serve(calls))).route("/answer", answer)).await;
    let url = format!("{}/answer", host.origin);
    let (result, calls) = host.run::<u16>(host.trigger("/calls", &url)).await;
    assert_eq!((result.unwrap(), calls), (200, 4));
    for (url, problem) in
        [("no-url".to_owned(), "URL"), ("ftp://a.example/x".to_owned(), "URL"), (format!("{url}?head"), "method")]
    {
        let run = host.client.trigger(host.trigger("/calls", &url).retries(0)).await.unwrap();
        host.local.idle().await;
        let info = host.client.run(&run.run_id).await.unwrap().unwrap();
        let error = info.steps[1].steps[0].errors[0].body.clone().unwrap();
        assert!(info.state == RunState::Failed && error.contains(problem), "{error}");
    }
}
