use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum_core::{body::Body, response::IntoResponse};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri};
use http_body::{Frame, SizeHint};
use serde::Deserialize;

use super::{
    answer::Reply,
    broker::{Broker, Consumed, Delivered},
    log::Header,
    refusal::Refusal,
    request::{
        self, InstanceSettings, MAX_MESSAGES, MAX_PARTITIONS, NewMessage, Route, TopicPartition, TopicPartitionOffset,
        null_as_default, one_or_many, parameter,
    },
    settings::{Credential, LocalKafkaRights},
};
use crate::local::http::{Front, Handler, basic};

/// The bytes of a request.
const MAX_REQUEST: usize = 16 * 1024 * 1024;

/// Answers the requests of Kafka clients.
pub(super) struct Service {
    pub(super) broker: Broker,
    pub(super) credentials: Vec<Credential>,
    pub(super) front: Front,
}

/// A request for messages of partitions.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FetchBody {
    topic: Option<String>,
    partition: Option<u32>,
    offset: Option<i64>,
    #[serde(deserialize_with = "null_as_default")]
    topic_partition_offsets: Vec<TopicPartitionOffset>,
    timeout: Option<u64>,
}

/// A request for the next messages.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConsumeBody {
    topic: Option<String>,
    #[serde(deserialize_with = "null_as_default")]
    topics: Vec<String>,
    timeout: Option<u64>,
}

/// The answer to a request.
enum Answer {
    Reply(Reply),
    /// Messages that are taken back if they do not reach their client.
    Delivery {
        group: String,
        instance: String,
        consumed: Consumed,
    },
}

impl Service {
    async fn answer(&self, request: Request<Body>) -> Result<Answer, Refusal> {
        let (head, body) = request.into_parts();
        self.front.check(&head)?;
        let route = Route::of(head.uri.path())?;
        let rights = self.rights(&route, &head.headers, &head.uri);
        let rights = rights.ok_or_else(|| Refusal::new(401, "Unauthorized: wrong user or password"))?;
        let is_produce = matches!(route, Route::Produce { .. } | Route::Webhook);
        let is_shared = matches!(route, Route::Topics | Route::Offsets { .. });
        let is_allowed = match rights {
            LocalKafkaRights::Full => true,
            LocalKafkaRights::ProduceOnly => is_produce || is_shared,
            LocalKafkaRights::ConsumeOnly => !is_produce,
        };
        if !is_allowed {
            return Err(Refusal::forbidden("the user may not do this"));
        }
        if !route.takes(&head.method) {
            return Err(Refusal::method(&head.method));
        }
        let too_large = || format!("a request has at most {MAX_REQUEST} bytes");
        let body = self.front.read(body, MAX_REQUEST, too_large).await?;
        let query = head.uri.query();
        if let Route::Consume { group, instance, topic } = route {
            let ConsumeBody { topic: other, topics, timeout } = request::object(&body, "what to consume")?;
            let topics: BTreeSet<String> = topics.into_iter().chain(other).chain(topic).collect();
            let wait = request::wait(request::timeout(query)?.or(timeout));
            let settings = InstanceSettings::of(&head.headers)?;
            let mut guest = self.front.guest();
            let consumed = tokio::select! {
                biased;
                consumed = self.broker.consume(&group, &instance, topics, settings, wait) => consumed?,
                // The server stops.
                () = guest.leave() => return Ok(Answer::Reply(Reply::nothing())),
            };
            return Ok(Answer::Delivery { group, instance, consumed });
        }
        self.other(route, &head.headers, query, &body).await.map(Answer::Reply)
    }

    async fn other(
        &self,
        route: Route,
        headers: &HeaderMap,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Reply, Refusal> {
        let partitions = || one_or_many::<TopicPartition>(body, MAX_PARTITIONS, "a topic and a partition");
        match route {
            Route::Produce { topic: Some(topic), message: Some(value) } => {
                let key = parameter(query, "key");
                let message = NewMessage { topic, partition: None, timestamp: None, key, value, headers: Vec::new() };
                let stored = self.broker.produce(vec![message])?;
                Ok(stored.first().map_or_else(Reply::success, Reply::of))
            }
            Route::Produce { topic, .. } => {
                let mut messages: Vec<NewMessage> = one_or_many(body, MAX_MESSAGES, "a message with a value")?;
                if let Some(topic) = topic {
                    messages.iter_mut().for_each(|message| message.topic.clone_from(&topic));
                }
                Ok(Reply::of(&self.broker.produce(messages)?))
            }
            Route::Webhook => {
                let topic = parameter(query, "topic").ok_or_else(|| Refusal::invalid("topic is missing"))?;
                let value = std::str::from_utf8(body).map_err(|_| Refusal::invalid("the body is not UTF-8"))?;
                let (value, headers) = (value.to_owned(), own_headers(headers));
                let message = NewMessage { topic, partition: None, timestamp: None, key: None, value, headers };
                Ok(Reply::of(&self.broker.produce(vec![message])?))
            }
            Route::Fetch => {
                let fetch: FetchBody = request::object(body, "what to fetch")?;
                let mut from = fetch.topic_partition_offsets;
                match (fetch.topic, fetch.partition, fetch.offset) {
                    (None, None, None) => {}
                    (Some(topic), Some(partition), Some(offset)) => {
                        from.push(TopicPartitionOffset { topic, partition, offset });
                    }
                    _ => return Err(Refusal::invalid("topic, partition and offset must be given together")),
                }
                if from.len() > MAX_PARTITIONS {
                    return Err(Refusal::invalid(format!("a request has at most {MAX_PARTITIONS} items")));
                }
                if from.is_empty() {
                    return Err(Refusal::invalid("topic, partition and offset must be given"));
                }
                let mut guest = self.front.guest();
                tokio::select! {
                    biased;
                    fetched = self.broker.fetch(&from, request::wait(fetch.timeout)) => fetched,
                    () = guest.leave() => Ok(Reply::nothing()),
                }
            }
            Route::Commit { group, instance } => {
                let offsets = if matches!(body.trim_ascii(), b"" | b"null" | b"{}") {
                    None
                } else {
                    Some(one_or_many(body, MAX_PARTITIONS, "a topic, a partition and an offset")?)
                };
                self.broker.commit(&group, &instance, offsets)
            }
            Route::Committed { group, instance } => self.broker.committed(&group, &instance, partitions()?),
            Route::DeleteConsumer { group, instance } => self.broker.delete_consumer(&group, &instance),
            Route::Topics => Ok(self.broker.topics()),
            Route::Consumers => Ok(self.broker.consumers()),
            Route::Offsets { at } => self.broker.offsets(&at, partitions()?),
            Route::Consume { .. } => Err(Refusal::new(500, "a poll is answered elsewhere")),
        }
    }

    /// The rights of the user of a request: in Basic credentials, or, of a webhook, in the query string.
    fn rights(&self, route: &Route, headers: &HeaderMap, uri: &Uri) -> Option<LocalKafkaRights> {
        let (username, password) = match basic(headers) {
            Some(found) => found,
            None if *route == Route::Webhook => {
                (parameter(uri.query(), "user")?, parameter(uri.query(), "pass")?.into_bytes())
            }
            None => return None,
        };
        let mut rights = None;
        for known in &self.credentials {
            // All are compared, so that the time does not tell which one it is.
            if known.password.matches(&password) && known.username == username {
                rights = Some(known.rights);
            }
        }
        rights
    }
}

/// The fields of a webhook that are the sender's own.
fn own_headers(headers: &HeaderMap) -> Vec<Header> {
    const STANDARD: [&str; 33] = [
        "accept",
        "accept-encoding",
        "accept-language",
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "date",
        "expect",
        "forwarded",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-unmodified-since",
        "keep-alive",
        "origin",
        "pragma",
        "priority",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "referer",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "upgrade-insecure-requests",
        "user-agent",
        "via",
    ];
    /// Of browsers, of proxies, and of the clients of Upstash.
    const STANDARD_PREFIXES: [&str; 3] = ["sec-", "x-forwarded-", "upstash-telemetry-"];
    headers
        .iter()
        .filter(|(name, _)| !STANDARD.contains(&name.as_str()))
        .filter(|(name, _)| !STANDARD_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix)))
        .filter_map(|(name, value)| {
            Some(Header { key: name.as_str().to_owned(), value: value.to_str().ok()?.to_owned() })
        })
        .collect()
}

/// A handler that its answers refer to.
pub(super) struct Shared(pub(super) Arc<Service>);

impl Handler for Shared {
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let service = &self.0;
        service.front.count();
        match service.front.pass(service.answer(request)).await {
            Ok(Answer::Reply(reply)) => reply.into_response(),
            Ok(Answer::Delivery { group, instance, consumed: Consumed { reply, delivered } }) => {
                let service = Arc::clone(service);
                reply
                    .into_response()
                    .map(|inner| Body::new(Delivery { inner, on_loss: Some((service, group, instance, delivered)) }))
            }
            Err(refusal) => Reply::refused(&refusal).into_response(),
        }
    }
}

type OnLoss = (Arc<Service>, String, String, Delivered);

/// The body of a delivery. If it is dropped before it was written, its messages are taken back.
struct Delivery {
    inner: Body,
    on_loss: Option<OnLoss>,
}

impl http_body::Body for Delivery {
    type Data = Bytes;
    type Error = axum_core::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.inner).poll_frame(cx);
        if frame.is_ready() {
            this.on_loss = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some((service, group, instance, delivered)) = self.on_loss.take() {
            service.broker.take_back(&group, &instance, &delivered);
        }
    }
}
