use axum::{Json, Router, body::Body, extract::rejection::JsonRejection, http::Request, routing::post};
use axum_upstash::qstash::{CallbackBody, QStash, Receiver, Signer};
use http::Method;
use serde_json::json;
use std::time::{Duration, SystemTime};
use tower::ServiceExt;

fn at(ms: u64) -> Option<SystemTime> {
    Some(SystemTime::UNIX_EPOCH + Duration::from_millis(ms))
}

#[test]
fn a_callback_is_read_in_both_spellings() {
    let as_documented = json!({
        "status": 200, "header": {"Content-Type": ["text/plain"]}, "body": "eyJhIjoxfQ==", "retried": 2, "maxRetries": 3,
        "sourceMessageId": "msg_1", "topicName": "group", "endpointName": "e", "url": "https://example.com/", "method": "PUT",
        "sourceHeader": {"X-A": "1"}, "sourceBody": "aGVsbG8=", "notBefore": "1725323658779", "createdAt": "1725323658000",
        "scheduleId": "scd_1", "callerIP": "1.2.3.4",
    });
    let mut with_numbers_and_lists = as_documented.clone();
    with_numbers_and_lists["notBefore"] = 1_725_323_658_779u64.into();
    with_numbers_and_lists["createdAt"] = 1_725_323_658_000u64.into();
    with_numbers_and_lists["sourceHeader"] = json!({"X-A": ["1"]});
    let callback: CallbackBody = serde_json::from_value(as_documented).unwrap();
    assert_eq!(serde_json::from_value::<CallbackBody>(with_numbers_and_lists).unwrap(), callback);
    assert_eq!(callback.source_message_id, "msg_1");
    assert_eq!((callback.status.unwrap().as_u16(), &*callback.body), (200, b"{\"a\":1}".as_slice()));
    assert_eq!(
        (callback.retried, callback.max_retries, callback.is_success(), callback.is_last()),
        (2, Some(3), true, true)
    );
    assert_eq!((&*callback.source_body, callback.method.as_ref()), (b"hello".as_slice(), Some(&Method::PUT)));
    assert_eq!(
        (&callback.headers["content-type"], &callback.source_headers["x-a"]),
        (&"text/plain".parse().unwrap(), &"1".parse().unwrap())
    );
    assert_eq!((callback.not_before, callback.created_at), (at(1_725_323_658_779), at(1_725_323_658_000)));
    assert_eq!(callback.url_group.as_ref().unwrap(), &"group");
    assert_eq!(callback.schedule_id.as_ref().unwrap(), &"scd_1");
    assert!(!format!("{callback:?}").contains("hello"));
}

#[test]
fn the_last_callback_is_recognised() {
    let read = |value| serde_json::from_value::<CallbackBody>(value).unwrap();
    let no_answer = read(json!({"sourceMessageId": "msg_1", "status": 0, "body": "", "retried": 1, "maxRetries": 3}));
    assert_eq!((no_answer.status, no_answer.is_success(), no_answer.is_last()), (None, false, false));
    assert!(read(json!({"sourceMessageId": "msg_1", "status": 500, "retried": 3, "maxRetries": 3})).is_last());
    let failed =
        read(json!({"sourceMessageId": "msg_1", "status": 489, "retried": 0, "maxRetries": 3, "dlqId": "1-0"}));
    assert!(failed.is_last() && failed.dlq_id.unwrap() == "1-0");
    assert!(serde_json::from_value::<CallbackBody>(json!({"status": 200})).is_err());
    let header = json!({"Upstash-NonRetryable-Error": ["true"]});
    let given_up = json!({"sourceMessageId": "msg_1", "status": 489, "header": header, "retried": 0, "maxRetries": 3});
    assert!(read(given_up).is_last());
    let given_up = json!({"sourceMessageId": "msg_1", "status": 500, "header": header, "retried": 0, "maxRetries": 3});
    assert!(!read(given_up).is_last(), "only with that status");
    assert!(!read(json!({"sourceMessageId": "msg_1", "status": 500})).is_last(), "not known");
}

#[tokio::test]
async fn a_handler_takes_a_signed_callback() {
    async fn done(QStash(Json(callback)): QStash<Json<CallbackBody>>) -> String {
        format!("{} {}", callback.source_message_id, callback.is_last())
    }
    let app: Router = Router::new().route("/done", post(done)).with_state(Receiver::new("sig_a", "sig_b").unwrap());
    let body = json!({"sourceMessageId": "msg_1", "status": 500, "retried": 0, "maxRetries": 3}).to_string();
    let signature = Signer::new("sig_a").unwrap().sign("https://app.example.com/done", &body);
    let request = Request::post("/done")
        .header("content-type", "application/json")
        .header("upstash-signature", signature)
        .body(Body::from(body))
        .unwrap();
    let response = app.oneshot(request).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
    assert_eq!(body, "msg_1 false");
}

fn callback_with(status: u16, content_type: &str, body: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    json!({
        "sourceMessageId": "msg_1", "status": status, "header": {"Content-Type": content_type},
        "body": STANDARD.encode(body), "retried": 1, "maxRetries": 3, "sourceBody": STANDARD.encode(r#"{"order":17}"#),
    })
    .to_string()
}

#[tokio::test]
async fn the_answer_is_read_by_an_extractor_with_the_headers_of_the_answer() {
    type Sent = Json<u64>;
    async fn json(QStash(callback): QStash<CallbackBody<Sent>>) -> String {
        format!("{} after {} of {}", callback.body.0, callback.retried, callback.max_retries.unwrap())
    }
    async fn lenient(QStash(callback): QStash<CallbackBody<Result<Sent, JsonRejection>>>) -> String {
        let order = callback.source_json::<serde_json::Value>().unwrap()["order"].clone();
        assert!(callback.source_json::<u64>().is_err());
        callback.body.map_or_else(|_| format!("order {order} failed"), |sent| sent.0.to_string())
    }
    async fn text(QStash(callback): QStash<CallbackBody<String>>) -> String {
        callback.body
    }
    let app: Router = Router::new()
        .route("/json", post(json))
        .route("/lenient", post(lenient))
        .route("/text", post(text))
        .with_state(Receiver::new("sig_a", "sig_b").unwrap());
    let sent = callback_with(200, "application/json", "17");
    let page = callback_with(502, "text/html", "<html>");
    for (path, body, status, part) in [
        ("/json", &sent, 200, "17 after 1 of 3"),
        ("/json", &page, 415, "application/json"),
        ("/json", &callback_with(200, "application/json", "x"), 400, "JSON"),
        ("/lenient", &sent, 200, "17"),
        ("/lenient", &page, 200, "order 17 failed"),
        ("/text", &page, 200, "<html>"),
        ("/text", &json!({"status": 200}).to_string(), 422, "sourceMessageId is missing"),
        ("/text", &"secret".to_owned(), 422, "the callback is not JSON"),
        ("/text", &callback_with(200, "text/plain", &"x".repeat(3 << 20)), 200, "xxx"),
    ] {
        let signature = Signer::new("sig_a").unwrap().sign("https://app.example.com/done", body);
        let request =
            Request::post(path).header("upstash-signature", signature).body(Body::from(body.clone())).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{path} {part}");
        let text = axum::body::to_bytes(response.into_body(), 4 << 20).await.unwrap();
        let text = String::from_utf8(text.into()).unwrap();
        assert!(text.contains(part) && !text.contains("secret"), "{part}");
    }
}

/// The signature is that of the callback: the answer in it has none in it.
#[tokio::test]
async fn the_answer_in_a_callback_is_not_verified() {
    async fn inner(QStash(_): QStash<CallbackBody<QStash<Json<u64>>>>) {}
    let app: Router = Router::new().route("/", post(inner)).with_state(Receiver::new("sig_a", "sig_b").unwrap());
    let body = callback_with(200, "application/json", "17");
    let signature = Signer::new("sig_a").unwrap().sign("https://app.example.com/", &body);
    let request = Request::post("/").header("upstash-signature", signature).body(Body::from(body)).unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), 401);
}
