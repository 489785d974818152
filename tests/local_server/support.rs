//! A server with a client for it.

use std::time::Duration;

use axum_upstash::local::{LocalRedis, LocalRedisConfig};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, sleep};

pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    pub(crate) upstash: LocalRedis,
    http: Client,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(LocalRedisConfig::default()).await
    }

    pub(crate) async fn start_with(config: LocalRedisConfig) -> Self {
        Self {
            upstash: LocalRedis::start_with(config).await.unwrap(),
            http: Client::builder().no_proxy().build().unwrap(),
        }
    }

    pub(crate) fn request(&self, method: Method, target: &str) -> RequestBuilder {
        self.anonymous(method, target).bearer_auth(self.upstash.token())
    }

    pub(crate) fn anonymous(&self, method: Method, target: &str) -> RequestBuilder {
        let url = format!("{}{target}", self.upstash.url());
        self.http.request(method, url).timeout(DEADLINE)
    }

    pub(crate) async fn post(&self, target: &str, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
        read(self.request(Method::POST, target).body(body)).await
    }

    pub(crate) async fn base64(&self, target: &str, body: &Value) -> Value {
        let request = self.request(Method::POST, target).json(body);
        let (status, answer) = read(request.header("Upstash-Encoding", "base64")).await;
        assert_eq!(status, 200);
        answer
    }

    pub(crate) async fn run(&self, command: Value) -> (StatusCode, Value) {
        self.post("/", command.to_string()).await
    }

    pub(crate) async fn result(&self, command: Value) -> Value {
        let (status, answer) = self.run(command.clone()).await;
        assert_eq!(status, 200, "{command} gave {answer}");
        answer["result"].clone()
    }

    pub(crate) async fn error(&self, command: Value) -> String {
        let (status, answer) = self.run(command.clone()).await;
        assert_eq!(status, 400, "{command} gave {answer}");
        answer["error"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn pipeline(&self, commands: Value) -> Value {
        let (status, answer) = self.post("/pipeline", commands.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

pub(crate) async fn read(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    (response.status(), response.json().await.unwrap())
}

pub(crate) fn sync_token(response: &Response) -> String {
    let token = &response.headers()["upstash-sync-token"];
    token.to_str().unwrap().to_owned()
}

pub(crate) async fn eventually<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let deadline = Instant::now() + DEADLINE;
    while !condition().await {
        assert!(Instant::now() < deadline, "the condition never came true");
        sleep(Duration::from_millis(5)).await;
    }
}
