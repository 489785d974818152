use std::time::Duration;

use axum_upstash::local::{LocalError, LocalQStash};
use serde_json::json;

use crate::support::{Host, ORIGIN};

#[tokio::test]
async fn what_cannot_be_right_is_refused_with_the_words_of_the_service() {
    let host = Host::start_with(|builder| builder.max_retries(5).max_delay(Duration::from_secs(604_800))).await;
    let publish = format!("/v2/publish/{ORIGIN}/");
    let flow = "Upstash-Flow-Control-Value should be either rate=X or parallelism=Y, or both as comma-separated values";
    for (path, headers, text) in [
        (publish.as_str(), vec![("upstash-retries", "6")], "quota maxRetries exceeded"),
        (&publish, vec![("upstash-retries", "-1")], "invalid Upstash-Retries: should be a whole number, 0 or more"),
        (&publish, vec![("upstash-delay", "8d")], "quota maxDelay exceeded, current limit: 604800"),
        (
            &publish,
            vec![("upstash-delay", "soon")],
            "invalid Upstash-Delay: should be a duration such as 50s, 3m, 10h or 1d10h",
        ),
        (
            &publish,
            vec![("upstash-retry-delay", "1 +")],
            "invalid Upstash-Retry-Delay: expected a number, `retried`, a function, `-` or `(` at position 3",
        ),
        (&publish, vec![("upstash-deduplication-id", "a:b")], "DeduplicationId cannot contain ':'"),
        (&publish, vec![("upstash-flow-control-key", "k")], flow),
        (&publish, vec![("upstash-flow-control-key", "k"), ("upstash-flow-control-value", "speed=1")], flow),
        (
            &publish,
            vec![("upstash-method", "OPTIONS")],
            "invalid Upstash-Method: should be GET, POST, PUT, PATCH or DELETE",
        ),
        (
            &publish,
            vec![("upstash-callback", "example.com")],
            "invalid upstash-callback url: endpoint has invalid scheme, add http:// or https://",
        ),
        (
            &publish,
            vec![("upstash-callback", "https://c.example"), ("upstash-callback-retries", "6")],
            "quota maxRetries exceeded",
        ),
        (
            &publish,
            vec![("upstash-redact-fields", "everything")],
            "Upstash-Redact-Fields should be a list of body, header and header[Name]",
        ),
        (
            "/v2/publish/example.com",
            vec![],
            "invalid destination url: endpoint has invalid scheme, add http:// or https://",
        ),
        (
            "/v2/publish/ftp://example.com",
            vec![],
            "invalid destination url: endpoint has invalid scheme, add http:// or https://",
        ),
        ("/v2/publish/https://", vec![], "invalid destination url: endpoint has no host"),
        ("/v2/publish/", vec![], "invalid destination url: endpoint has invalid scheme, add http:// or https://"),
        ("/v2/publish/https://a.example", vec![("upstash-cron", "")], "Invalid cron expression empty spec string"),
        (
            "/v2/schedules/https://a.example",
            vec![("upstash-cron", "* * *")],
            "Invalid cron expression expected exactly 5 fields, found 3: [* * *]",
        ),
        (
            "/v2/schedules/https://a.example",
            vec![("upstash-cron", "* * * * *"), ("upstash-schedule-id", "a b")],
            "invalid schedule id: should only contain alphanumeric characters, hyphens, underscores and periods",
        ),
        ("/v2/enqueue/a%20b/https://a.example", vec![], "invalid queue name"),
    ] {
        let answer = host.ask("POST", path, &headers, "").await;
        assert_eq!((answer.status, answer.text("error")), (400, text), "{path} {headers:?}");
    }
    for (method, path, body) in [
        ("POST", "/v2/batch", "no json"),
        ("POST", "/v2/batch", "{}"),
        ("POST", "/v2/queues", r#"{"parallelism":1}"#),
        ("POST", "/v2/queues", r#"{"queueName":"q","parallelism":0}"#),
        ("POST", "/v2/topics/g/endpoints", r#"{"endpoints":[]}"#),
        ("POST", "/v2/topics/g/endpoints", r#"{"endpoints":[{"url":"nowhere"}]}"#),
        ("DELETE", "/v2/messages?count=0", ""),
        ("DELETE", "/v2/messages?count=501", ""),
        ("DELETE", "/v2/messages", "no json"),
        ("GET", "/v2/dlq?count=101", ""),
    ] {
        let answer = host.ask(method, path, &[], body).await;
        assert!(answer.status == 400 && !answer.text("error").is_empty(), "{method} {path}: {answer:?}");
    }
    for (method, path, status) in [
        ("GET", "/v2/nothing", 404),
        ("GET", "/", 404),
        ("GET", "/v1/keys", 404),
        ("PUT", "/v2/keys", 405),
        ("GET", "/v2/publish/https://a.example", 405),
    ] {
        assert_eq!(host.ask(method, path, &[], "").await.status, status, "{method} {path}");
    }
    host.idle().await;
    assert!(host.local.messages().is_empty());
}

#[tokio::test]
async fn accounts_are_told_apart_by_their_tokens() {
    let host = Host::start().await;
    assert_eq!(host.ask_as("nothing", "GET", "/v2/keys", &[], "").await.status, 401);
    let other = "eyJVc2VySUQiOiJ0ZXN0VXNlcjEiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9";
    let keys = host.ask_as(other, "GET", "/v2/keys", &[], "").await.body;
    assert_eq!(keys["current"], "sig_7GVPjvuwsfqF65iC8fSrs1dfYruM");
    let id = host.publish("/", &[("upstash-delay", "1h")], "").await;
    assert_eq!(host.ask_as(other, "GET", &format!("/v2/messages/{id}"), &[], "").await.status, 404);
    let rotated = host.ask("POST", "/v2/keys/rotate", &[], "").await.body;
    assert_eq!(rotated["current"], LocalQStash::NEXT_SIGNING_KEY);
    assert_eq!(host.ask_as(other, "GET", "/v2/keys", &[], "").await.body, keys);
}

#[tokio::test]
async fn limits_have_their_statuses() {
    let host = Host::start_with(|builder| builder.max_message_bytes(1_000).daily_messages(2)).await;
    let path = format!("/v2/publish/{ORIGIN}/");
    let answer = host.ask("POST", &path, &[], &"x".repeat(1_001)).await;
    assert_eq!((answer.status, answer.text("error")), (413, "quota maxMessageSize exceeded, current limit: 1000"));
    assert_eq!(host.ask("POST", &path, &[], &"x".repeat(3_000_000)).await.status, 413);
    for expected in [200, 200, 429] {
        assert_eq!(host.ask("POST", &path, &[], "").await.status, expected);
    }
    host.pass(Duration::from_secs(24 * 3600)).await;
    assert_eq!(host.ask("POST", &path, &[], "").await.status, 200);
    let endpoints: Vec<_> = (0..101).map(|number| json!({"url": format!("{ORIGIN}/{number}")})).collect();
    let body = json!({"endpoints": endpoints}).to_string();
    assert_eq!(host.ask("POST", "/v2/topics/g/endpoints", &[], &body).await.status, 412);
}

#[tokio::test]
async fn other_machines_are_not_reached_without_leave() {
    let host = Host::start().await;
    let answer = host.ask("POST", "/v2/publish/http://192.0.2.1/", &[("upstash-retries", "0")], "").await;
    assert_eq!(answer.status, 200);
    host.idle().await;
    let letter = &host.get("/v2/dlq").await["messages"][0];
    assert!(letter["responseBody"].as_str().unwrap().starts_with("the destination is not on this machine"), "{letter}");
    for builder in [
        LocalQStash::builder().time_scale(0.0),
        LocalQStash::builder().time_scale(f64::NAN),
        LocalQStash::builder().rewrite("app", "http://127.0.0.1"),
    ] {
        assert!(matches!(builder.start().await, Err(LocalError::InvalidSetting { .. })));
    }
}

#[tokio::test]
async fn a_page_of_another_site_cannot_publish() {
    let host = Host::start().await;
    let answer = host.ask("POST", &format!("/v2/publish/{ORIGIN}/"), &[("origin", "https://evil.example")], "").await;
    assert_eq!(answer.status, 403);
    host.idle().await;
    assert!(host.app.delivered().is_empty());
}

#[tokio::test]
async fn more_fields_than_a_map_holds_are_refused() {
    let host = Host::start().await;
    let headers: serde_json::Map<String, serde_json::Value> =
        (0..40_000).map(|number| (format!("x-{number}"), json!("1"))).collect();
    let batch = json!([{"destination": format!("{ORIGIN}/"), "headers": headers}]).to_string();
    let answer = host.ask("POST", "/v2/batch", &[], &batch).await;
    assert_eq!(answer.body[0]["error"], "invalid message: there should be at most 1000 headers");
    let endpoints = json!({"endpoints": [{"url": format!("{ORIGIN}/")}]}).to_string();
    host.ask("POST", "/v2/topics/g/endpoints", &[], &endpoints).await;
    assert_eq!(host.ask("PATCH", "/v2/topics/g", &[], &json!({"headers": headers}).to_string()).await.status, 400);
}

#[tokio::test]
async fn a_filter_without_a_value_is_not_everything() {
    let host = Host::start().await;
    let id = host.publish("/", &[("upstash-delay", "1h")], "").await;
    for (path, body) in [
        ("/v2/messages?label=", ""),
        ("/v2/messages?label=,", ""),
        ("/v2/messages", r#"{"messageids":["msg_1"]}"#),
        ("/v2/dlq?dlqIds=", ""),
        ("/v2/dlq", r#"{"dlqids":["1-1"]}"#),
    ] {
        assert_eq!(host.ask("DELETE", path, &[], body).await.status, 400, "{path} {body}");
    }
    assert_eq!(host.get(&format!("/v2/messages/{id}")).await["messageId"], id.as_str());
}

/// Its tokens are public knowledge, wherever it listens.
#[tokio::test]
async fn web_pages_of_other_sites_are_refused_on_every_address() {
    let host = Host::start_with(|builder| builder.address(([0, 0, 0, 0], 0).into())).await;
    let path = format!("/v2/publish/{ORIGIN}/");
    for header in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        assert_eq!(host.ask("POST", &path, &[header], "").await.status, 403, "{header:?}");
    }
    assert_eq!(host.ask("POST", &path, &[("origin", host.local.url())], "").await.status, 200);
    // Under any name, unlike a server for this machine alone.
    assert_eq!(
        host.ask("POST", &path, &[("host", "qstash:8080"), ("origin", "http://qstash:8080")], "").await.status,
        200
    );
}
