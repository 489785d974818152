use crate::server::{Server, answer, at};
use axum_upstash::{
    ErrorKind,
    qstash::{DeliveryOptions, DlqFilter, DlqId},
};
use futures_util::TryStreamExt;
use http::StatusCode;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

fn entry(id: &str) -> Value {
    json!({"dlqId": id, "messageId": format!("msg_{id}"), "url": "https://example.com/", "responseStatus": 500})
}

#[tokio::test]
async fn an_entry_is_a_message_and_its_last_answer() {
    let server = Server::answering(200, json!({
        "dlqId": "1725323658779-0", "messageId": "msg_1", "url": "https://example.com/", "createdAt": 1_725_323_658_779u64,
        "responseStatus": 404, "responseHeader": {"Content-Type": ["text/plain"]}, "responseBody": "404 Not Found",
        "label": "one", "retryDelayExpression": "1000", "workflowRunId": "wfr_1", "workflowUrl": "https://w/",
        "failureCallbackInfo": {"state": "CALLBACK_SUCCESS"},
    })).await;
    let entry = server.client().dlq().get("1725323658779-0").await.unwrap();
    assert_eq!(server.lines(), ["GET /v2/dlq/1725323658779-0"]);
    assert_eq!((entry.dlq_id.as_str(), entry.message.message_id.as_str()), ("1725323658779-0", "msg_1"));
    assert_eq!(entry.message.created_at, at(1_725_323_658_779));
    assert_eq!(entry.message.labels, ["one"]);
    assert_eq!(entry.response_status, Some(StatusCode::NOT_FOUND));
    assert_eq!(entry.response_headers["content-type"], "text/plain");
    assert_eq!(entry.response_body.as_ref().unwrap(), &"404 Not Found");
    assert_eq!((entry.workflow_run_id.as_deref(), entry.workflow_url.as_deref()), (Some("wfr_1"), Some("https://w/")));
    let shown = format!("{entry:?}");
    assert!(shown.contains("1725323658779-0") && !shown.contains("Found") && !shown.contains("example"), "{shown}");

    let server = Server::answering(
        200,
        json!({"dlqId": "1-0", "messageId": "msg_1", "responseStatus": 0, "responseBodyBase64": "/w=="}),
    )
    .await;
    let entry = server.client().dlq().get("1-0").await.unwrap();
    assert_eq!((entry.response_status, entry.response_body.unwrap().as_ref()), (None, b"\xff".as_slice()));
}

#[tokio::test]
async fn a_listing_reads_page_after_page() {
    let server = Server::giving([
        answer(200, json!({"messages": [entry("1-0"), entry("2-0")], "cursor": "c/1"})),
        answer(200, json!({"messages": [], "cursor": 9_007_199_254_740_993u64})),
        answer(200, json!({"messages": [entry("3-0")], "cursor": ""})),
    ])
    .await;
    let since = SystemTime::UNIX_EPOCH + Duration::from_millis(1_725_323_658_779);
    let filter = DlqFilter::new()
        .message_id("msg_1")
        .url("https://a/")
        .url("https://b/")
        .url_group("g")
        .schedule_id("scd_1")
        .queue("q")
        .label("l")
        .flow_control_key("k")
        .caller_ip("1.2.3.4")
        .response_status(503)
        .from(since)
        .until(since);
    let entries: Vec<_> = server.client().dlq().list(filter).page_size(20).try_collect().await.unwrap();
    let ids: Vec<&str> = entries.iter().map(|entry| entry.dlq_id.as_str()).collect();
    assert_eq!(ids, ["1-0", "2-0", "3-0"]);
    let first = "GET /v2/dlq?messageId=msg_1&url=https%3A%2F%2Fa%2F&url=https%3A%2F%2Fb%2F&topicName=g&scheduleId=scd_1\
                 &queueName=q&label=l&flowControlKey=k&callerIp=1.2.3.4&responseStatus=503&fromDate=1725323658779\
                 &toDate=1725323658779&count=20";
    assert_eq!(
        server.lines(),
        [first.to_owned(), format!("{first}&cursor=c%2F1"), format!("{first}&cursor=9007199254740993")]
    );
}

#[tokio::test]
async fn entries_are_deleted_one_many_or_by_filter() {
    let server = Server::giving([
        answer(200, ""),
        answer(200, json!({"deleted": 2})),
        answer(200, json!({"deleted": 100, "cursor": "c"})),
        answer(200, json!({"deleted": 7})),
        answer(200, json!({"deleted": 1, "cursor": ""})),
    ])
    .await;
    let dlq = server.client().dlq();
    dlq.delete("1-0").await.unwrap();
    assert_eq!(dlq.delete_many(["1-0", "2-0"]).await.unwrap(), 2);
    assert_eq!(dlq.delete_where(DlqFilter::new().label("l")).await.unwrap(), 107);
    assert_eq!(dlq.delete_all().await.unwrap(), 1);
    assert_eq!(
        server.lines(),
        [
            "DELETE /v2/dlq/1-0",
            "DELETE /v2/dlq?dlqIds=1-0&dlqIds=2-0",
            "DELETE /v2/dlq?label=l&count=100",
            "DELETE /v2/dlq?label=l&count=100&cursor=c",
            "DELETE /v2/dlq?count=100",
        ]
    );
}

#[tokio::test]
async fn entries_are_retried_one_many_or_by_filter() {
    let responses = |ids: &[&str]| -> Vec<Value> { ids.iter().map(|id| json!({"messageId": id})).collect() };
    let server = Server::giving([
        answer(201, json!({"messageId": "msg_1"})),
        answer(201, json!({"responses": responses(&["msg_2", "msg_3"]), "cursor": ""})),
        answer(201, json!({"responses": responses(&["msg_4"]), "cursor": "c"})),
        answer(201, json!({"responses": [], "cursor": "c"})),
        answer(201, json!({"responses": responses(&["msg_5"])})),
    ])
    .await;
    let dlq = server.client().dlq();
    let ids = |published: &[axum_upstash::qstash::Published]| -> Vec<String> {
        published.iter().map(|message| message.message_id.to_string()).collect()
    };
    assert_eq!(dlq.retry("1-0").await.unwrap().message_id, "msg_1");
    assert_eq!(ids(&dlq.retry_many(["1-0", "2-0"]).await.unwrap()), ["msg_2", "msg_3"]);
    // A cursor that leads to itself ends it.
    assert_eq!(ids(&dlq.retry_where(DlqFilter::new().response_status(999)).await.unwrap()), ["msg_4"]);
    assert_eq!(ids(&dlq.retry_all().await.unwrap()), ["msg_5"]);
    assert_eq!(
        server.lines(),
        [
            "POST /v2/dlq/retry/1-0",
            "POST /v2/dlq/retry?dlqIds=1-0&dlqIds=2-0",
            "POST /v2/dlq/retry?responseStatus=999&count=100",
            "POST /v2/dlq/retry?responseStatus=999&count=100&cursor=c",
            "POST /v2/dlq/retry?count=100",
        ]
    );
    assert!(server.all().iter().all(|arrived| arrived.options().is_empty()));
}

#[tokio::test]
async fn a_retry_may_have_options_of_its_own() {
    let server = Server::answering(201, json!({"messageId": "msg_1", "responses": []})).await;
    let dlq = server.client().dlq().with_overrides(DeliveryOptions::new().retries(0).label("again"));
    dlq.retry("1-0").await.unwrap();
    dlq.retry_many(["1-0"]).await.unwrap();
    dlq.retry_all().await.unwrap();
    for arrived in server.all() {
        assert_eq!(arrived.options(), [("upstash-label", "again"), ("upstash-retries", "0")]);
    }
    let wrong = server.client().dlq().with_overrides(DeliveryOptions::new().label(""));
    assert_eq!(wrong.retry("1-0").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(server.count(), 3);
}

/// Each of these would take every entry.
#[tokio::test]
async fn nothing_takes_all_by_accident() {
    let server = Server::answering(200, json!({"deleted": 9, "responses": []})).await;
    let dlq = server.client().dlq();
    for id in ["", " ", ".."] {
        assert_eq!(dlq.get(id).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(dlq.delete(id).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(dlq.retry(id).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(dlq.delete_many([id]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(dlq.retry_many([id]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(dlq.delete_many(Vec::<DlqId>::new()).await.unwrap(), 0);
    assert_eq!(dlq.retry_many(Vec::<DlqId>::new()).await.unwrap(), []);
    for filter in [DlqFilter::new(), DlqFilter::new().label(""), DlqFilter::new().response_status(500).url("")] {
        assert_eq!(dlq.delete_where(filter.clone()).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(dlq.retry_where(filter).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(dlq.list(DlqFilter::new().label("")).page().await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn deleting_and_retrying_are_not_repeated() {
    let server = Server::answering(503, "{}").await;
    let dlq = server.client().dlq();
    assert!(dlq.delete("1-0").await.is_err() && dlq.delete_all().await.is_err());
    assert!(dlq.retry("1-0").await.is_err() && dlq.retry_all().await.is_err());
    assert_eq!(server.count(), 4);
    let missing = Server::answering(404, r#"{"error":"not found"}"#).await;
    assert_eq!(missing.client().dlq().delete("1-0").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_limit_ends_a_call_for_many_entries() {
    let server = Server::giving([
        answer(200, json!({"deleted": 100, "cursor": "a"})),
        answer(200, json!({"deleted": 20, "cursor": "b"})),
        answer(201, json!({"responses": [{"messageId": "msg_1"}], "cursor": "c"})),
    ])
    .await;
    let dlq = server.client().dlq();
    assert_eq!(dlq.delete_where(DlqFilter::new().label("l").limit(120)).await.unwrap(), 120);
    assert_eq!(dlq.retry_where(DlqFilter::new().label("l").limit(1)).await.unwrap().len(), 1);
    assert_eq!(
        server.lines(),
        [
            "DELETE /v2/dlq?label=l&count=100",
            "DELETE /v2/dlq?label=l&count=20&cursor=a",
            "POST /v2/dlq/retry?label=l&count=1",
        ]
    );
}

#[tokio::test]
async fn cursors_that_lead_to_each_other_end() {
    let page = |cursor: &str| answer(200, json!({"deleted": u64::MAX, "cursor": cursor}));
    let server = Server::giving([page("a"), page("b"), page("a"), page("b")]).await;
    assert_eq!(server.client().dlq().delete_all().await.unwrap(), u64::MAX);
    assert_eq!(server.count(), 3);
    let page = |cursor: &str| answer(200, json!({"messages": [entry("1-0")], "cursor": cursor}));
    let server = Server::giving([page("a"), page("b"), page("a"), page("b")]).await;
    let listed: Vec<_> = server.client().dlq().list(DlqFilter::new()).try_collect().await.unwrap();
    assert_eq!((listed.len(), server.count()), (3, 3));
}

#[tokio::test]
async fn a_listing_that_failed_tells_its_place() {
    let server = Server::giving([
        answer(200, json!({"messages": [entry("1-0")], "cursor": "c"})),
        answer(400, json!({"error": "later"})),
        answer(200, json!({"messages": [entry("2-0")]})),
    ])
    .await;
    let dlq = server.client().dlq();
    let mut entries = dlq.list(DlqFilter::new());
    assert_eq!(entries.cursor(), None);
    assert!(entries.try_next().await.unwrap().is_some());
    assert!(entries.try_next().await.is_err());
    let cursor = entries.cursor().unwrap().to_owned();
    let rest: Vec<_> = dlq.list(DlqFilter::new()).after(cursor).try_collect().await.unwrap();
    assert_eq!(rest[0].dlq_id.as_str(), "2-0");
}
