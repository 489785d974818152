//! The requests of one order: a step, a group of a step and a pause, a call, and the end.

use super::{
    call::{CallRequest, Stored},
    invocation::Invocation,
    order::{Action, Order},
    run::Run,
    submission,
    trigger::Trigger,
};
use crate::qstash::RawRequest;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

const URL: &str = "https://a.example/api/order";

fn run() -> Run {
    Run::new("wfr_1", URL)
}

fn order(name: &str, action: Action) -> Order {
    Order { name: name.into(), action }
}

/// The messages of a batch: destination, body, and headers.
fn items(request: &RawRequest) -> Vec<(String, String, Value)> {
    assert_eq!((request.method.as_str(), &*request.path), ("POST", "/v2/batch"));
    let items: Vec<Value> = serde_json::from_slice(&request.body).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    items.iter().map(|item| (text(&item["destination"]), text(&item["body"]), item["headers"].clone())).collect()
}

fn headers_of_a_step() -> Value {
    json!({
        "upstash-workflow-init": "false",
        "upstash-workflow-runid": "wfr_1",
        "upstash-workflow-url": URL,
        "upstash-workflow-sdk-version": "1",
        "upstash-forward-upstash-workflow-sdk-version": "1",
        "upstash-feature-set": "LazyFetch,InitialBody,WF_DetectTrigger,WF_TriggerOnConfig",
        "upstash-method": "POST",
        "content-type": "application/json",
    })
}

fn with(mut headers: Value, name: &str, value: &str) -> Value {
    headers[name] = value.into();
    headers
}

#[test]
fn a_step_alone() {
    let request = submission::step(&run(), &order("reserve", Action::Run), 1, 1, Some(r#"{"sku":9}"#.into()));
    let body = r#"{"stepId":1,"stepName":"reserve","stepType":"Run","out":"{\"sku\":9}","concurrent":1}"#;
    assert_eq!(items(&request), [(URL.into(), body.into(), headers_of_a_step())]);
    let pause = submission::step(&run(), &order("pause", Action::SleepFor(5.into())), 1, 1, None);
    let body = r#"{"stepId":1,"stepName":"pause","stepType":"SleepFor","sleepFor":5,"concurrent":1}"#;
    assert_eq!(items(&pause), [(URL.into(), body.into(), with(headers_of_a_step(), "upstash-delay", "5s"))]);
    let until = submission::step(&run(), &order("until", Action::SleepUntil(1_700_000_000)), 1, 1, None);
    let body = r#"{"stepId":1,"stepName":"until","stepType":"SleepUntil","sleepUntil":1700000000,"concurrent":1}"#;
    let headers = with(headers_of_a_step(), "upstash-not-before", "1700000000");
    assert_eq!(items(&until), [(URL.into(), body.into(), headers)]);
}

#[test]
fn a_group() {
    let orders = [order("mail", Action::Run), order("pause", Action::SleepFor(5.into()))];
    let plans = [
        r#"{"stepId":0,"stepName":"mail","stepType":"Run","concurrent":2,"targetStep":2}"#,
        r#"{"stepId":0,"stepName":"pause","stepType":"SleepFor","sleepFor":5,"concurrent":2,"targetStep":3}"#,
    ];
    let delayed = with(headers_of_a_step(), "upstash-delay", "5s");
    let expected = [(URL.into(), plans[0].into(), headers_of_a_step()), (URL.into(), plans[1].into(), delayed)];
    assert_eq!(items(&submission::plans(&run(), 2, &orders)), expected);
    let mail = submission::step(&run(), &orders[0], 2, 2, Some("\"sent\"".into()));
    let body = r#"{"stepId":2,"stepName":"mail","stepType":"Run","out":"\"sent\"","concurrent":2}"#;
    assert_eq!(items(&mail), [(URL.into(), body.into(), headers_of_a_step())]);
    // The pause has passed.
    let pause = submission::step(&run(), &orders[1], 3, 2, None);
    let body = r#"{"stepId":3,"stepName":"pause","stepType":"SleepFor","sleepFor":5,"concurrent":2}"#;
    assert_eq!(items(&pause), [(URL.into(), body.into(), headers_of_a_step())]);
}

#[test]
fn a_call_and_its_answer() {
    let request = CallRequest::post("https://pay.example/x")
        .header("x-key", "1")
        .body(r#"{"n":1}"#)
        .retries(2)
        .timeout(Duration::from_millis(1_500));
    let call = submission::step(&run(), &order("charge", Action::Call(Box::new(request))), 4, 1, None);
    let headers = json!({
        "upstash-workflow-init": "false",
        "upstash-workflow-runid": "wfr_1",
        "upstash-workflow-url": URL,
        "upstash-workflow-sdk-version": "1",
        "upstash-workflow-calltype": "toCallback",
        "upstash-feature-set": "WF_NoDelete,InitialBody",
        "upstash-method": "POST",
        "upstash-retries": "2",
        "upstash-timeout": "2s",
        "content-type": "application/json",
        "upstash-forward-x-key": "1",
        "upstash-callback": URL,
        "upstash-callback-workflow-runid": "wfr_1",
        "upstash-callback-workflow-calltype": "fromCallback",
        "upstash-callback-workflow-init": "false",
        "upstash-callback-workflow-url": URL,
        "upstash-callback-feature-set": "LazyFetch,InitialBody,WF_DetectTrigger,WF_TriggerOnConfig",
        "upstash-callback-forward-upstash-workflow-callback": "true",
        "upstash-callback-forward-upstash-workflow-stepid": "4",
        "upstash-callback-forward-upstash-workflow-stepname": "charge",
        "upstash-callback-forward-upstash-workflow-steptype": "Call",
        "upstash-callback-forward-upstash-workflow-concurrent": "1",
        "upstash-callback-forward-upstash-workflow-contenttype": "application/json",
    });
    assert_eq!(items(&call), [("https://pay.example/x".into(), r#"{"n":1}"#.into(), headers)]);

    let stored = Stored::new(200, "é".as_bytes(), BTreeMap::new());
    let result = submission::call_result(&run(), 4, "charge", 1, &stored);
    assert_eq!(result.path, format!("/v2/publish/{URL}"));
    let body: Value = serde_json::from_slice(&result.body).unwrap();
    let out: Value = serde_json::from_str(body["out"].as_str().unwrap()).unwrap();
    assert_eq!((&body["stepId"], &body["stepType"], &out["body"]), (&json!(4), &json!("Call"), &json!("Ã©")));
}

#[test]
fn a_wait_an_invocation_and_the_end() {
    let action = Action::Wait { event: "paid".into(), timeout: "60s".into() };
    let wait = submission::step(&run(), &order("wait", action), 1, 1, None);
    assert_eq!((wait.method.as_str(), &*wait.path), ("POST", "/v2/wait/paid"));
    let body: Value = serde_json::from_slice(&wait.body).unwrap();
    let step = json!({"stepId": 1, "stepName": "wait", "stepType": "Wait", "concurrent": 1});
    assert_eq!((&body["url"], &body["timeout"], &body["step"]), (&json!(URL), &json!("60s"), &step));
    assert_eq!(body["timeoutHeaders"]["upstash-workflow-runid"], json!(["wfr_1"]));
    assert_eq!(wait.headers["upstash-workflow-calltype"], "step");

    let invocation = Invocation::<()>::new("mail").json(&7).run_id("2").retries(1).label("a");
    let action = Action::Invoke(Box::new(invocation.order));
    let invoke = submission::step(&run(), &order("child", action), 2, 1, None);
    assert_eq!(invoke.path, "/v2/publish/https://a.example/api/mail");
    for (name, value) in [
        ("upstash-workflow-init", "true"),
        ("upstash-workflow-invoke", "true"),
        ("upstash-retries", "1"),
        ("upstash-failure-callback-retries", "1"),
        ("upstash-label", "a"),
        ("upstash-workflow-runid", "wfr_2"),
        ("upstash-workflow-url", "https://a.example/api/mail"),
        ("upstash-forward-upstash-workflow-invoke-count", "1"),
        ("upstash-failure-callback", "https://a.example/api/mail"),
    ] {
        assert_eq!(invoke.headers[name], value, "{name}");
    }
    let body: Value = serde_json::from_slice(&invoke.body).unwrap();
    let (body, run_id, url) = (&body["body"], &body["workflowRunId"], &body["workflowUrl"]);
    assert_eq!((body, run_id, url), (&json!("7"), &json!("wfr_1"), &json!(URL)));

    let end = submission::end(&run(), false, Some(r#"{"ok":true}"#.into()));
    assert_eq!((end.method.as_str(), &*end.path), ("DELETE", "/v2/workflows/runs/wfr_1?cancel=false"));
    assert_eq!(&*end.body, br#"{"ok":true}"#);
    assert_eq!(submission::end(&run(), true, None).path, "/v2/workflows/runs/wfr_1?cancel=true");
}

#[test]
fn a_trigger() {
    let trigger = Trigger::new(URL).body(r#"{"q":1}"#).header("x-shop", "tea").label("a").retries(5);
    let request = submission::triggers(&[trigger], &["wfr_1".into()]);
    let mut expected = with(headers_of_a_step(), "upstash-workflow-init", "true");
    for (name, value) in [
        ("upstash-forward-x-shop", "tea"),
        ("upstash-label", "a"),
        ("upstash-forward-upstash-label", "a"),
        ("upstash-retries", "5"),
        ("upstash-failure-callback", URL),
        ("upstash-failure-callback-retries", "5"),
        ("upstash-failure-callback-forward-x-shop", "tea"),
        ("upstash-failure-callback-forward-upstash-label", "a"),
        ("upstash-failure-callback-forward-upstash-workflow-is-failure", "true"),
        ("upstash-failure-callback-forward-upstash-workflow-failure-callback", "true"),
        ("upstash-failure-callback-workflow-runid", "wfr_1"),
        ("upstash-failure-callback-workflow-init", "false"),
        ("upstash-failure-callback-workflow-url", URL),
        ("upstash-failure-callback-workflow-calltype", "failureCall"),
        ("upstash-failure-callback-feature-set", "LazyFetch,InitialBody,WF_DetectTrigger,WF_TriggerOnConfig"),
    ] {
        expected = with(expected, name, value);
    }
    assert_eq!(items(&request), [(URL.into(), r#"{"q":1}"#.into(), expected)]);
}
