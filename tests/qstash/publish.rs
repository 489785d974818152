use crate::server::{Server, answer, client};
use axum::body::Bytes;
use axum_upstash::{
    ErrorKind,
    client::{RetryPolicy, Transport, TransportBody, TransportError, TransportErrorKind},
    qstash::{Callback, FlowControl, LogFilter, Message, QStashClient, Receiver, RetryDelay, Signer},
};
use futures_util::future::BoxFuture;
use http::Method;
use http_body_util::{BodyExt, Full};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

#[tokio::test]
async fn a_plain_message_has_no_options() {
    let server = Server::accepting().await;
    let message = Message::to_url("https://example.com/a//b?x=1&y=%20").body("text");
    let published = server.client().publish(message).await.unwrap();
    assert_eq!(published.message_id, "msg_1");
    assert_eq!(published.url.as_deref(), Some("https://example.com/"));
    assert!(!published.deduplicated);

    let arrived = server.only();
    assert_eq!(arrived.line, "POST /v2/publish/https://example.com/a//b?x=1&y=%20");
    assert_eq!(arrived.header("authorization"), Some("Bearer the-token"));
    assert_eq!(arrived.body, "text");
    assert_eq!(arrived.header("content-type"), None);
    assert_eq!(arrived.options(), []);
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
    assert_eq!(server.only().line, "POST /v2/publish/my-group");
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
    assert_eq!(server.count(), 0);
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
        assert_eq!(server.count(), 1, "a publish is not repeated");
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
    let arrived = server.all();
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
        Message::to_url("https://example.com/").deduplicated(),
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
    assert_eq!(server.only().line, "POST /v2/publish/https://example.com/");
}

/// The strings of the official JavaScript SDK's own tests, as far as they do not depend on a unit.
#[tokio::test]
async fn each_option_of_a_delivery_is_a_header() {
    let message = || Message::to_url("https://example.com/");
    let key = || "my-key";
    let second = Duration::from_secs(1);
    for (message, options) in [
        (message().retry_delay(RetryDelay::fixed(second)), vec![("upstash-retry-delay", "1000")]),
        (
            message().retry_delay(RetryDelay::try_expression("pow(2, retried) * 1000").unwrap()),
            vec![("upstash-retry-delay", "pow(2, retried) * 1000")],
        ),
        (
            message().flow_control(FlowControl::parallelism(key(), 3).with_rate(5, second)),
            vec![
                ("upstash-flow-control-key", "my-key"),
                ("upstash-flow-control-value", "parallelism=3, rate=5, period=1s"),
            ],
        ),
        (
            message().flow_control(FlowControl::parallelism(key(), 3)),
            vec![("upstash-flow-control-key", "my-key"), ("upstash-flow-control-value", "parallelism=3")],
        ),
        (
            message().redact_body().redact_header("Authorization"),
            vec![("upstash-redact-fields", "body,header[Authorization]")],
        ),
        (message().redact_headers(), vec![("upstash-redact-fields", "header")]),
        (message().forward_bearer("key"), vec![("upstash-forward-authorization", "Bearer key")]),
        (message().method(&Method::GET), vec![("upstash-method", "GET")]),
        (
            message().callback(
                Callback::to("https://example.com/done?a=b")
                    .method(&Method::PUT)
                    .timeout(Duration::from_millis(9001))
                    .retries(2)
                    .retry_delay(RetryDelay::exponential(second, 3))
                    .delay(second)
                    .header("X-Order", "17")
                    .header("Authorization", "Bearer c")
                    .flow_control(FlowControl::rate(key(), 10, 60 * second)),
            ),
            vec![
                ("upstash-callback", "https://example.com/done?a=b"),
                ("upstash-callback-delay", "1s"),
                ("upstash-callback-flow-control-key", "my-key"),
                ("upstash-callback-flow-control-value", "rate=10, period=60s"),
                ("upstash-callback-forward-authorization", "Bearer c"),
                ("upstash-callback-forward-x-order", "17"),
                ("upstash-callback-method", "PUT"),
                ("upstash-callback-retries", "2"),
                ("upstash-callback-retry-delay", "1000 * pow(3, retried)"),
                ("upstash-callback-timeout", "10s"),
            ],
        ),
        (
            message().failure_callback(Callback::to("https://example.com/failed").retries(0)),
            vec![("upstash-failure-callback", "https://example.com/failed"), ("upstash-failure-callback-retries", "0")],
        ),
    ] {
        let server = Server::accepting().await;
        server.client().publish(message).await.unwrap();
        assert_eq!(server.only().options(), options);
    }
}

#[tokio::test]
async fn a_form_is_encoded() {
    let server = Server::accepting().await;
    let message = Message::to_url("https://example.com/").form([("name", "Ada Lovelace"), ("a&b", "=+\u{fc}")]);
    server.client().publish(message).await.unwrap();
    let arrived = server.only();
    assert_eq!(arrived.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(arrived.body, "name=Ada+Lovelace&a%26b=%3D%2B%C3%BC");
}

#[tokio::test]
async fn headers_of_the_client_are_beneath_those_of_the_message() {
    let server = Server::accepting().await;
    let client = QStashClient::builder("the-token")
        .url(&server.url)
        .message_header("X-Tenant", "1")
        .message_header("Upstash-Label", "all")
        .message_header("X-Other", "2")
        .build()
        .unwrap();
    client.publish(Message::to_url("https://example.com/").header("x-tenant", "7").label("one")).await.unwrap();
    let expected = [("upstash-forward-x-other", "2"), ("upstash-forward-x-tenant", "7"), ("upstash-label", "one")];
    assert_eq!(server.only().options(), expected);
}

/// QStash could not call it, unless it is on the same machine.
#[tokio::test]
async fn a_url_of_this_machine_is_refused_by_a_service_elsewhere() {
    let transport = Unreachable { times: 0, calls: Arc::default() };
    let elsewhere = QStashClient::builder("the-token").transport(transport.clone()).build().unwrap();
    for url in
        ["http://localhost:3000/", "http://127.0.0.1/", "https://[::1]/", "http://0.0.0.0:80/", "http://a.localhost/"]
    {
        let error = elsewhere.publish(Message::to_url(url)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with("qstash publish: the destination is on this machine"), "{error}");
        let with_callback = Message::to_url("https://example.com/").callback(url);
        let error = elsewhere.publish(with_callback).await.unwrap_err();
        assert!(error.to_string().contains("the callback is on this machine"), "{error}");
        let server = Server::accepting().await;
        server.client().publish(Message::to_url(url).failure_callback(url)).await.unwrap();
    }
    assert_eq!(transport.calls.load(Ordering::SeqCst), 0);
    // A callback that was replaced does not count.
    let replaced =
        Message::to_url("https://example.com/").callback("http://localhost/").callback("https://example.com/");
    elsewhere.publish(replaced).await.unwrap();
}

#[tokio::test]
async fn a_message_with_an_id_drawn_at_random_is_sent_again_with_that_id() {
    let server = Server::giving([answer(503, "{}"), answer(200, r#"{"messageId":"msg_1"}"#)]).await;
    server.client().publish(Message::to_url("https://example.com/").deduplicated()).await.unwrap();
    let arrived = server.all();
    assert_eq!(arrived.len(), 2);
    let id = arrived[0].header("upstash-deduplication-id").unwrap();
    assert!(id.len() >= 16 && !id.contains(':'));
    assert_eq!(arrived[1].header("upstash-deduplication-id"), Some(id));
}

#[tokio::test]
async fn a_group_may_be_drawn_as_in_openapi() {
    let server = Server::answering(200, r#"{"messages":[{"messageId":"msg_1"},{"messageId":"msg_2"}]}"#).await;
    let published = server.client().publish(Message::to_url_group("group")).await.unwrap();
    assert_eq!(published.len(), 2);
    assert_eq!(Server::answering(200, "[]").await.client().publish(Message::to_url_group("group")).await.unwrap(), []);
    for body in ["null", "{}", "7", r#"[{"url":"https://example.com/"}]"#, r#"[{"messageId":""}]"#] {
        let server = Server::answering(200, body).await;
        let error = server.client().publish(Message::to_url_group("group")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{body}");
    }
}

#[test]
fn debug_shows_no_header_of_the_client_and_no_value_of_a_filter() {
    let client = QStashClient::builder("the-token").message_header("X-Key", "secret").build().unwrap();
    let filter = LogFilter::new().url("https://u:secret@example.com/");
    let shown = format!(
        "{client:?} {:?} {:?} {:?} {filter:?} {:?}",
        client.queue("orders"),
        client.dlq(),
        client.messages(),
        client.logs().list(filter.clone()),
    );
    assert!(shown.contains("orders") && shown.contains("url"), "{shown}");
    assert!(!shown.contains("secret") && !shown.contains("the-token"), "{shown}");
}

/// A repetition has a header of its own, and an id that is empty is none.
#[tokio::test]
async fn a_publish_without_an_id_is_not_sent_again() {
    for message in [
        Message::to_url("https://example.com/").content_based_deduplication(),
        Message::to_url("https://example.com/").header("Upstash-Deduplication-Id", ""),
    ] {
        let server = Server::answering(503, "{}").await;
        assert!(server.client().publish(message).await.is_err());
        assert_eq!(server.count(), 1);
    }
}

#[test]
fn passwords_in_urls_are_not_printed() {
    let receiver = Receiver::new("sig_a", "sig_b").unwrap();
    let token = Signer::new("sig_a").unwrap().sign("https://user:secret@example.com/hook?token=secret", "");
    let shown = format!("{:?}", receiver.verify(&token, b"").unwrap());
    assert!(shown.contains("example.com/hook") && !shown.contains("secret"), "{shown}");
    assert!(receiver.try_with_public_url("https://user:secret@example.com").is_err());
}
