use serde_json::json;

use crate::support::{Host, ORIGIN};

#[tokio::test]
async fn a_callback_tells_of_every_attempt_and_a_failure_callback_of_the_end() {
    let host = Host::start().await;
    host.app.answers([500]);
    let (callback, failure) = (format!("{ORIGIN}/callback"), format!("{ORIGIN}/failure"));
    let headers = [
        ("upstash-callback", callback.as_str()),
        ("upstash-failure-callback", failure.as_str()),
        ("upstash-callback-forward-x", "of the callback"),
        ("upstash-callback-method", "PUT"),
        ("upstash-retries", "0"),
        ("traceparent", "00-1-2-01"),
    ];
    let id = host.publish("/hook", &headers, "sent").await;
    host.idle().await;
    let delivered = host.app.delivered();
    let at = |target: &str| delivered.iter().find(|one| one.target == target).unwrap();
    let callback = at("/callback");
    assert_eq!(callback.method, "PUT");
    assert_eq!(callback.header("x"), Some("of the callback"));
    assert!(delivered.iter().all(|one| one.header("traceparent") == Some("00-1-2-01")), "the trace goes on");
    assert_eq!(callback.header("content-type"), Some("application/json"));
    assert!(callback.header("upstash-signature").is_some());
    assert_ne!(callback.header("upstash-message-id"), Some(id.as_str()));
    let body = callback.json();
    for (name, value) in [
        ("status", json!(500)),
        ("body", json!("YW5zd2VyIDUwMA==")), // answer 500
        ("retried", json!(0)),
        ("maxRetries", json!(0)),
        ("sourceMessageId", json!(id)),
        ("sourceBody", json!("c2VudA==")),
        ("url", json!(format!("{ORIGIN}/hook"))),
        ("method", json!("POST")),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
    assert!(body["createdAt"].is_string() && body["header"]["Content-Type"].is_array());
    let body = at("/failure").json();
    assert_eq!(body["dlqId"], host.get("/v2/dlq").await["messages"][0]["dlqId"]);
    assert_eq!(host.get("/v2/dlq").await["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_success_is_called_back_once() {
    let host = Host::start().await;
    let callback = format!("{ORIGIN}/callback");
    let headers = [("upstash-callback", callback.as_str()), ("upstash-failure-callback", callback.as_str())];
    host.publish("/hook", &headers, "").await;
    host.idle().await;
    let targets: Vec<String> = host.app.delivered().into_iter().map(|one| one.target).collect();
    assert_eq!(targets, ["/hook", "/callback"]);
    assert_eq!(host.app.delivered()[1].json()["status"], 200);
}

#[tokio::test]
async fn what_a_message_hides_its_callbacks_do_not_show() {
    let host = Host::start().await;
    let callback = format!("{ORIGIN}/callback");
    let headers = [
        ("upstash-redact-fields", "body,header"),
        ("upstash-forward-x-secret", "hidden"),
        ("upstash-callback", &callback),
        ("upstash-callback-forward-authorization", "hidden"),
    ];
    host.publish("/", &headers, "hidden").await;
    host.idle().await;
    let called = host.app.delivered().into_iter().find(|one| one.target == "/callback").unwrap();
    assert_eq!(called.json()["sourceHeader"]["X-Secret"], json!(["hidden"]));
    assert_eq!(called.header("authorization"), Some("hidden"));
    let log = host.get("/v2/logs").await.to_string();
    assert!(!log.contains("hidden") && !log.contains("aGlkZGVu"), "{log}");
}
