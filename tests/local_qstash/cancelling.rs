use std::time::Duration;

use serde_json::json;

use crate::support::{Host, ORIGIN};

const DELAYED: (&str, &str) = ("upstash-delay", "1h");

#[tokio::test]
async fn a_cancelled_message_is_gone_and_its_log_says_so() {
    let host = Host::start().await;
    let id = host.publish("/", &[DELAYED], "").await;
    let answer = host.ask("DELETE", &format!("/v2/messages/{id}"), &[], "").await;
    assert_eq!((answer.status, &answer.body), (200, &json!({"cancelled": 1})));
    assert_eq!(host.ask("GET", &format!("/v2/messages/{id}"), &[], "").await.status, 404);
    assert_eq!(host.ask("DELETE", &format!("/v2/messages/{id}"), &[], "").await.status, 404);
    assert_eq!(host.states(&id).await, ["CREATED", "CANCEL_REQUESTED"]);
    host.pass(Duration::from_secs(3_601)).await;
    assert_eq!(host.states(&id).await, ["CREATED", "CANCEL_REQUESTED", "CANCELED"]);
    assert_eq!(host.app.delivered().len(), 0);
}

#[tokio::test]
async fn messages_are_cancelled_by_ids_by_filters_and_all() {
    let host = Host::start().await;
    let mut ids = Vec::new();
    for (path, label) in [("/a", "x"), ("/a", "y"), ("/b", "x"), ("/b", "y"), ("/c", "z"), ("/c", "z")] {
        ids.push(host.publish(path, &[DELAYED, ("upstash-label", label)], "").await);
    }
    let cancelled = async |query: &str, body: &str| {
        let answer = host.ask("DELETE", &format!("/v2/messages{query}"), &[], body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["cancelled"].as_u64().unwrap()
    };
    assert_eq!(cancelled(&format!("?messageIds={}&messageIds=msg_none", ids[0]), "").await, 1);
    assert_eq!(cancelled("", &json!({"messageIds": [ids[0], ids[1]]}).to_string()).await, 1, "not again");
    assert_eq!(cancelled("", &json!({"messageIds": []}).to_string()).await, 0, "an empty list is not all");
    assert_eq!(cancelled("?path=/b&label=x", "").await, 1);
    assert_eq!(cancelled("?label=z&count=1", "").await, 1);
    assert_eq!(cancelled("?host=other.example", "").await, 0);
    assert_eq!(cancelled(&format!("?url={ORIGIN}/c"), "").await, 1);
    assert_eq!(host.ask("DELETE", "/v2/messages?labeel=x", &[], "").await.status, 400, "a misspelt filter is not all");
    assert_eq!(cancelled("", "").await, 1);
}

#[tokio::test]
async fn a_message_under_way_ends_with_its_attempt() {
    let host = Host::start().await;
    let held = host.app.hold();
    host.app.answers([500]);
    let id = host.publish("/", &[], "").await;
    host.delivered(1).await;
    assert_eq!(host.ask("DELETE", &format!("/v2/messages/{id}"), &[], "").await.status, 200);
    assert_eq!(host.ask("DELETE", &format!("/v2/messages/{id}"), &[], "").await.status, 404, "not twice");
    held.add_permits(1);
    host.idle().await;
    assert_eq!(host.states(&id).await, ["CREATED", "ACTIVE", "CANCEL_REQUESTED", "ERROR", "CANCELED"]);
    host.pass(Duration::from_secs(60)).await;
    assert_eq!(host.app.delivered().len(), 1);
}
