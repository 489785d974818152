//! The same workflows in the official SDK and in this crate: their results, and how often their endpoints are called. The
//! counts are those that the SDK's own end-to-end tests expect of the service.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header::CONTENT_TYPE},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use axum_upstash::{
    Upstash, UpstashBuilder,
    local::LocalQStash,
    qstash::RetryDelay,
    workflow::{RunState, Trigger, WorkflowClient},
};
use serde_json::{Value, json};

use crate::{node::Conversation, workflow_flows};

/// The service behind the workflows.
fn services(client: WorkflowClient) -> Router {
    let service = any(async |method: Method, body: String| -> Response {
        match method.as_str() {
            "POST" => (StatusCode::CREATED, body).into_response(),
            "GET" => ([("x-service", "yes")], "got").into_response(),
            "PATCH" => (StatusCode::UNAUTHORIZED, "99").into_response(),
            "PUT" => StatusCode::MULTIPLE_CHOICES.into_response(),
            _ => (StatusCode::BAD_REQUEST, [(CONTENT_TYPE, "text/plain")], r#"{"ö":"😀"}"#).into_response(),
        }
    });
    let notify = post(async move |State(client): State<WorkflowClient>, id: String| {
        // The step that waits for it is begun at the same time.
        let event = format!("{id}-sdk");
        for _ in 0..500 {
            if client.notify(&event, &"sdk").await.unwrap() > 0 {
                return StatusCode::OK;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        StatusCode::GATEWAY_TIMEOUT
    });
    let hook = post(async |body: String| {
        let url = serde_json::from_str::<Value>(&body).unwrap()["url"].as_str().unwrap().to_owned();
        reqwest::Client::new().post(url).body("hello").send().await.unwrap().status()
    });
    let depth = get(async |headers: HeaderMap| {
        let depth = headers.get("upstash-workflow-invoke-count").map(|depth| depth.to_str().unwrap().to_owned());
        format!("depth {}", depth.unwrap_or_default())
    });
    Router::new()
        .route("/service", service)
        .route("/notify", notify)
        .route("/hook", hook)
        .route("/depth", depth)
        .route("/foreign", post(async || "hello"))
        .route("/failed", post(async || "heard"))
        .with_state(client)
}

async fn serve_at_any_port(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    origin
}

async fn count(State(calls): State<Arc<AtomicU32>>, request: Request, next: Next) -> Response {
    if !["/flows/notifier", "/flows/target"].contains(&request.uri().path()) {
        calls.fetch_add(1, Ordering::SeqCst);
    }
    next.run(request).await
}

enum Language {
    JavaScript(Box<Conversation>),
    Rust(Arc<AtomicU32>),
}

struct Host {
    local: LocalQStash,
    client: WorkflowClient,
    services: String,
    origin: String,
    language: Language,
}

impl Host {
    async fn start(is_javascript: bool) -> Self {
        let local = LocalQStash::start().await.unwrap();
        let environment = local.environment();
        let variable =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let upstash: Upstash = UpstashBuilder::from_env_with(variable).or_memory().build().unwrap();
        let client = upstash.workflow();
        let services = serve_at_any_port(services(client.clone())).await;
        let (origin, language) = if is_javascript {
            let mut variables = environment.clone();
            variables.push(("SERVICES_URL", services.clone()));
            let mut node = Conversation::with_variables("workflow-routes", variables);
            (format!("http://127.0.0.1:{}", node.answer().await["port"]), Language::JavaScript(Box::new(node)))
        } else {
            let calls = Arc::new(AtomicU32::new(0));
            let flows = workflow_flows::flows(&services, local.url(), local.token());
            let app = Router::new().route("/flows/{id}", post(flows)).with_state(upstash);
            let app = app.layer(middleware::from_fn_with_state(Arc::clone(&calls), count));
            (serve_at_any_port(app).await, Language::Rust(calls))
        };
        Self { local, client, services, origin, language }
    }

    /// The calls since the last time.
    async fn calls(&mut self) -> u64 {
        match &mut self.language {
            Language::JavaScript(node) => node.ask(&json!({})).await.as_u64().unwrap(),
            Language::Rust(calls) => calls.swap(0, Ordering::SeqCst).into(),
        }
    }

    fn trigger(&self, id: &str, payload: &Value) -> Trigger {
        let payload = payload.as_str().map_or_else(|| payload.to_string(), str::to_owned);
        Trigger::new(format!("{}/flows/{id}", self.origin)).body(payload).retries(0).header("x-shop", "tea")
    }

    /// Runs a workflow to its end, through as much time as it takes. Returns its state and result, and the calls.
    async fn run(&mut self, trigger: Trigger) -> (RunState, Value, u64) {
        let run = self.client.trigger(trigger).await.unwrap();
        self.end_of(&run.run_id).await
    }

    async fn end_of(&mut self, run_id: &str) -> (RunState, Value, u64) {
        for _ in 0..100 {
            self.local.idle().await;
            let info = self.client.run(run_id).await.unwrap().unwrap();
            if info.state != RunState::Started {
                // Runs that were begun beside it end as well.
                for _ in 0..5 {
                    self.local.advance(Duration::from_secs(1));
                    self.local.idle().await;
                }
                let json =
                    |text: Option<String>| serde_json::from_str(&text.unwrap_or_default()).unwrap_or(Value::Null);
                let result = match info.failure {
                    Some(failure) => json(failure.response_body)["result"].clone(),
                    None => json(info.result),
                };
                return (info.state, result, self.calls().await);
            }
            self.local.advance(Duration::from_secs(1));
        }
        panic!("the run did not end: {:?}", self.client.run(run_id).await);
    }
}

async fn routes(is_javascript: bool) {
    use RunState::{Failed, Success};
    let mut host = Host::start(is_javascript).await;
    let failed = json!("500 no card");
    let waited = json!([true, "sdk", "text", {"with": 1}]);
    let called = json!(["posted", "yes", 401, "", {"ö": "😀"}]);
    let branches = json!([["label", [true, "data"], ["depth 2", 1]], true, null]);
    for (id, payload, expected) in [
        ("path", json!("“a”"), (Success, json!(["processed “a”, twice", true, "tea"]), 4)),
        ("sleep", json!("x"), (Success, json!(3), 6)),
        ("retries", json!("x"), (Success, json!([1, 2]), 12)),
        // Returns before any step: 400, and the failure is told.
        ("guarded", json!("x"), (Failed, Value::Null, 2)),
        ("custom", json!("x"), (Success, json!([true, true, true]), 7)),
        ("fails", json!("x"), (Failed, failed.clone(), 2)),
        ("fails", json!("at once"), (Failed, json!("489 no card"), 2)),
        ("call", json!("x"), (Success, called, 12)),
        ("call-fails", json!("x"), (Success, json!(401), 3)),
        ("waits", json!("one"), (Success, waited, 16)),
        ("webhook", json!("x"), (Success, json!([true, 200, false, true, "hello"]), 8)),
        ("invokes", json!("two"), (Success, branches, 30)),
        ("parent", json!(if is_javascript { "js" } else { "rust" }), (Success, json!(true), 11)),
        ("foreign", json!("x"), (Success, json!(["RUN_FAILED", "next", 1]), 4)),
        ("children", json!("three"), (Success, Value::Null, 15)),
        ("fetches", json!("x"), (Success, json!(["done", "done", "RUN_FAILED"]), 16)),
    ] {
        let trigger = host.trigger(id, &payload);
        assert_eq!(host.run(trigger).await, expected, "{id} {payload}");
    }

    let trigger = host.trigger("guarded", &json!("x")).header("x-key", "right");
    assert_eq!(host.run(trigger).await, (Success, json!(2), 3), "guarded, with its key");
    let trigger = host.trigger("fails", &json!("x")).retries(1).retry_delay(RetryDelay::fixed(Duration::from_secs(1)));
    assert_eq!(host.run(trigger).await, (Failed, failed, 3), "a failure that is tried again");
    // Another URL hears of it.
    let trigger = host.trigger("fails", &json!("x")).failure_url(format!("{}/failed", host.services));
    assert_eq!(host.run(trigger).await.2, 1, "a failure that another URL hears of");
    // 400 is tried again later than all of that.
    let run = host.client.trigger(host.trigger("guarded", &json!("x")).retries(1)).await.unwrap();
    host.local.idle().await;
    assert_eq!(host.calls().await, 1, "a request that is refused");
    host.client.cancel(&run.run_id).await.unwrap();

    // The plan beside the one that fails is delivered, or not any more, and so is the answer to its call.
    let trigger = host.trigger("quota", &json!("x"));
    let (state, result, calls) = host.run(trigger).await;
    assert_eq!((state, result), (Success, json!(["RUN_FAILED", "RUN_FAILED"])));
    assert!((15..=17).contains(&calls), "{calls}");

    // A run that is begun without an SDK, and taken over by the one of its endpoint.
    let url = format!("{}/v2/trigger/{}/flows/path", host.local.url(), host.origin);
    let begun = reqwest::Client::new().post(url).bearer_auth(host.local.token()).body("“a”");
    let begun = begun.header("upstash-workflow-unknown-sdk", "true").header("upstash-forward-x-shop", "tea");
    let begun: Value = begun.send().await.unwrap().json().await.unwrap();
    let ended = host.end_of(begun["workflowRunId"].as_str().unwrap()).await;
    assert_eq!(ended, (Success, json!(["processed “a”, twice", true, "tea"]), 5), "without an SDK");
}

#[tokio::test]
async fn workflows_of_the_sdk_are_called_as_often_as_by_the_service() {
    routes(true).await;
}

#[tokio::test]
async fn workflows_of_this_crate_are_called_as_often_as_by_the_service() {
    routes(false).await;
}
