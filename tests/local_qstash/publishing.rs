use std::time::Duration;

use serde_json::json;

use crate::support::{Host, ORIGIN};

#[tokio::test]
async fn a_message_can_be_read_until_it_has_ended() {
    let host = Host::start().await;
    let headers = [
        ("content-type", "application/json"),
        ("upstash-forward-test-header", "a"),
        ("upstash-delay", "1h"),
        ("upstash-retries", "2"),
        ("upstash-callback", "https://c.example/x?y=1"),
        ("upstash-label", "one, two"),
        ("upstash-flow-control-key", "key"),
        ("upstash-flow-control-value", "parallelism=3"),
        ("upstash-telemetry-sdk", "not kept"),
    ];
    let id = host.publish("/hook?x=1", &headers, r#"{"a":1}"#).await;
    let message = host.get(&format!("/v2/messages/{id}")).await;
    for (name, value) in [
        ("messageId", json!(id)),
        ("url", json!(format!("{ORIGIN}/hook?x=1"))),
        ("method", json!("POST")),
        ("header", json!({"Content-Type": ["application/json"], "Test-Header": ["a"]})),
        ("body", json!(r#"{"a":1}"#)),
        ("maxRetries", json!(2)),
        ("callback", json!("https://c.example/x?y=1")),
        ("label", json!("one")),
        ("labels", json!(["one", "two"])),
        ("flowControlKey", json!("key")),
        ("parallelism", json!(3)),
        ("period", json!(1)),
        ("callerIP", json!("127.0.0.1")),
    ] {
        assert_eq!(message[name], value, "{name}");
    }
    assert_eq!(message["notBefore"].as_u64().unwrap(), message["createdAt"].as_u64().unwrap() + 3_600_000);
    for absent in ["bodyBase64", "topicName", "queueName", "scheduleId", "rate", "failureCallback"] {
        assert!(message.get(absent).is_none(), "{absent}");
    }
    assert_eq!(host.ask("GET", "/v2/messages/msg_none", &[], "").await.status, 404);
    // For a moment it can be read although it was delivered.
    host.pass(Duration::from_secs(3_601)).await;
    host.get(&format!("/v2/messages/{id}")).await;
    host.pass(Duration::from_secs(11)).await;
    assert_eq!(host.ask("GET", &format!("/v2/messages/{id}"), &[], "").await.status, 404);
}

#[tokio::test]
async fn a_repetition_is_told_for_ten_minutes_whatever_became_of_the_first() {
    let host = Host::start().await;
    let path = format!("/v2/publish/{ORIGIN}/");
    let headers = [("upstash-deduplication-id", "once")];
    let first = host.ask("POST", &path, &headers, "a").await;
    host.pass(Duration::from_secs(590)).await;
    let second = host.ask("POST", &path, &headers, "b").await;
    assert_eq!((second.status, second.text("messageId")), (202, first.text("messageId")));
    assert_eq!(second.body["deduplicated"], true);
    host.pass(Duration::from_secs(11)).await;
    let third = host.ask("POST", &path, &headers, "c").await;
    assert_eq!(third.status, 200);
    assert_ne!(third.text("messageId"), first.text("messageId"));
    host.idle().await;
    assert_eq!(host.app.bodies(), ["a", "c"]);

    let by_content = [("upstash-content-based-deduplication", "True")];
    assert_eq!(host.ask("POST", &path, &by_content, "x").await.status, 200);
    assert_eq!(host.ask("POST", &path, &by_content, "x").await.status, 202);
    assert_eq!(host.ask("POST", &path, &by_content, "y").await.status, 200);
    assert_eq!(host.ask("POST", &format!("{path}other"), &by_content, "x").await.status, 200);
}

#[tokio::test]
async fn a_batch_has_messages_of_every_kind_and_their_refusals() {
    let host = Host::start().await;
    let endpoints = json!({"endpoints": [{"url": format!("{ORIGIN}/1")}, {"url": format!("{ORIGIN}/2")}]});
    host.ask("POST", "/v2/topics/group/endpoints", &[], &endpoints.to_string()).await;
    let batch = json!([
        {"destination": format!("{ORIGIN}/url"), "headers": {"upstash-forward-x": "1"}, "body": "a"},
        {"destination": "group", "headers": {}, "body": null, "queue": ""},
        {"destination": "nowhere"},
        {"destination": format!("{ORIGIN}/queue"), "queue": "q", "body": "b"},
        {"headers": {}},
        {"destination": format!("{ORIGIN}/?upstash-retries=x")},
    ]);
    let answer = host.ask("POST", "/v2/batch", &[], &batch.to_string()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body[0]["messageId"].is_string() && answer.body[3]["messageId"].is_string());
    assert_eq!(answer.body[1].as_array().unwrap().len(), 2);
    assert_eq!(
        answer.body[2]["error"],
        "invalid destination url: endpoint has invalid scheme, add http:// or https://"
    );
    assert!(answer.body[4]["error"].is_string() && answer.body[5]["error"].is_string());
    host.idle().await;
    let mut targets: Vec<String> = host.app.delivered().into_iter().map(|one| one.target).collect();
    targets.sort();
    assert_eq!(targets, ["/1", "/2", "/queue", "/url"]);
}

#[tokio::test]
async fn options_in_the_query_are_no_part_of_the_destination() {
    let host = Host::start().await;
    let token = host.local.token().replace('=', "%3D");
    let path = format!("/v2/publish/{ORIGIN}/x?a=1&upstash-delay=1h&qstash_token={token}&upstash-header-forward=true");
    let url = format!("{}{path}", host.local.url());
    let response = reqwest::Client::new().post(url).header("x-hub", "sent").send().await.unwrap();
    assert_eq!(response.status(), 200);
    host.pass(Duration::from_secs(3_601)).await;
    let [delivered] = &host.app.delivered()[..] else { panic!("one delivery") };
    assert_eq!((delivered.target.as_str(), delivered.header("x-hub")), ("/x?a=1", Some("sent")));
    assert_eq!(delivered.header("authorization"), None);
    assert_eq!(delivered.header("qstash_token"), None);
}

#[tokio::test]
async fn an_item_with_more_options_than_a_message_has_is_refused_and_the_others_are_delivered() {
    let host = Host::start().await;
    let options: Vec<String> = (0..30_000).map(|number| format!("upstash-a{number}")).collect();
    let batch = json!([
        {"destination": format!("{ORIGIN}/1")},
        {"destination": format!("{ORIGIN}/?{}", options.join("&"))},
        {"destination": format!("{ORIGIN}/3")},
    ]);
    let answer = host.ask("POST", "/v2/batch", &[], &batch.to_string()).await;
    assert!(answer.body[1]["error"].as_str().unwrap().contains("at most 1000 headers"), "{}", answer.body);
    host.idle().await;
    assert_eq!(host.app.delivered().len(), 2);
}

#[tokio::test]
async fn an_item_with_a_cron_makes_a_schedule() {
    let host = Host::start().await;
    let batch = json!([{"destination": format!("{ORIGIN}/"), "headers": {"Upstash-Cron": "0 0 1 1 *"}}]);
    let answer = host.ask("POST", "/v2/batch", &[], &batch.to_string()).await;
    let id = answer.body[0]["scheduleId"].as_str().unwrap();
    assert_eq!(host.get("/v2/schedules").await[0]["scheduleId"], id);
    host.idle().await;
    assert_eq!(host.app.delivered().len(), 0);
}

#[tokio::test]
async fn lists_may_be_in_several_lines() {
    let host = Host::start().await;
    let headers = [
        ("upstash-redact-fields", "body"),
        ("upstash-redact-fields", "header[X-Secret]"),
        ("upstash-forward-x-secret", "hidden"),
        ("upstash-label", "a"),
        ("upstash-label", "b"),
        ("upstash-delay", "1h"),
    ];
    let id = host.publish("/", &headers, "hidden").await;
    let message = host.get(&format!("/v2/messages/{id}")).await;
    assert_eq!(message["labels"], json!(["a", "b"]));
    assert!(!message.to_string().contains("hidden"), "{message}");
}

#[tokio::test]
async fn no_message_says_where_it_comes_from() {
    let host = Host::start().await;
    let forged = [
        ("upstash-forward-upstash-schedule-id", "scd_1"),
        ("upstash-forward-upstash-topic-name", "group"),
        ("upstash-forward-upstash-caller-ip", "1.2.3.4"),
        ("upstash-forward-upstash-retried", "7"),
    ];
    host.publish("/", &forged, "").await;
    host.idle().await;
    let [delivered] = &host.app.delivered()[..] else { panic!("one delivery") };
    assert_eq!(delivered.header("upstash-schedule-id"), None);
    assert_eq!(delivered.header("upstash-topic-name"), None);
    assert_eq!(delivered.header("upstash-caller-ip"), Some("127.0.0.1"));
    assert_eq!(delivered.header("upstash-retried"), Some("0"));
}

#[tokio::test]
async fn content_is_the_same_in_another_trace() {
    let host = Host::start().await;
    let publish = async |trace: &str, body: &str| {
        let headers = [("upstash-content-based-deduplication", "true"), ("traceparent", trace)];
        host.ask("POST", &format!("/v2/publish/{ORIGIN}/"), &headers, body).await.status
    };
    assert_eq!(publish("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a").await, 200);
    assert_eq!(publish("00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203332-01", "a").await, 202);
    assert_eq!(publish("00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203332-01", "b").await, 200);
}

#[tokio::test]
async fn what_is_redacted_is_delivered_and_not_shown() {
    let host = Host::start().await;
    let headers = [
        ("upstash-redact-fields", "body,header[Authorization]"),
        ("upstash-forward-authorization", "Bearer secret"),
        ("upstash-forward-x-open", "open"),
        ("upstash-retries", "0"),
    ];
    host.app.answers([500]);
    let id = host.publish("/", &headers, "a secret").await;
    host.idle().await;
    let [delivered] = &host.app.delivered()[..] else { panic!("one delivery") };
    assert_eq!((delivered.header("authorization"), &*delivered.body), (Some("Bearer secret"), &b"a secret"[..]));
    let letters = host.get("/v2/dlq").await;
    let letter = &letters["messages"][0];
    assert!(letter["body"].as_str().unwrap().starts_with("REDACTED:"));
    assert!(letter["header"]["Authorization"][0].as_str().unwrap().starts_with("REDACTED:"));
    assert_eq!(letter["header"]["X-Open"], json!(["open"]));
    let log = host.get(&format!("/v2/logs?messageId={id}")).await.to_string();
    assert!(!log.contains("secret") && !log.contains("YSBzZWNyZXQ"), "{log}");
    // A dead letter that is published again has the original.
    let id = letter["dlqId"].as_str().unwrap();
    assert_eq!(host.ask("POST", &format!("/v2/dlq/retry/{id}"), &[], "").await.status, 201);
    host.idle().await;
    assert_eq!(&*host.app.delivered()[1].body, b"a secret");
}
