use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum_core::body::Body;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, Version,
    header::{CONNECTION, UPGRADE},
};
use tokio::{sync::Semaphore, time::timeout};

use super::{
    answer::{self, Refusal},
    auth::Tokens,
    json,
    reply::Encoding,
    stream,
    target::{self, StreamKind, Target},
};
use crate::local::{
    http::{BodyFault, Gate, Handler, foreign_page, read_body, stays_http},
    redis::{access::Rights, command::Command, execute::Executor, resp::Value},
};

const ENCODING: HeaderName = HeaderName::from_static("upstash-encoding");
const RESPONSE_FORMAT: HeaderName = HeaderName::from_static("upstash-response-format");
const SYNC_TOKEN: HeaderName = HeaderName::from_static("upstash-sync-token");

/// Answers the requests of Redis REST clients.
pub(crate) struct Rest {
    executor: Executor,
    tokens: Tokens,
    config: RestConfig,
    streams: Arc<Semaphore>,
    gate: Gate,
    sync_prefix: u64,
    answered: AtomicU64,
}

/// What requests may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RestConfig {
    /// The size of a request.
    pub(crate) max_request_bytes: usize,
    /// The commands in one request.
    pub(crate) max_pipeline_commands: usize,
    /// Subscriptions and monitors at the same time.
    pub(crate) max_streams: usize,
    /// How long the body of a request may take.
    pub(crate) read_timeout: Duration,
    /// The server is for this machine only, so that requests of web pages are refused.
    pub(crate) loopback: bool,
}

impl Rest {
    pub(crate) fn new(executor: Executor, tokens: Tokens, config: RestConfig) -> Self {
        Self {
            executor,
            tokens,
            config,
            streams: Arc::new(Semaphore::new(config.max_streams)),
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

    /// Ends what has no end of its own: subscriptions and monitors.
    pub(crate) fn drain(&self) {
        self.gate.drain();
    }

    /// Waits until it is answering no request.
    pub(crate) async fn idle(&self) {
        self.gate.emptied().await;
    }

    /// Answers a request for any path: arguments are read from the request target as it was sent.
    async fn respond(&self, request: Request<Body>) -> Response<Body> {
        let version = request.version();
        if request.method() == Method::OPTIONS {
            // It runs nothing, and counts for nothing: clients ask so whether HTTP/2 is spoken.
            return Refusal::Method.into_response();
        }
        let answer = self.gate.pass(self.answer(request)).await;
        let mut response = answer.unwrap_or_else(|| Err(Refusal::stopped())).unwrap_or_else(Refusal::into_response);
        if let Some(token) = self.sync_token() {
            response.headers_mut().insert(SYNC_TOKEN, token);
        }
        if version == Version::HTTP_11 {
            // HTTP/2 is understood on this connection as well, which is told in the way of RFC 9110 7.8.
            response.headers_mut().insert(UPGRADE, HeaderValue::from_static("h2c"));
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        response
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, Refusal> {
        let (head, body) = request.into_parts();
        if !stays_http(&head.headers) {
            return Err(Refusal::page("ERR refused: this server does not change the protocol as Upgrade asks"));
        }
        if self.config.loopback
            && let Some(text) = foreign_page(&head.headers, &head.uri)
        {
            return Err(Refusal::page(text));
        }
        if ![Method::HEAD, Method::GET, Method::POST, Method::PUT].contains(&head.method) {
            return Err(Refusal::Method);
        }
        let rights = self.tokens.rights(&head.headers, &head.uri).ok_or_else(Refusal::unauthorized)?;
        let encoding = encoding(&head.headers)?;
        let target = Target::of(&head.uri);
        if let Target::Stream(kind, names) = target {
            return self.stream(kind, names, rights).await;
        }
        let body = timeout(self.config.read_timeout, read_bounded(body, self.config.max_request_bytes))
            .await
            .map_err(|_| Refusal::too_slow())??;
        let commands = |body: &Bytes| json::commands(body, self.config.max_pipeline_commands);
        match target {
            Target::Body => self.single(json::command(&body)?, rights, encoding).await,
            Target::Path(words) => {
                let command = path_command(words, body, &head.uri);
                self.single(command, rights, encoding).await
            }
            Target::Pipeline => {
                let replies = self.executor.pipeline(commands(&body)?, rights).await?;
                Ok(answer::several(replies, encoding))
            }
            Target::MultiExec if encoding == Encoding::Resp2 => {
                Err(Refusal::request("ERR Upstash-Response-Format: resp2 is not supported for transactions"))
            }
            Target::MultiExec => match self.executor.transaction(commands(&body)?, rights).await? {
                Value::Array(replies) => Ok(answer::several(replies, encoding)),
                discarded => Ok(answer::single(&discarded, encoding)),
            },
            Target::Stream(..) | Target::Unknown => Err(Refusal::request("ERR there is no such endpoint")),
        }
    }

    async fn single(&self, command: Command, rights: Rights, encoding: Encoding) -> Result<Response<Body>, Refusal> {
        let reply = self.executor.single(command, rights).await?;
        Ok(answer::single(&reply, encoding))
    }

    async fn stream(&self, kind: StreamKind, names: Vec<Bytes>, rights: Rights) -> Result<Response<Body>, Refusal> {
        if kind == StreamKind::Monitor && rights == Rights::ReadOnly {
            return Err(Refusal::request("NOPERM this user has no permissions to run the 'monitor' command"));
        }
        if kind != StreamKind::Monitor && names.is_empty() {
            let name = kind.command().to_ascii_lowercase();
            return Err(Refusal::request(format!("ERR wrong number of arguments for '{name}' command")));
        }
        let permit = Arc::clone(&self.streams)
            .try_acquire_owned()
            .map_err(|_| Refusal::request("ERR max concurrent connections exceeded"))?;
        stream::open(&self.executor, kind, names, self.gate.guest(), permit).await
    }

    /// A token that no other response has.
    fn sync_token(&self) -> Option<HeaderValue> {
        let number = self.answered.fetch_add(1, Ordering::Relaxed);
        HeaderValue::try_from(format!("{:016x}-{number}", self.sync_prefix)).ok()
    }
}

impl Handler for Rest {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        self.respond(request).await
    }
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let is =
        |name: HeaderName, wanted: &[u8]| headers.get(name).map(|value| value.as_bytes().eq_ignore_ascii_case(wanted));
    let base64 = is(ENCODING, b"base64") == Some(true);
    match (is(RESPONSE_FORMAT, b"resp2"), is(RESPONSE_FORMAT, b"json")) {
        (Some(true), _) if base64 => Err(Refusal::request(
            "ERR Upstash-Encoding: base64 does not go together with Upstash-Response-Format: resp2",
        )),
        (Some(true), _) => Ok(Encoding::Resp2),
        (_, Some(false)) => Err(Refusal::request("ERR Upstash-Response-Format must be json or resp2")),
        _ => Ok(if base64 { Encoding::Base64 } else { Encoding::Plain }),
    }
}

fn path_command(mut words: Vec<Bytes>, body: Bytes, uri: &Uri) -> Command {
    if !body.is_empty() {
        words.push(body);
    }
    words.extend(target::query_arguments(uri));
    Command::new(words)
}

/// Reads a body of at most `limit` bytes.
async fn read_bounded(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    read_body(body, limit).await.map_err(|fault| match fault {
        BodyFault::Broken => Refusal::request("ERR failed to read the request"),
        BodyFault::TooLarge(actual) => {
            Refusal::request(format!("ERR max request size exceeded. Limit: {limit} bytes, Actual: {actual} bytes"))
        }
    })
}
