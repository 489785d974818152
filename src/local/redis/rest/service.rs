use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, Uri};

use super::{
    answer::{self, Refusal},
    auth, body, browser,
    gate::Gate,
    json,
    reply::Encoding,
    target::{self, Target},
};
use crate::local::{
    redis::{command::Command, execute::Executor, resp::Value},
    secret::Secret,
};

const ENCODING: HeaderName = HeaderName::from_static("upstash-encoding");
const RESPONSE_FORMAT: HeaderName = HeaderName::from_static("upstash-response-format");
const SYNC_TOKEN: HeaderName = HeaderName::from_static("upstash-sync-token");

/// Answers the requests of Redis REST clients.
pub(crate) struct Rest {
    executor: Executor,
    token: Secret,
    max_request_bytes: usize,
    loopback: bool,
    gate: Gate,
    sync_prefix: u64,
    answered: AtomicU64,
}

impl Rest {
    /// `loopback` says that the server is for this machine only, so that requests of web pages are refused.
    pub(crate) fn new(executor: Executor, token: Secret, max_request_bytes: usize, loopback: bool) -> Self {
        Self {
            executor,
            token,
            max_request_bytes,
            loopback,
            gate: Gate::new(),
            // Tokens only have to differ from those of the server before.
            sync_prefix: getrandom::u64().unwrap_or_default(),
            answered: AtomicU64::new(0),
        }
    }

    /// How many requests were answered.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Gives up the requests that it is answering. They and all later ones are answered by HTTP 503.
    pub(crate) fn close(&self) {
        self.gate.close();
    }

    /// Waits until it is answering no request.
    pub(crate) async fn idle(&self) {
        self.gate.emptied().await;
    }

    /// One handler for all paths: arguments are read from the request target as it was sent.
    pub(crate) fn into_router(self: Arc<Self>) -> Router {
        Router::new().fallback(handle).with_state(self)
    }

    async fn answer(&self, request: Request) -> Result<Response<Body>, Refusal> {
        let (head, body) = request.into_parts();
        if self.loopback
            && let Some(text) = browser::foreign_page(&head.headers, &head.uri)
        {
            return Err(Refusal::page(text));
        }
        if ![Method::HEAD, Method::GET, Method::POST, Method::PUT].contains(&head.method) {
            return Err(Refusal::Method);
        }
        if !auth::is_authorized(&head.headers, &head.uri, &self.token) {
            return Err(Refusal::unauthorized());
        }
        let encoding = encoding(&head.headers)?;
        let target = Target::of(&head.uri);
        if let Target::Stream(name) = target {
            return Err(Refusal::request(format!("ERR the endpoint /{name} is not supported by this server yet")));
        }
        let body = body::read(body, self.max_request_bytes).await?;
        match target {
            Target::Body => self.single(json::command(&body)?, encoding).await,
            Target::Path(words) => {
                let command = path_command(words, body, &head.uri);
                self.single(command, encoding).await
            }
            Target::Pipeline => {
                let replies = self.executor.pipeline(json::commands(&body)?).await?;
                Ok(answer::several(&replies, encoding))
            }
            Target::MultiExec => match self.executor.transaction(json::commands(&body)?).await? {
                Value::Array(replies) => Ok(answer::several(&replies, encoding)),
                discarded => Ok(answer::single(&discarded, encoding)),
            },
            Target::Stream(_) | Target::Unknown => Err(Refusal::request("ERR there is no such endpoint")),
        }
    }

    async fn single(&self, command: Command, encoding: Encoding) -> Result<Response<Body>, Refusal> {
        let reply = self.executor.single(command).await?;
        Ok(answer::single(&reply, encoding))
    }

    /// A token that no other response has.
    fn sync_token(&self) -> Option<HeaderValue> {
        let number = self.answered.fetch_add(1, Ordering::Relaxed);
        HeaderValue::try_from(format!("{:016x}-{number}", self.sync_prefix)).ok()
    }
}

async fn handle(State(rest): State<Arc<Rest>>, request: Request) -> Response<Body> {
    let mut response = match rest.gate.pass(rest.answer(request)).await.unwrap_or_else(|| Err(Refusal::stopped())) {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    if let Some(token) = rest.sync_token() {
        response.headers_mut().insert(SYNC_TOKEN, token);
    }
    response
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let format = headers.get(RESPONSE_FORMAT);
    if format.is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"json")) {
        return Err(Refusal::request(
            "ERR Upstash-Response-Format must be json, the only one that this server supports",
        ));
    }
    match headers.get(ENCODING) {
        Some(value) if value.as_bytes().eq_ignore_ascii_case(b"base64") => Ok(Encoding::Base64),
        _ => Ok(Encoding::Plain),
    }
}

fn path_command(mut words: Vec<Bytes>, body: Bytes, uri: &Uri) -> Command {
    if !body.is_empty() {
        words.push(body);
    }
    words.extend(target::query_arguments(uri));
    Command::new(words)
}
