use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use axum_upstash::{
    ErrorKind,
    client::{RetryPolicy, Transport, TransportBody, TransportError, TransportErrorKind},
    qstash::{Message, QStashClient},
};
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::json;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

#[derive(Clone, Debug)]
struct Arrived {
    target: String,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Arrived {
    fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?.to_str().unwrap();
        assert!(values.next().is_none(), "{name} arrived twice");
        Some(first)
    }
}

/// A server that records what arrives and always gives the same answer.
struct Server {
    url: String,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Server {
    async fn answering(status: u16, body: &'static str) -> Self {
        type Shared = (Arc<Mutex<Vec<Arrived>>>, StatusCode, &'static str);
        async fn record(State((arrived, status, answer)): State<Shared>, request: Request) -> Response {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            assert_eq!(head.method, Method::POST);
            arrived.lock().unwrap().push(Arrived { target: head.uri.to_string(), headers: head.headers, body });
            (status, answer).into_response()
        }
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let status = StatusCode::from_u16(status).unwrap();
        let app = Router::new().fallback(record).with_state((Arc::clone(&arrived), status, body));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, arrived }
    }

    async fn accepting() -> Self {
        Self::answering(200, r#"{"messageId":"msg_1","url":"https://example.com/"}"#).await
    }

    fn client(&self) -> QStashClient {
        client(&self.url)
    }

    fn only(&self) -> Arrived {
        let arrived = self.arrived.lock().unwrap();
        assert_eq!(arrived.len(), 1);
        arrived[0].clone()
    }
}

fn client(url: &str) -> QStashClient {
    let retry = RetryPolicy::default().with_max_retries(2).with_backoff(Duration::ZERO, Duration::ZERO);
    QStashClient::builder("the-token").url(url).retry(retry).build().unwrap()
}

#[tokio::test]
async fn a_plain_message_has_no_options() {
    let server = Server::accepting().await;
    let message = Message::to_url("https://example.com/a//b?x=1&y=%20").body("text");
    let published = server.client().publish(message).await.unwrap();
    assert_eq!(published.message_id, "msg_1");
    assert_eq!(published.url.as_deref(), Some("https://example.com/"));
    assert!(!published.deduplicated);

    let arrived = server.only();
    assert_eq!(arrived.target, "/v2/publish/https://example.com/a//b?x=1&y=%20");
    assert_eq!(arrived.header("authorization"), Some("Bearer the-token"));
    assert_eq!(arrived.body, "text");
    assert_eq!(arrived.header("content-type"), None);
    let options = arrived.headers.keys().map(http::HeaderName::as_str);
    let options: Vec<_> =
        options.filter(|name| name.starts_with("upstash-") && !name.starts_with("upstash-telemetry-")).collect();
    assert!(options.is_empty(), "{options:?}");
}

#[tokio::test]
async fn options_are_headers() {
    let server = Server::accepting().await;
    let message = Message::to_url("https://example.com/")
        .json(&json!({"order": 17}))
        .method(&Method::PUT)
        .delay(Duration::from_millis(59_001))
        .not_before(SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_001))
        .retries(0)
        .timeout(Duration::from_secs(30))
        .callback("https://example.com/done?a=b")
        .failure_callback("https://example.com/failed")
        .deduplication_id("receipt-17")
        .content_based_deduplication()
        .label("first")
        .label(" second ")
        .header("Authorization", "Bearer of the destination")
        .header("X-Custom", "1")
        .header("Upstash-Retry-Delay", "1000 * (1 + retried)");
    server.client().publish(message).await.unwrap();
    let arrived = server.only();
    assert_eq!(arrived.body, r#"{"order":17}"#);
    for (name, value) in [
        ("content-type", "application/json"),
        ("authorization", "Bearer the-token"),
        ("upstash-method", "PUT"),
        ("upstash-delay", "60s"),
        ("upstash-not-before", "1767225601"),
        ("upstash-retries", "0"),
        ("upstash-timeout", "30s"),
        ("upstash-callback", "https://example.com/done?a=b"),
        ("upstash-failure-callback", "https://example.com/failed"),
        ("upstash-deduplication-id", "receipt-17"),
        ("upstash-content-based-deduplication", "true"),
        ("upstash-label", "first,second"),
        ("upstash-forward-authorization", "Bearer of the destination"),
        ("upstash-forward-x-custom", "1"),
        ("upstash-retry-delay", "1000 * (1 + retried)"),
    ] {
        assert_eq!(arrived.header(name), Some(value), "{name}");
    }
    assert_eq!(arrived.header("x-custom"), None);
}

#[tokio::test]
async fn a_content_type_of_one_s_own_replaces_that_of_json() {
    let server = Server::accepting().await;
    let message = Message::to_url("https://example.com/")
        .json(&17)
        .header("Content-Type", "application/vnd.order+json")
        .body(Bytes::from_static(b"\xff\x00"));
    server.client().publish(message).await.unwrap();
    let arrived = server.only();
    assert_eq!(arrived.header("content-type"), Some("application/vnd.order+json"));
    assert_eq!(arrived.body.as_ref(), b"\xff\x00");
}

#[tokio::test]
async fn a_url_group_answers_for_each_endpoint() {
    let answer = r#"[{"messageId":"msg_1","url":"https://a/"},{"messageId":"msg_2","deduplicated":true}]"#;
    let server = Server::answering(200, answer).await;
    let published = server.client().publish(Message::to_url_group("my-group").body("x")).await.unwrap();
    assert_eq!(server.only().target, "/v2/publish/my-group");
    assert_eq!(published.len(), 2);
    assert_eq!(published[0].url.as_deref(), Some("https://a/"));
    assert_eq!(published[1].message_id, "msg_2");
    assert!(published[1].deduplicated);
}

#[tokio::test]
async fn a_duplicate_is_told_as_such() {
    let server = Server::answering(202, r#"{"messageId":"msg_1","deduplicated":true}"#).await;
    let published = server.client().publish(Message::to_url("https://example.com/")).await.unwrap();
    assert!(published.deduplicated);
    assert_eq!(published.url, None);
}

#[tokio::test]
async fn what_cannot_be_sent_is_not() {
    let server = Server::accepting().await;
    for message in [
        Message::to_url("example.com"),
        Message::to_url("https://example.com/../../../messages"),
        Message::to_url("https://example.com/").callback("example.com"),
        Message::to_url("https://example.com/").header("a\nb", "c"),
    ] {
        let error = server.client().publish(message).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.operation(), Some("qstash publish"));
    }
    let error = server.client().publish(Message::to_url_group("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(server.arrived.lock().unwrap().is_empty());
}

#[tokio::test]
async fn refusals_have_a_kind_and_the_service_s_reason() {
    for (status, body, kind, shown) in [
        (400, r#"{"error":"invalid cron"}"#, ErrorKind::Refused, "qstash publish: invalid cron (HTTP 400)"),
        (
            401,
            r#"{"error":"bad token"}"#,
            ErrorKind::Unauthorized,
            "qstash publish: bad token: the token is not valid, see the QStash token (HTTP 401)",
        ),
        (412, r#"{"error":"too many"}"#, ErrorKind::LimitExceeded, "qstash publish: too many (HTTP 412)"),
        (429, r#"{"error":"slow down"}"#, ErrorKind::RateLimited, "qstash publish: slow down (HTTP 429)"),
        (
            502,
            "<html>",
            ErrorKind::Server,
            "qstash publish: the service answered with an error and no reason (HTTP 502)",
        ),
    ] {
        let server = Server::answering(status, body).await;
        let error = server.client().publish(Message::to_url("https://example.com/")).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(error.to_string(), shown);
        assert_eq!(server.arrived.lock().unwrap().len(), 1, "a publish is not repeated");
    }
    for body in ["", "<html>", "[]", r#"{"url":"https://example.com/"}"#] {
        let server = Server::answering(200, body).await;
        let error = server.client().publish(Message::to_url("https://example.com/")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{body}");
    }
}

#[tokio::test]
async fn a_failing_service_is_asked_again_where_it_recognises_the_message() {
    let server = Server::answering(503, "{}").await;
    let message = Message::to_url("https://example.com/").deduplication_id("receipt-17");
    let error = server.client().publish(message).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    let arrived = server.arrived.lock().unwrap();
    assert_eq!(arrived.len(), 3);
    assert!(arrived.iter().all(|one| one.header("upstash-deduplication-id") == Some("receipt-17")));
}

/// Reads the first request and hangs up; answers those after it.
async fn hangs_up_once() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            if stream.read(&mut buffer).await.unwrap() == 0 {
                continue;
            }
            if count.fetch_add(1, Ordering::SeqCst) > 0 {
                let body = r#"{"messageId":"msg_1"}"#;
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            }
        }
    });
    (url, requests)
}

#[tokio::test]
async fn after_a_broken_connection_a_message_may_have_arrived() {
    let (url, requests) = hangs_up_once().await;
    let error = client(&url).publish(Message::to_url("https://example.com/")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(requests.load(Ordering::SeqCst), 1);

    let deduplicated = [
        Message::to_url("https://example.com/").deduplication_id("receipt-17"),
        Message::to_url("https://example.com/").content_based_deduplication(),
    ];
    for message in deduplicated {
        let (url, requests) = hangs_up_once().await;
        assert_eq!(client(&url).publish(message).await.unwrap().message_id, "msg_1");
        assert_eq!(requests.load(Ordering::SeqCst), 2);
    }
}

/// Refuses a given number of connections.
#[derive(Clone)]
struct Unreachable {
    times: usize,
    calls: Arc<AtomicUsize>,
}

impl Transport for Unreachable {
    fn send(
        &self,
        _: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>> {
        let reached = self.calls.fetch_add(1, Ordering::SeqCst) >= self.times;
        Box::pin(async move {
            if reached {
                let body = Full::new(Bytes::from_static(br#"{"messageId":"msg_1"}"#));
                Ok(http::Response::new(body.map_err(|never| match never {}).boxed_unsync()))
            } else {
                Err(TransportError::new(TransportErrorKind::Connect, "nobody is there"))
            }
        })
    }
}

#[tokio::test]
async fn what_never_left_is_sent_again() {
    let retry = RetryPolicy::default().with_max_retries(2).with_backoff(Duration::ZERO, Duration::ZERO);
    for (times, taken) in [(0, true), (2, true), (3, false)] {
        let transport = Unreachable { times, calls: Arc::default() };
        let client =
            QStashClient::builder("the-token").transport(transport.clone()).retry(retry.clone()).build().unwrap();
        let outcome = client.publish(Message::to_url("https://example.com/")).await;
        assert_eq!(outcome.is_ok(), taken, "{times}");
        assert!(outcome.err().is_none_or(|error| error.kind() == ErrorKind::Connect && error.is_outage()));
        assert_eq!(transport.calls.load(Ordering::SeqCst), times.min(2) + 1);
    }
}

#[tokio::test]
async fn a_pasted_publish_address_works() {
    let server = Server::accepting().await;
    let pasted = client(&format!("{}/v2/publish/", server.url));
    pasted.publish(Message::to_url("https://example.com/")).await.unwrap();
    assert_eq!(server.only().target, "/v2/publish/https://example.com/");
}
