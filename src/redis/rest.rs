//! Commands over REST.

use super::{
    Cmd, Reply, RequestEvent, RequestKind,
    bound::Bound,
    commands::table,
    encode::{self, Encoded},
    error::from_text,
    network::{Network, Path},
    observe::Observer,
    reply::Item,
    resp2,
    sync_token::{SYNC_TOKEN, SyncToken},
};
use crate::{
    Error, ErrorKind,
    client::{Repeat, RestClient, RestRequest, RestResponse, TransportBody},
    rt::{Deadline, Stopwatch},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE},
};
use std::time::Duration;

const ENCODING: HeaderName = HeaderName::from_static("upstash-encoding");
const FORMAT: HeaderName = HeaderName::from_static("upstash-response-format");

/// The format of replies over REST.
///
/// ```
/// use axum_upstash::redis::{Redis, ResponseFormat};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let redis = Redis::builder("https://eu1-example.upstash.io", "token").response_format(ResponseFormat::Resp2).build()?;
/// # drop(redis);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ResponseFormat {
    /// JSON with strings in base64. Every server of the protocol has it.
    #[default]
    Json,
    /// RESP2 as Redis itself writes it: a third smaller for strings, and errors inside lists can be seen.
    /// Transactions are answered in JSON all the same
    /// ([REST API](https://upstash.com/docs/redis/features/restapi)).
    Resp2,
}

/// The REST end point of a database.
pub(super) struct Rest {
    client: RestClient,
    format: ResponseFormat,
    sync: Option<SyncToken>,
    heartbeat: Option<Duration>,
    observer: Observer,
    network: Network,
    bound: Bound,
}

/// Settings of the REST end point that are not the HTTP client's.
#[derive(Debug, Clone)]
pub(super) struct RestSettings {
    pub(super) format: ResponseFormat,
    pub(super) read_your_writes: bool,
    pub(super) max_connections: usize,
    pub(super) heartbeat: Option<Duration>,
    pub(super) observer: Observer,
}

impl Default for RestSettings {
    fn default() -> Self {
        Self {
            format: ResponseFormat::default(),
            read_your_writes: true,
            max_connections: 64,
            heartbeat: None,
            observer: Observer::default(),
        }
    }
}

/// Connections of HTTP/1.1 that automatic pipelining uses. It puts commands together rather than use more.
const PIPELINE_CONNECTIONS: usize = 4;

/// What a request is: how it counts, and whether it may be sent twice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purpose {
    pub(super) kind: RequestKind,
    pub(super) commands: usize,
    pub(super) repeat: Repeat,
    pub(super) deadline: Deadline,
}

impl Rest {
    pub(super) fn new(client: RestClient, settings: RestSettings) -> Self {
        let RestSettings { format, read_your_writes, max_connections, heartbeat, observer } = settings;
        let network = Network::new(max_connections.min(PIPELINE_CONNECTIONS));
        let sync = read_your_writes.then(SyncToken::default);
        Self { client, format, sync, heartbeat, observer, network, bound: Bound::new(max_connections) }
    }

    /// The measurements of the way to the server.
    pub(super) fn path(&self) -> Path {
        self.network.path()
    }

    /// The time without a byte after which a stream is taken for lost, if it was set.
    pub(super) fn heartbeat(&self) -> Option<Duration> {
        self.heartbeat
    }

    /// The deadline of a call that has none of its own.
    pub(super) fn timeout(&self) -> Duration {
        self.client.timeout()
    }

    pub(super) fn deadline(&self, timeout: Option<Duration>) -> Deadline {
        self.client.deadline(timeout)
    }

    /// The wait before something that failed so is sent once more.
    pub(super) fn wait_after(&self, error: &Error) -> Option<Duration> {
        self.client.wait_after(error)
    }

    /// One command as a request of its own, when there is room for it.
    pub(super) async fn queued(&self, encoded: Encoded, repeat: Repeat, deadline: Deadline) -> Result<Reply, Error> {
        self.bound.run(self.path(), deadline, self.single(encoded, repeat, deadline)).await?
    }

    /// One command. Its error does not name it yet.
    pub(super) async fn single(&self, encoded: Encoded, repeat: Repeat, deadline: Deadline) -> Result<Reply, Error> {
        let purpose = Purpose { kind: RequestKind::Single, commands: 1, repeat, deadline };
        let response = self.send(encoded, purpose).await?;
        if is_resp2(&response) {
            let mut items = resp2::replies(&response.body).map_err(|error| self.garbled(&response, error))?;
            return match (items.pop(), items.is_empty()) {
                (Some(Item::Result(reply)), true) if response.status.is_success() => Ok(reply),
                (Some(Item::Error(text)), true) => Err(self.refused(&response, &text)),
                _ => Err(self.unreadable(&response, None)),
            };
        }
        match serde_json::from_slice(&response.body) {
            Ok(Item::Result(reply)) if response.status.is_success() => Ok(reply),
            Ok(Item::Error(text)) => Err(self.refused(&response, &text)),
            outcome => Err(self.unreadable(&response, outcome.err())),
        }
    }

    /// A pipeline or transaction; the outer error is the whole request's, the inner ones each command's.
    pub(super) async fn several(
        &self,
        cmds: &[Cmd],
        atomic: bool,
        deadline: Deadline,
    ) -> Result<Vec<Result<Reply, Error>>, Error> {
        let (path, kind) =
            if atomic { ("/multi-exec", RequestKind::Transaction) } else { ("/pipeline", RequestKind::Pipeline) };
        let repeat = table::repeat_all(cmds);
        let encoded = Encoded { path: path.into(), body: encode::many(cmds)?, is_json: true };
        let purpose = Purpose { kind, commands: cmds.len(), repeat, deadline };
        self.bound.run(self.path(), deadline, self.items(encoded, purpose)).await?
    }

    /// Sends a body of several commands, and reads one item for each.
    pub(super) async fn items(&self, encoded: Encoded, purpose: Purpose) -> Result<Vec<Result<Reply, Error>>, Error> {
        let response = self.send(encoded, purpose).await?;
        if !response.status.is_success() {
            return Err(match serde_json::from_slice(&response.body) {
                Ok(Item::Error(text)) => self.refused(&response, &text),
                outcome => self.unreadable(&response, outcome.err()),
            });
        }
        let items: Vec<Item> = if is_resp2(&response) {
            resp2::replies(&response.body).map_err(|error| self.garbled(&response, error))?
        } else {
            serde_json::from_slice(&response.body).map_err(|error| self.unreadable(&response, Some(error)))?
        };
        if items.len() != purpose.commands {
            return Err(Error::new(ErrorKind::Decode, "the answer has not one item for each command"));
        }
        Ok(items
            .into_iter()
            .map(|item| match item {
                Item::Result(reply) => Ok(reply),
                Item::Error(text) => Err(self.client.explained(from_text(&text, None))),
            })
            .collect())
    }

    /// Opens a stream of events.
    pub(super) async fn stream(&self, path: String) -> Result<TransportBody, Error> {
        let mut headers = HeaderMap::with_capacity(2);
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let request = RestRequest {
            method: Method::POST,
            path: path.into(),
            headers,
            body: bytes::Bytes::new(),
            repeat: Repeat::IfNotSent,
            deadline: None,
        };
        let (watch, deadline) = (Stopwatch::start(), self.client.deadline(None));
        let outcome = match self.client.open(request).await {
            Ok(stream) if stream.status.is_success() => Ok(stream.body),
            Ok(refusal) => match refusal.into_response(deadline).await {
                Ok(response) => Err(match serde_json::from_slice(&response.body) {
                    Ok(Item::Error(text)) => self.refused(&response, &text),
                    outcome => self.unreadable(&response, outcome.err()),
                }),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        self.observer.tell(|| RequestEvent {
            kind: RequestKind::Stream,
            commands: 1,
            attempts: 1,
            elapsed: watch.elapsed(),
            error: outcome.as_ref().err().map(Error::kind),
        });
        outcome
    }

    async fn send(&self, encoded: Encoded, purpose: Purpose) -> Result<RestResponse, Error> {
        let mut headers = HeaderMap::with_capacity(4);
        match self.format {
            // It is not known for transactions, and the two headers together are refused.
            ResponseFormat::Resp2 if purpose.kind != RequestKind::Transaction => {
                headers.insert(FORMAT, HeaderValue::from_static("resp2"))
            }
            _ => headers.insert(ENCODING, HeaderValue::from_static("base64")),
        };
        let content_type = if encoded.is_json { "application/json" } else { "application/octet-stream" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let order = self.sync.as_ref().map(|sync| {
            let (order, token) = sync.begin();
            headers.insert(SYNC_TOKEN, token.unwrap_or_else(|| HeaderValue::from_static("")));
            order
        });
        let Purpose { kind, commands, repeat, deadline } = purpose;
        let (path, body, deadline) = (encoded.path, encoded.body, Some(deadline));
        let request = RestRequest { method: Method::POST, path, headers, body, repeat, deadline };
        let (watch, mut attempts) = (Stopwatch::start(), 0);
        let outcome = self.client.send_counted(request, &mut attempts).await;
        if let (Ok(response), 1) = (&outcome, attempts) {
            self.network.measured(watch.elapsed(), response.version);
        }
        self.observer.tell(|| {
            let error = match &outcome {
                Ok(response) if response.status.is_success() => None,
                Ok(response) => Some(from_text("", Some(response.status)).kind()),
                Err(error) => Some(error.kind()),
            };
            RequestEvent { kind, commands, attempts, elapsed: watch.elapsed(), error }
        });
        let response = outcome?;
        if let (Some(sync), Some(order), true) = (&self.sync, order, response.status.is_success()) {
            sync.finish(order, &response.headers);
        }
        Ok(response)
    }

    fn garbled(&self, response: &RestResponse, error: resp2::Malformed) -> Error {
        self.unreadable(response, None).with_source(error)
    }

    /// An answer that says why not.
    fn refused(&self, response: &RestResponse, text: &str) -> Error {
        let error = from_text(text, Some(response.status)).with_retry_after(response.retry_after());
        self.client.explained(error)
    }

    /// An answer that is not of the REST protocol: a gateway's page, a broken proxy.
    fn unreadable(&self, response: &RestResponse, source: Option<serde_json::Error>) -> Error {
        let error = if response.status.is_success() {
            Error::new(ErrorKind::Decode, "the answer is not of the Upstash REST protocol")
        } else {
            self.refused(response, "the service answered with an error and no reason")
        };
        let error = error.with_status(response.status);
        // serde's own text repeats what it read.
        match source {
            Some(source) => error.with_source(format!("{:?} at byte {}", source.classify(), source.column())),
            None => error,
        }
    }
}

/// Errors of the request, and those of gateways, are JSON whatever was asked for.
fn is_resp2(response: &RestResponse) -> bool {
    response.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/octet-stream"))
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.client.fmt(f)
    }
}
