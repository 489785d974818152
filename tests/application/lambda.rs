//! `examples/lambda.rs`, driven as Lambda does: one event after the other, and frozen in between.

use crate::{
    app::{self, ROUTES, Route},
    programs::example,
    proxy::Proxy,
    qstash::QStash,
};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, StatusCode},
    routing::{get, post},
};
use axum_upstash::{
    Upstash,
    local::LocalRedis,
    ratelimit::{Analytics, ConcurrencyLimiter, SlidingWindow},
};
use serde_json::{Value, json};
use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    time::timeout,
};

const DEADLINE: Duration = Duration::from_secs(20);
const MINUTE: Duration = Duration::from_secs(60);

/// The Runtime API, with one function.
struct Lambda {
    events: mpsc::UnboundedSender<String>,
    answers: mpsc::UnboundedReceiver<(String, Value)>,
    function: Child,
}

#[derive(Clone)]
struct Runtime {
    events: Arc<Mutex<mpsc::UnboundedReceiver<String>>>,
    answers: mpsc::UnboundedSender<(String, Value)>,
}

impl Lambda {
    async fn start(variables: Vec<(&'static str, String)>) -> Self {
        let (events, taken) = mpsc::unbounded_channel();
        let (answer, answers) = mpsc::unbounded_channel();
        let runtime = Runtime { events: Arc::new(Mutex::new(taken)), answers: answer };
        let api = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(answered))
            .with_state(runtime);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async { axum::serve(listener, api).await });
        let program = tokio::task::spawn_blocking(|| example("lambda")).await.unwrap();
        let mut function = Command::new(program);
        function.env_clear().envs(variables).env("AWS_LAMBDA_RUNTIME_API", address);
        function.envs([
            ("AWS_LAMBDA_FUNCTION_NAME", "app"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ]);
        let function = function.stdin(Stdio::null()).spawn().unwrap();
        Self { events, answers, function }
    }

    /// Sends an event, and freezes the process as soon as it has answered.
    async fn invoke(&mut self, route: &Route) -> (u64, String) {
        self.signal("CONT");
        self.events.send(event(route)).unwrap();
        let answer = timeout(DEADLINE, self.answers.recv()).await;
        self.signal("STOP");
        let (kind, answer) = answer.unwrap_or_else(|_| panic!("{} hangs", route.path)).unwrap();
        assert_eq!(kind, "response", "{answer}");
        (answer["statusCode"].as_u64().unwrap(), answer["body"].as_str().unwrap().to_owned())
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.function.id().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        let _ = self.function.kill();
        let _ = self.function.wait();
    }
}

async fn next(State(runtime): State<Runtime>) -> ([(HeaderName, String); 3], String) {
    let event = runtime.events.lock().await.recv().await.unwrap_or_default();
    let deadline = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + DEADLINE;
    let header = |name| HeaderName::from_static(name);
    let headers = [
        (header("lambda-runtime-aws-request-id"), "id".to_owned()),
        (header("lambda-runtime-deadline-ms"), deadline.as_millis().to_string()),
        (header("lambda-runtime-invoked-function-arn"), "arn:aws:lambda:eu-west-1:1:function:app".to_owned()),
    ];
    (headers, event)
}

async fn answered(
    State(runtime): State<Runtime>,
    Path((_, kind)): Path<(String, String)>,
    _: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let _ = runtime.answers.send((kind, serde_json::from_slice(&body).unwrap()));
    StatusCode::ACCEPTED
}

/// An event of an HTTP API, format 2.0.
fn event(route: &Route) -> String {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": route.path,
        "rawQueryString": "",
        "headers": {
            "host": "app.example.com",
            "x-forwarded-for": "198.51.100.9, 203.0.113.7",
            "content-type": route.content_type(),
            "upstash-signature": route.signature(),
        },
        "requestContext": {
            "accountId": "1",
            "apiId": "a",
            "domainName": "app.example.com",
            "domainPrefix": "app",
            "http": {
                "method": route.method,
                "path": route.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "test",
            },
            "requestId": "r",
            "routeKey": "$default",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1_767_225_600_000_u64,
        },
        "body": route.body,
        "isBase64Encoded": false,
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_answered_and_its_work_is_done_by_then() {
    let local = LocalRedis::start().await.unwrap();
    let upstash = Upstash::builder().redis(local.url(), local.token()).build().unwrap();
    let proxy = Proxy::start(local.address().port()).await;
    proxy.delay(Duration::from_millis(50));
    let qstash = QStash::default().start(Duration::from_millis(10)).await;
    let mut lambda = Lambda::start(app::environment(proxy.port(), &local, qstash)).await;

    let limiter = upstash.ratelimit(SlidingWindow::new(1_000, MINUTE)).with_prefix("analyzed");
    let limiter = limiter.with_analytics(Analytics::new(upstash.redis()));
    let exports = ConcurrencyLimiter::new(upstash.redis(), 1);
    for events in 1..=2 {
        for route in ROUTES {
            let (status, text) = lambda.invoke(route).await;
            assert!(status == 200 && text.contains(route.says), "{}: {status} {text}", route.path);
            match route.path {
                "/analyzed" => assert_eq!(limiter.usage(MINUTE).await.unwrap()["all"].success, events),
                "/export" => assert!(exports.acquire("all").await.unwrap().is_some(), "the permit was given back"),
                _ => {}
            }
        }
    }
}
