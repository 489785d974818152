use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use axum_upstash::local::{LocalQStash, LocalQStashBuilder};
use serde_json::Value;
use tokio::sync::Semaphore;

pub(crate) const ORIGIN: &str = "https://app.example.com";

/// A request that a destination got.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Delivered {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A destination: it notes what it gets, and answers as it is told.
#[derive(Clone)]
pub(crate) struct Destination {
    delivered: Arc<Mutex<Vec<Delivered>>>,
    answers: Arc<Mutex<VecDeque<(u16, HeaderMap)>>>,
    /// Requests wait for a permit each, if they are held up.
    held: Arc<Mutex<Option<Arc<Semaphore>>>>,
    running: Arc<Mutex<(usize, usize)>>,
}

impl Destination {
    fn new() -> Self {
        Self { delivered: Arc::default(), answers: Arc::default(), held: Arc::default(), running: Arc::default() }
    }

    pub(crate) fn router(&self) -> Router {
        async fn answer(
            State(destination): State<Destination>,
            method: Method,
            uri: Uri,
            headers: HeaderMap,
            body: Bytes,
        ) -> Response {
            let target = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
            destination.delivered.lock().unwrap().push(Delivered { method, target, headers, body });
            {
                let mut running = destination.running.lock().unwrap();
                running.0 += 1;
                running.1 = running.1.max(running.0);
            }
            let held = destination.held.lock().unwrap().clone();
            if let Some(held) = held {
                held.acquire().await.unwrap().forget();
            }
            destination.running.lock().unwrap().0 -= 1;
            let (status, headers) = destination.answers.lock().unwrap().pop_front().unwrap_or((200, HeaderMap::new()));
            (StatusCode::from_u16(status).unwrap(), headers, format!("answer {status}")).into_response()
        }
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// The next answers, before all others are 200.
    pub(crate) fn answers(&self, statuses: impl IntoIterator<Item = u16>) {
        self.answers.lock().unwrap().extend(statuses.into_iter().map(|status| (status, HeaderMap::new())));
    }

    pub(crate) fn answers_with(&self, status: u16, name: &'static str, value: &'static str) {
        let headers = [(HeaderName::from_static(name), HeaderValue::from_static(value))].into_iter().collect();
        self.answers.lock().unwrap().push_back((status, headers));
    }

    /// Lets requests wait until they are released.
    pub(crate) fn hold(&self) -> Arc<Semaphore> {
        let held = Arc::new(Semaphore::new(0));
        *self.held.lock().unwrap() = Some(Arc::clone(&held));
        held
    }

    pub(crate) fn delivered(&self) -> Vec<Delivered> {
        self.delivered.lock().unwrap().clone()
    }

    pub(crate) fn bodies(&self) -> Vec<String> {
        self.delivered().iter().map(|delivered| String::from_utf8(delivered.body.to_vec()).unwrap()).collect()
    }

    /// The most requests that were answered at the same time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.running.lock().unwrap().1
    }
}

/// A server, its destination, and a client.
pub(crate) struct Host {
    pub(crate) local: LocalQStash,
    pub(crate) app: Destination,
    client: reqwest::Client,
}

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name} is no text in {}", self.body))
    }
}

impl Host {
    pub(crate) async fn start() -> Self {
        Self::start_with(|builder| builder).await
    }

    pub(crate) async fn start_with(set: impl FnOnce(LocalQStashBuilder) -> LocalQStashBuilder) -> Self {
        let app = Destination::new();
        let builder = LocalQStash::builder().destination(ORIGIN, app.router());
        let local = set(builder).start().await.unwrap();
        Self { local, app, client: reqwest::Client::new() }
    }

    /// Asks the API.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.ask_as(self.local.token(), method, path, headers, body).await
    }

    pub(crate) async fn ask_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = self
            .client
            .request(method.parse().unwrap(), format!("{}{path}", self.local.url()))
            .bearer_auth(token)
            .body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        Answer { status, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, &[], "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// Publishes to a path of the destination, and gives the id of the message.
    pub(crate) async fn publish(&self, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let answer = self.ask("POST", &format!("/v2/publish/{ORIGIN}{path}"), headers, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.text("messageId").to_owned()
    }

    pub(crate) async fn enqueue(&self, queue: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let answer = self.ask("POST", &format!("/v2/enqueue/{queue}/{ORIGIN}{path}"), headers, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.text("messageId").to_owned()
    }

    /// Waits until nothing is due.
    pub(crate) async fn idle(&self) {
        tokio::time::timeout(Duration::from_secs(20), self.local.idle()).await.expect("something is always due");
    }

    /// Lets time pass, and waits until nothing is due.
    pub(crate) async fn pass(&self, time: Duration) {
        self.local.advance(time);
        self.idle().await;
    }

    /// Waits for that many deliveries.
    pub(crate) async fn delivered(&self, count: usize) {
        eventually(|| self.app.delivered().len() >= count).await;
    }

    /// The states in the log of a message, the oldest first.
    pub(crate) async fn states(&self, id: &str) -> Vec<String> {
        let log = self.get(&format!("/v2/logs?messageId={id}")).await;
        let rows = log["logs"].as_array().unwrap();
        rows.iter().rev().map(|row| row["state"].as_str().unwrap().to_owned()).collect()
    }
}

/// Waits until a condition holds.
pub(crate) async fn eventually(holds: impl Fn() -> bool) {
    let waits = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waits).await.expect("it never came");
}
