use crate::server::{Server, answer, at};
use axum_upstash::{
    ErrorKind,
    qstash::{MessageFilter, MessageId, StoredMessage},
};
use http::Method;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

async fn read(body: Value) -> StoredMessage {
    Server::answering(200, body).await.client().messages().get("msg_1").await.unwrap()
}

#[tokio::test]
async fn a_message_is_read_with_all_its_fields() {
    let server = Server::answering(200, json!({
        "messageId": "msg_1", "url": "https://example.com/a", "topicName": "group", "endpointName": "endpoint",
        "method": "PUT", "header": {"Content-Type": ["application/json"], "Test-Case": ["a", "b"]}, "body": "{\"a\":1}",
        "maxRetries": 3, "notBefore": 1_725_323_658_779u64, "createdAt": 1_725_323_658_000u64, "callback": "https://c/?x=1",
        "failureCallback": "https://f/", "callbackHeader": {"Upstash-Retries": ["1"]}, "failureCallbackHeader": {"X": "2"},
        "queueName": "orders", "scheduleId": "scd_1", "callerIP": "1.2.3.4", "label": "one", "labels": ["one", "two"],
        "flowControlKey": "key", "parallelism": 3, "rate": 10, "period": 86_400, "retryDelayExpression": "1000", "api": "old",
        "unknown": {"later": true},
    })).await;
    let message = server.client().messages().get("msg_1").await.unwrap();
    assert_eq!(server.lines(), ["GET /v2/messages/msg_1"]);
    assert_eq!(message.message_id, "msg_1");
    assert_eq!(message.url.as_deref(), Some("https://example.com/a"));
    assert_eq!(message.url_group.as_ref().unwrap(), &"group");
    assert_eq!(message.endpoint_name.as_deref(), Some("endpoint"));
    assert_eq!(message.method, Method::PUT);
    assert_eq!(message.headers.get_all("test-case").iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(message.body.as_ref().unwrap(), &r#"{"a":1}"#);
    assert_eq!(message.max_retries, Some(3));
    assert_eq!((message.not_before, message.created_at), (at(1_725_323_658_779), at(1_725_323_658_000)));
    assert_eq!(message.callback.as_deref(), Some("https://c/?x=1"));
    assert_eq!(message.failure_callback.as_deref(), Some("https://f/"));
    assert_eq!(message.callback_headers["upstash-retries"], "1");
    assert_eq!(message.failure_callback_headers["x"], "2");
    assert_eq!(message.queue.as_ref().unwrap(), &"orders");
    assert_eq!(message.schedule_id.as_ref().unwrap(), &"scd_1");
    assert_eq!(message.caller_ip.as_deref(), Some("1.2.3.4"));
    assert_eq!(message.labels, ["one", "two"]);
    assert_eq!(message.retry_delay_expression.as_deref(), Some("1000"));
    let control = message.flow_control.as_ref().unwrap();
    assert_eq!((control.key.as_str(), control.parallelism, control.rate), ("key", Some(3), Some(10)));
    assert_eq!(control.period, Some(Duration::from_secs(86_400)));
    let shown = format!("{message:?}");
    assert!(shown.contains("msg_1") && !shown.contains("example") && !shown.contains("https://c"), "{shown}");
}

#[tokio::test]
async fn most_fields_may_be_absent_or_odd() {
    let bare = read(json!({"messageId": "msg_1"})).await;
    assert_eq!((bare.method, bare.body, bare.flow_control, bare.not_before), (Method::POST, None, None, None));
    assert!(bare.labels.is_empty() && bare.headers.is_empty());

    let odd = read(json!({
        "messageId": "msg_1", "bodyBase64": "/wD+", "maxRetries": "5", "label": "one", "labels": null, "callerIp": "1.2.3.4",
        "flowControlKey": "key", "parallelism": 3, "period": 1, "queueName": "", "topicName": null, "method": "",
    })).await;
    assert_eq!(odd.body.unwrap().as_ref(), b"\xff\x00\xfe");
    assert_eq!((odd.max_retries, odd.queue, odd.url_group, odd.method), (Some(5), None, None, Method::POST));
    assert_eq!((odd.labels, odd.caller_ip.as_deref()), (vec!["one".to_owned()], Some("1.2.3.4")));
    let control = odd.flow_control.unwrap();
    assert_eq!((control.parallelism, control.rate, control.period), (Some(3), None, Some(Duration::from_secs(1))));

    for body in [json!({"url": "https://example.com/"}), json!({"messageId": ""}), json!([]), json!(null)] {
        let server = Server::answering(200, &body).await;
        let error = server.client().messages().get("msg_1").await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Decode, Some("qstash message get")), "{body}");
    }
}

#[tokio::test]
async fn a_message_that_is_not_there_is_not_found() {
    let server = Server::answering(404, r#"{"error":"message msg_1 not found"}"#).await;
    let messages = server.client().messages();
    assert_eq!(messages.get("msg_1").await.unwrap_err().kind(), ErrorKind::NotFound);
    let error = messages.cancel("msg_1").await.unwrap_err();
    assert_eq!(error.to_string(), "qstash message cancel: message msg_1 not found (HTTP 404)");
}

#[tokio::test]
async fn ways_to_cancel() {
    let server = Server::answering(202, r#"{"cancelled":2}"#).await;
    let messages = server.client().messages();
    messages.cancel("msg_1").await.unwrap();
    messages.cancel("a/b?c").await.unwrap();
    assert_eq!(messages.cancel_many(["msg_1", "msg_2"]).await.unwrap(), 2);
    let id = MessageId::new("msg_3").unwrap();
    assert_eq!(messages.cancel_many([&id]).await.unwrap(), 2);
    let filter = MessageFilter::new().label("label-1").label("label-2").url_group("g").queue("q").limit(100);
    assert_eq!(messages.cancel_where(filter).await.unwrap(), 2);
    let since = SystemTime::UNIX_EPOCH + Duration::from_millis(1_725_323_658_779);
    let filter = MessageFilter::new()
        .url("https://example.com/a,b?c=d&e")
        .host("example.com")
        .path("/a")
        .flow_control_key("key")
        .schedule_id("scd_1")
        .caller_ip("1.2.3.4")
        .from(since)
        .until(since);
    assert_eq!(messages.cancel_where(filter).await.unwrap(), 2);
    assert_eq!(messages.cancel_all().await.unwrap(), 2);
    assert_eq!(
        server.lines(),
        [
            "DELETE /v2/messages/msg_1",
            "DELETE /v2/messages/a%2Fb%3Fc",
            "DELETE /v2/messages?messageIds=msg_1&messageIds=msg_2",
            "DELETE /v2/messages?messageIds=msg_3",
            "DELETE /v2/messages?label=label-1&label=label-2&topicName=g&queueName=q&count=100",
            "DELETE /v2/messages?url=https%3A%2F%2Fexample.com%2Fa%2Cb%3Fc%3Dd%26e&host=example.com&path=%2Fa\
             &flowControlKey=key&scheduleId=scd_1&callerIp=1.2.3.4&fromDate=1725323658779&toDate=1725323658779",
            "DELETE /v2/messages",
        ]
    );
    assert!(server.all().iter().all(|arrived| arrived.body.is_empty()));
}

/// Each of these would cancel every message.
#[tokio::test]
async fn nothing_cancels_all_by_accident() {
    let server = Server::answering(200, r#"{"cancelled":9}"#).await;
    let messages = server.client().messages();
    for id in ["", " ", ".", "..", "a\n"] {
        assert_eq!(messages.get(id).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(messages.cancel(id).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(messages.cancel_many(["msg_1", id]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(messages.cancel_many(Vec::<MessageId>::new()).await.unwrap(), 0);
    for filter in [
        MessageFilter::new(),
        MessageFilter::new().limit(10),
        MessageFilter::new().label(""),
        MessageFilter::new().label("a").url(" "),
        MessageFilter::new().label("a").limit(0),
        MessageFilter::new().label("a").limit(501),
    ] {
        assert_eq!(messages.cancel_where(filter).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn many_ids_are_several_requests() {
    let answers = [50, 50, 3].map(|cancelled| answer(200, json!({"cancelled": cancelled})));
    let server = Server::giving(answers).await;
    let cancelled = server.client().messages().cancel_many((0..120).map(|n| format!("msg_{n}"))).await.unwrap();
    assert_eq!(cancelled, 103);
    let ids: Vec<usize> = server.lines().iter().map(|line| line.matches("messageIds=msg_").count()).collect();
    assert_eq!(ids, [50, 50, 20]);
}

#[tokio::test]
async fn cancelling_is_not_repeated_and_its_answer_has_a_count() {
    let server = Server::answering(503, "{}").await;
    let messages = server.client().messages();
    assert!(messages.cancel("msg_1").await.is_err() && messages.cancel_all().await.is_err());
    assert_eq!(server.count(), 2);
    assert!(messages.get("msg_1").await.is_err());
    assert_eq!(server.count(), 5);
    let other_spelling = Server::answering(200, r#"{"canceled":"4"}"#).await;
    assert_eq!(other_spelling.client().messages().cancel_all().await.unwrap(), 4);
    let without = Server::answering(200, "{}").await;
    assert_eq!(without.client().messages().cancel_all().await.unwrap_err().kind(), ErrorKind::Decode);
}
