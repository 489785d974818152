use crate::server::{Server, answer, at};
use axum_upstash::{
    ErrorKind,
    qstash::{LogEntry, LogFilter, LogState},
};
use futures_util::{StreamExt, TryStreamExt};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

fn entry(id: &str, state: &str) -> Value {
    json!({"time": 1_725_323_658_779u64, "messageId": id, "state": state, "url": "https://example.com/"})
}

async fn read(entry: Value) -> LogEntry {
    let server = Server::answering(200, json!({"events": [entry]})).await;
    server.client().logs().list(LogFilter::new()).page().await.unwrap().entries.remove(0)
}

#[tokio::test]
async fn an_entry_is_read_with_all_its_fields() {
    let entry = read(json!({
        "time": 1_725_323_658_779u64, "messageId": "msg_1", "state": "ERROR", "error": "no such host",
        "nextDeliveryTime": "1725323670000", "url": "https://example.com/", "topicName": "group", "endpointName": "e",
        "scheduleId": "scd_1", "queueName": "orders", "header": {"X-A": ["1"]}, "body": "eyJhIjoxfQ==", "responseStatus": 503,
        "responseBody": "b3Zlcg", "responseHeaders": {"Retry-After": "3"}, "timeout": 30_000, "method": "GET",
        "callback": "https://c/", "callbackHeaders": {"X-C": "1"}, "failureCallback": "https://f/",
        "failureCallbackHeaders": {"X-F": ["2"]}, "maxRetries": 3, "retryDelayExpression": "1000", "label": "one",
        "labels": ["one", "two"], "flowControlKey": "key", "rate": 5, "period": 60,
    }))
    .await;
    assert_eq!((entry.time, entry.next_delivery_time), (at(1_725_323_658_779), at(1_725_323_670_000)));
    assert_eq!((entry.message_id.as_str(), &entry.state), ("msg_1", &LogState::Error));
    assert_eq!(entry.error.as_deref(), Some("no such host"));
    assert_eq!(entry.url_group.as_ref().unwrap(), &"group");
    assert_eq!((entry.endpoint_name.as_deref(), entry.method.as_ref()), (Some("e"), Some(&Method::GET)));
    assert_eq!(entry.schedule_id.as_ref().unwrap(), &"scd_1");
    assert_eq!(entry.queue.as_ref().unwrap(), &"orders");
    assert_eq!(entry.headers["x-a"], "1");
    assert_eq!(entry.body.as_ref().unwrap(), &r#"{"a":1}"#);
    assert_eq!(entry.response_status, Some(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(entry.response_headers["retry-after"], "3");
    assert_eq!(entry.response_body.as_ref().unwrap(), &"over");
    assert_eq!(entry.timeout, Some(Duration::from_secs(30)));
    assert_eq!(
        (entry.callback.as_deref(), entry.failure_callback.as_deref()),
        (Some("https://c/"), Some("https://f/"))
    );
    assert_eq!(
        (&entry.callback_headers["x-c"], &entry.failure_callback_headers["x-f"]),
        (&"1".parse().unwrap(), &"2".parse().unwrap())
    );
    assert_eq!((entry.max_retries, entry.retry_delay_expression.as_deref()), (Some(3), Some("1000")));
    assert_eq!(entry.labels, ["one", "two"]);
    let control = entry.flow_control.as_ref().unwrap();
    assert_eq!((control.parallelism, control.rate, control.period), (None, Some(5), Some(Duration::from_secs(60))));
    let shown = format!("{entry:?}");
    assert!(shown.contains("msg_1") && !shown.contains("example") && !shown.contains("over"), "{shown}");
}

#[tokio::test]
async fn entries_of_other_versions_are_read() {
    let bare = read(json!({"messageId": "msg_1", "state": "SOMETHING_NEW"})).await;
    assert_eq!((bare.time, bare.state.as_str(), bare.body, bare.method), (None, "SOMETHING_NEW", None, None));
    for (name, state) in [
        ("CREATED", LogState::Created),
        ("ACTIVE", LogState::Active),
        ("RETRY", LogState::Retry),
        ("ERROR", LogState::Error),
        ("DELIVERED", LogState::Delivered),
        ("FAILED", LogState::Failed),
        ("CANCEL_REQUESTED", LogState::CancelRequested),
        ("CANCELED", LogState::Canceled),
        ("CANCELLED", LogState::Canceled),
    ] {
        assert_eq!(read(entry("msg_1", name)).await.state, state);
    }
    let other_names = read(json!({
        "messageId": "msg_1", "state": "ERROR", "responseHeader": {"A": ["1"]}, "retryDelayExpr": "2000", "body": "REDACTED:0a1b",
        "responseStatus": 0, "label": "one",
    }))
    .await;
    assert_eq!(other_names.response_headers["a"], "1");
    assert_eq!(other_names.retry_delay_expression.as_deref(), Some("2000"));
    assert_eq!(other_names.body.unwrap(), "REDACTED:0a1b");
    assert_eq!((other_names.response_status, other_names.labels), (None, vec!["one".to_owned()]));
}

#[tokio::test]
async fn the_list_is_under_either_name() {
    for (body, count) in [
        (json!({"events": [entry("msg_1", "CREATED")]}), 1),
        (json!({"logs": [entry("msg_1", "CREATED"), entry("msg_2", "CREATED")]}), 2),
        (json!({"events": [entry("msg_1", "CREATED")], "logs": [entry("msg_1", "CREATED")]}), 1),
        (json!({"events": null, "logs": [entry("msg_1", "CREATED")]}), 1),
        (json!({"events": []}), 0),
        (json!({}), 0),
    ] {
        let server = Server::answering(200, &body).await;
        assert_eq!(server.client().logs().list(LogFilter::new()).page().await.unwrap().entries.len(), count, "{body}");
        assert_eq!(server.lines(), ["GET /v2/events"]);
    }
}

#[tokio::test]
async fn pages_and_filters() {
    let server =
        Server::answering(200, json!({"events": [entry("msg_1", "FAILED")], "cursor": "1686652644442-12"})).await;
    let since = SystemTime::UNIX_EPOCH + Duration::from_millis(1_725_323_658_779);
    let filter = LogFilter::new()
        .label("label-1")
        .label("label-2")
        .state(&LogState::InProgress)
        .message_id("msg_1")
        .message_id("msg_2")
        .url("https://a/?b")
        .host("h")
        .path("/p")
        .url_group("g")
        .queue("q")
        .schedule_id("s")
        .caller_ip("1.2.3.4")
        .flow_control_key("k")
        .from(since)
        .until(since);
    let page = server.client().logs().list(filter).page_size(5).after("1-1").page().await.unwrap();
    assert_eq!((page.entries.len(), page.cursor.as_deref()), (1, Some("1686652644442-12")));
    assert_eq!(
        server.only().line,
        "GET /v2/events?label=label-1&label=label-2&state=IN_PROGRESS&messageIds=msg_1&messageIds=msg_2\
         &url=https%3A%2F%2Fa%2F%3Fb&host=h&path=%2Fp&topicName=g&queueName=q&scheduleId=s&callerIp=1.2.3.4\
         &flowControlKey=k&fromDate=1725323658779&toDate=1725323658779&count=5&cursor=1-1"
    );
    let page = server.client().logs().list(LogFilter::new()).after("").page().await.unwrap();
    assert!(page.cursor.is_some());
    assert_eq!(server.lines()[1], "GET /v2/events");
    assert_eq!(
        server.client().logs().list(LogFilter::new().label(" ")).page().await.unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_stream_asks_for_a_page_when_it_needs_one() {
    let server = Server::giving([
        answer(200, json!({"events": [entry("msg_1", "CREATED"), entry("msg_2", "CREATED")], "cursor": "a"})),
        answer(200, json!({"events": [entry("msg_3", "CREATED")], "cursor": "b"})),
        answer(200, json!({"events": [entry("msg_4", "CREATED")], "cursor": "b"})),
    ])
    .await;
    let mut entries = server.client().logs().list(LogFilter::new());
    assert_eq!(server.count(), 0);
    for (id, requests) in [("msg_1", 1), ("msg_2", 1), ("msg_3", 2)] {
        assert_eq!(entries.next().await.unwrap().unwrap().message_id, id);
        assert_eq!(server.count(), requests);
    }
    // A cursor that leads to itself is the last page's.
    let rest: Vec<LogEntry> = entries.try_collect().await.unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(server.lines(), ["GET /v2/events", "GET /v2/events?cursor=a", "GET /v2/events?cursor=b"]);
}

#[tokio::test]
async fn an_error_ends_the_stream_after_the_entries_before_it() {
    let server = Server::giving([
        answer(200, json!({"events": [entry("msg_1", "CREATED")], "cursor": "a"})),
        answer(401, r#"{"error":"bad token"}"#),
    ])
    .await;
    let mut entries = server.client().logs().list(LogFilter::new());
    assert!(entries.next().await.unwrap().is_ok());
    let error = entries.next().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Unauthorized, Some("qstash logs list")));
    assert!(entries.next().await.is_none());
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_page_is_asked_for_again_if_the_service_fails() {
    let server = Server::giving([answer(503, "{}"), answer(200, json!({"events": []}))]).await;
    let entries: Vec<LogEntry> = server.client().logs().list(LogFilter::new()).try_collect().await.unwrap();
    assert!(entries.is_empty());
    assert_eq!(server.count(), 2);
}

#[test]
fn a_listing_can_be_sent_to_another_task() {
    fn is_send<T: Send + Unpin>(_: &T) {}
    let client = crate::server::client("http://127.0.0.1:1");
    is_send(&client.logs().list(LogFilter::new()));
}
