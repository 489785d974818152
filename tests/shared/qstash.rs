//! A QStash that takes every message, a while after it has come.

use axum::{Json, Router, http::HeaderMap, routing::post};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::net::TcpListener;

pub const TOKEN: &str = "qstash-token";

#[derive(Clone, Default)]
pub struct QStash {
    pub messages: Arc<AtomicU64>,
}

impl QStash {
    /// Its URL. It lives as long as the test's runtime.
    pub async fn start(&self, delay: Duration) -> String {
        let messages = Arc::clone(&self.messages);
        let publish = move |headers: HeaderMap, body: String| async move {
            assert_eq!(headers["authorization"], format!("Bearer {TOKEN}"));
            assert_eq!(body, r#"{"order":7}"#);
            tokio::time::sleep(delay).await;
            let number = messages.fetch_add(1, Ordering::SeqCst) + 1;
            Json::<Value>(json!({ "messageId": format!("msg_{number}") }))
        };
        let app = Router::new().route("/v2/publish/{*url}", post(publish));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, app).await });
        url
    }
}
