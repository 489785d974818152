//! The local Vector over HTTP, as any client sees it.
#![cfg(feature = "local")]

mod bad_input;
mod embeddings;
mod indexes;
mod protocol;
mod server;

use axum_upstash::local::LocalVector;
use http::{Method, StatusCode};
use serde_json::Value;

/// A server, and requests to it.
struct Host {
    local: LocalVector,
    http: reqwest::Client,
}

impl Host {
    async fn start() -> Self {
        Self::of(LocalVector::start().await.unwrap())
    }

    fn of(local: LocalVector) -> Self {
        Self { local, http: reqwest::Client::new() }
    }

    async fn send(&self, method: Method, path: &str, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
        let request = self.http.request(method, format!("{}{path}", self.local.url()));
        let answer = request.bearer_auth(self.local.token()).body(body).send().await.unwrap();
        let status = answer.status();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null))
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
        self.send(Method::POST, path, body).await
    }

    /// The result of a request that succeeds.
    async fn result(&self, path: &str, body: impl Into<reqwest::Body>) -> Value {
        let (status, mut answer) = self.post(path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        assert!(answer.get("error").is_none());
        answer["result"].take()
    }

    /// The status and the text of a request that is refused.
    async fn refusal(&self, path: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
        let (status, answer) = self.post(path, body).await;
        assert!(!status.is_success(), "{path}: {answer}");
        assert_eq!(answer["status"], status.as_u16(), "{answer}");
        (status.as_u16(), answer["error"].as_str().unwrap().to_owned())
    }
}
