//! A server that records what arrives and gives the answers of a test.
#![allow(clippy::needless_pass_by_value, reason = "text, numbers and JSON alike")]

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use axum_upstash::{client::RetryPolicy, qstash::QStashClient};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::net::TcpListener;

#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    /// Method and target, such as `GET /v2/queues`.
    pub(crate) line: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Arrived {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?.to_str().unwrap();
        assert!(values.next().is_none(), "{name} arrived twice");
        Some(first)
    }

    /// The headers that begin with `Upstash-`, but for the telemetry, sorted.
    pub(crate) fn options(&self) -> Vec<(&str, &str)> {
        let is_option = |name: &str| name.starts_with("upstash-") && !name.starts_with("upstash-telemetry-");
        let all = self.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let mut options: Vec<_> = all.filter(|(name, _)| is_option(name)).collect();
        options.sort_unstable();
        options
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Clone)]
pub(crate) struct Answer {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: String,
}

pub(crate) fn answer(status: u16, body: impl ToString) -> Answer {
    Answer { status: StatusCode::from_u16(status).unwrap(), headers: Vec::new(), body: body.to_string() }
}

impl Answer {
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

#[derive(Clone)]
struct Shared {
    arrived: Arc<Mutex<Vec<Arrived>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

pub(crate) struct Server {
    pub(crate) url: String,
    shared: Shared,
}

impl Server {
    /// Gives these answers one after the other, and goes on with the last.
    pub(crate) async fn giving(answers: impl IntoIterator<Item = Answer>) -> Self {
        async fn record(State(shared): State<Shared>, request: Request) -> Response {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let line = format!("{} {}", head.method, head.uri);
            shared.arrived.lock().unwrap().push(Arrived { line, headers: head.headers, body });
            let mut answers = shared.answers.lock().unwrap();
            let answer = if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() };
            let mut response = (answer.status, answer.body).into_response();
            for (name, value) in answer.headers {
                response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::try_from(value).unwrap());
            }
            response
        }
        let shared = Shared { arrived: Arc::default(), answers: Arc::new(Mutex::new(answers.into_iter().collect())) };
        let app = Router::new().fallback(record).with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, shared }
    }

    pub(crate) async fn answering(status: u16, body: impl ToString) -> Self {
        Self::giving([answer(status, body)]).await
    }

    /// Takes every message.
    pub(crate) async fn accepting() -> Self {
        Self::answering(200, r#"{"messageId":"msg_1","url":"https://example.com/"}"#).await
    }

    pub(crate) fn client(&self) -> QStashClient {
        client(&self.url)
    }

    pub(crate) fn all(&self) -> Vec<Arrived> {
        self.shared.arrived.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.shared.arrived.lock().unwrap().len()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.all().into_iter().map(|arrived| arrived.line).collect()
    }

    pub(crate) fn only(&self) -> Arrived {
        let arrived = self.all();
        assert_eq!(arrived.len(), 1);
        arrived[0].clone()
    }
}

/// Tries three times, without waiting.
pub(crate) fn client(url: &str) -> QStashClient {
    let retry = RetryPolicy::default().with_max_retries(2).with_backoff(Duration::ZERO, Duration::ZERO);
    QStashClient::builder("the-token").url(url).retry(retry).build().unwrap()
}

/// So many milliseconds after the Unix epoch.
pub(crate) fn at(ms: u64) -> Option<std::time::SystemTime> {
    Some(std::time::SystemTime::UNIX_EPOCH + Duration::from_millis(ms))
}
