use std::time::Duration;

use serde_json::json;

use crate::support::{Host, ORIGIN};

#[tokio::test]
async fn a_queue_delivers_one_after_the_other_retries_and_callbacks_included() {
    let host = Host::start().await;
    host.app.answers([500]);
    let callback = format!("{ORIGIN}/callback");
    host.enqueue("q", "/", &[("upstash-retry-delay", "60000"), ("upstash-callback", &callback)], "first").await;
    for body in ["second", "third"] {
        host.enqueue("q", "/", &[], body).await;
    }
    host.idle().await;
    assert_eq!(host.app.delivered().len(), 2, "the first one, and the callback of its failure");
    assert_eq!(host.get("/v2/queues/q").await["lag"], 3);
    let held = host.app.hold();
    host.local.advance(Duration::from_secs(61));
    host.delivered(3).await;
    held.add_permits(1);
    // The callback of the success holds the second one up.
    host.delivered(4).await;
    assert_eq!(host.app.delivered()[3].target, "/callback");
    held.add_permits(100);
    host.idle().await;
    let bodies: Vec<String> = host
        .app
        .delivered()
        .iter()
        .filter(|one| one.target == "/")
        .map(|one| String::from_utf8_lossy(&one.body).into())
        .collect();
    assert_eq!(bodies, ["first", "first", "second", "third"]);
    assert_eq!(host.app.delivered()[4].target, "/", "the second one after the callback");
    assert_eq!(host.get("/v2/queues/q").await["lag"], 0);
}

#[tokio::test]
async fn a_paused_queue_takes_messages_and_delivers_none() {
    let host = Host::start().await;
    let upsert = |paused: bool| json!({"queueName": "q", "parallelism": 2, "paused": paused}).to_string();
    assert_eq!(host.ask("POST", "/v2/queues", &[], &upsert(true)).await.status, 200);
    for number in 0..6 {
        host.enqueue("q", "/", &[], &number.to_string()).await;
    }
    host.idle().await;
    assert_eq!(host.app.delivered().len(), 0);
    let queue = host.get("/v2/queues/q").await;
    assert_eq!((&queue["lag"], &queue["paused"], &queue["parallelism"]), (&json!(6), &json!(true), &json!(2)));
    let held = host.app.hold();
    assert_eq!(host.ask("POST", "/v2/queues/q/resume", &[], "").await.status, 200);
    host.delivered(2).await;
    held.add_permits(100);
    host.idle().await;
    assert_eq!(host.app.bodies().len(), 6);
    assert_eq!(host.app.most_at_once(), 2);
    assert_eq!(host.get("/v2/queues").await.as_array().unwrap().len(), 1);
    assert_eq!(host.ask("DELETE", "/v2/queues/q", &[], "").await.status, 200);
    assert_eq!(host.ask("GET", "/v2/queues/q", &[], "").await.status, 404);
}

/// Messages that have their place, and wait for their rate, are held up as well.
#[tokio::test]
async fn a_queue_that_is_paused_begins_nothing() {
    let host = Host::start().await;
    let queue = json!({"queueName": "q", "parallelism": 5}).to_string();
    assert_eq!(host.ask("POST", "/v2/queues", &[], &queue).await.status, 200);
    let headers = [("upstash-flow-control-key", "k"), ("upstash-flow-control-value", "rate=1,period=60")];
    for number in 0..5 {
        host.enqueue("q", "/", &headers, &number.to_string()).await;
    }
    host.idle().await;
    assert_eq!(host.app.bodies(), ["0"]);
    assert_eq!(host.ask("POST", "/v2/queues/q/pause", &[], "").await.status, 200);
    host.pass(Duration::from_secs(600)).await;
    assert_eq!(host.app.bodies(), ["0"]);
    assert_eq!(host.ask("POST", "/v2/queues/q/resume", &[], "").await.status, 200);
    for _ in 0..4 {
        host.pass(Duration::from_secs(60)).await;
    }
    assert_eq!(host.app.bodies(), ["0", "1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_queue_that_is_removed_cancels_what_waits_in_it() {
    let host = Host::start().await;
    let held = host.app.hold();
    let running = host.enqueue("q", "/", &[], "running").await;
    host.delivered(1).await;
    let waiting = host.enqueue("q", "/", &[], "waiting").await;
    let delayed = host.enqueue("q", "/", &[("upstash-delay", "1h")], "delayed").await;
    assert_eq!(host.ask("DELETE", "/v2/queues/q", &[], "").await.status, 200);
    held.add_permits(10);
    host.pass(Duration::from_secs(3_601)).await;
    assert_eq!(host.app.bodies(), ["running"]);
    assert_eq!(host.states(&running).await.last().unwrap(), "DELIVERED");
    for id in [waiting, delayed] {
        assert_eq!(host.states(&id).await, ["CREATED", "CANCEL_REQUESTED", "CANCELED"]);
        assert_eq!(host.ask("GET", &format!("/v2/messages/{id}"), &[], "").await.status, 404);
    }
}
