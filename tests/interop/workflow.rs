//! Workflows of `@upstash/workflow` on the local QStash, and beside workflows of this crate.

use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::{any, post},
};
use axum_upstash::{
    UpstashBuilder,
    local::LocalQStash,
    workflow::{Invocation, RunError, Trigger, WorkflowClient, WorkflowContext, WorkflowError, serve, serve_many},
};
use serde_json::{Value, json};

use crate::node::Conversation;

const SOON: Duration = Duration::from_secs(20);

struct Host {
    local: LocalQStash,
    client: WorkflowClient,
    node: Conversation,
    /// Of the workflows in JavaScript.
    javascript: String,
    /// Of the workflows in Rust, and of those in JavaScript behind them.
    flows: String,
}

/// The origin of the workflows in JavaScript, as soon as it is known.
type Behind = std::sync::Arc<std::sync::OnceLock<String>>;

impl Host {
    async fn start() -> Self {
        let local = LocalQStash::start().await.unwrap();
        let environment = local.environment();
        let variable =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let upstash = UpstashBuilder::from_env_with(variable).or_memory().build().unwrap();
        let client = upstash.workflow();
        let behind = Behind::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new()
            .route("/path", post(serve(path)))
            .route("/flows/rust-child", post(workflows()))
            .route("/flows/rust-parent", post(workflows()))
            .with_state(upstash)
            .merge(Router::new().route("/flows/{id}", any(hand_on)).with_state(Behind::clone(&behind)));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let mut node = Conversation::with_variables("workflow-endpoints", {
            let mut variables = environment.clone();
            variables.push(("FLOWS_URL", origin.clone()));
            variables
        });
        let javascript = format!("http://127.0.0.1:{}", node.answer().await["port"]);
        behind.set(javascript.clone()).unwrap();
        Self { local, client, node, javascript, flows: origin }
    }

    /// Runs a workflow to its end. Returns its result, and how often those in JavaScript were called.
    async fn run(&mut self, url: &str, payload: &Value) -> (Result<Value, RunError>, Value) {
        let run = self.client.trigger(Trigger::new(url).json(payload).header("x-shop", "tea")).await.unwrap();
        let result = self.client.wait_for_result(&run.run_id, SOON).await;
        self.local.idle().await;
        (result, self.node.ask(&json!({})).await)
    }
}

async fn path(ctx: WorkflowContext<Value>) -> Result<Value, WorkflowError> {
    let text = ctx.payload()["text"].as_str().unwrap_or_default().to_owned();
    let one: String = ctx.run("one", async { Ok::<_, WorkflowError>(format!("processed {text}")) }).await;
    let two: String = ctx.run("two", async { Ok::<_, WorkflowError>(format!("{one}, twice")) }).await;
    Ok(json!({"result": two, "header": ctx.headers()["x-shop"].to_str().unwrap_or_default()}))
}

fn workflows() -> axum_upstash::workflow::ManyWorkflows<axum_upstash::Upstash> {
    async fn child(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
        let payload = *ctx.payload();
        Ok(ctx.run("triple", async move { Ok::<_, WorkflowError>(payload * 3) }).await)
    }
    async fn parent(ctx: WorkflowContext<u32>) -> Result<Option<u32>, WorkflowError> {
        Ok(ctx.invoke::<u32>("child", Invocation::new("js-child").json(ctx.payload())).await.returned())
    }
    serve_many([("rust-child", serve(child)), ("rust-parent", serve(parent))])
}

/// Hands a request on to the workflows in JavaScript, so that those of both languages are beside each other.
async fn hand_on(
    State(behind): State<Behind>,
    Path(id): Path<String>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let url = format!("{}/flows/{id}", behind.get().unwrap());
    let answer = reqwest::Client::new().request(method, url).headers(headers).body(body).send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    (StatusCode::from_u16(status.as_u16()).unwrap(), headers, answer.bytes().await.unwrap()).into_response()
}

#[tokio::test]
async fn workflows_of_the_sdk_run_on_the_local_qstash() {
    let mut host = Host::start().await;
    let at = |host: &Host, path: &str| format!("{}{path}", host.javascript);
    let url = at(&host, "/path");
    let (result, calls) = host.run(&url, &json!({"text": "höher"})).await;
    assert_eq!((result.unwrap(), calls), (json!({"result": "processed höher, twice", "header": "tea"}), json!(3)));
    let url = at(&host, "/order");
    let (result, calls) = host.run(&url, &json!({})).await;
    assert_eq!((result.unwrap(), calls), (json!([9, "sent", 200, {"id": 7, "paid": "é"}]), json!(8)));
    let url = at(&host, "/hooks");
    let (result, calls) = host.run(&url, &json!({})).await;
    assert_eq!((result.unwrap(), calls), (json!(["POST", true, "hello", false]), json!(4)));
    // A run that is begun without an SDK: its endpoint takes it over.
    let url = format!("{}/v2/trigger/{}", host.local.url(), at(&host, "/path"));
    let begun = reqwest::Client::new().post(url).bearer_auth(host.local.token());
    let begun = begun
        .header("upstash-workflow-unknown-sdk", "true")
        .header("upstash-forward-x-shop", "tea")
        .body(r#"{"text": "a"}"#)
        .send()
        .await
        .unwrap();
    let begun: Value = begun.json().await.unwrap();
    let id = begun["workflowRunId"].as_str().unwrap();
    let result: Value = host.client.wait_for_result(id, SOON).await.unwrap();
    assert_eq!(result, json!({"result": "processed a, twice", "header": "tea"}));
    host.local.idle().await;
    assert_eq!(host.node.ask(&json!({})).await, json!(4));
    let url = at(&host, "/fails");
    let run = host.client.trigger(Trigger::new(url).json(&1).retries(0)).await.unwrap();
    let result = host.client.wait_for_result::<Value>(&run.run_id, SOON).await;
    host.local.idle().await;
    assert!(matches!(result, Err(RunError::Failed)), "{result:?}");
    assert_eq!(host.node.ask(&json!({})).await, json!(2));
    // Its events are told by the client of this crate.
    let run = host.client.trigger(Trigger::new(at(&host, "/waits")).json(&1)).await.unwrap();
    host.local.idle().await;
    assert_eq!(host.client.notify("js-paid", &json!({"amount": 5})).await.unwrap(), 1);
    let result: Value = host.client.wait_for_result(&run.run_id, SOON).await.unwrap();
    host.local.idle().await;
    assert_eq!((result, host.node.ask(&json!({})).await), (json!([{"amount": 5}, true]), json!(5)));
}

#[tokio::test]
async fn the_client_of_the_sdk_triggers_a_workflow_of_this_crate() {
    let mut host = Host::start().await;
    let trigger = json!({"trigger": {
        "url": format!("{}/path", host.flows), "body": {"text": "höher"}, "headers": {"x-shop": "tea"}, "label": "a",
    }});
    let run = host.node.ask(&trigger).await;
    let id = run["workflowRunId"].as_str().unwrap();
    let result: Value = host.client.wait_for_result(id, SOON).await.unwrap();
    assert_eq!(result, json!({"result": "processed höher, twice", "header": "tea"}));
    assert_eq!(host.client.run(id).await.unwrap().unwrap().labels, ["a"]);
}

#[tokio::test]
async fn workflows_of_two_languages_invoke_each_other() {
    let mut host = Host::start().await;
    let url = format!("{}/flows/rust-parent", host.flows);
    let (result, calls) = host.run(&url, &json!(21)).await;
    assert_eq!((result.unwrap(), calls), (json!(42), json!(2)));
    let url = format!("{}/flows/js-parent", host.flows);
    let (result, calls) = host.run(&url, &json!(14)).await;
    assert_eq!((result.unwrap(), calls), (json!([42, false]), json!(2)));
}
