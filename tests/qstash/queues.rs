use crate::server::{Server, answer, at};
use axum_upstash::{
    ErrorKind,
    qstash::{Message, QueueSettings},
};
use serde_json::json;
use std::time::{Duration, SystemTime};

#[tokio::test]
async fn calls_of_a_queue() {
    let server = Server::answering(200, "").await;
    let queue = server.client().queue("my-queue_1.x").unwrap();
    queue.upsert(QueueSettings::default()).await.unwrap();
    queue.upsert(QueueSettings::default().with_parallelism(3).with_paused(true)).await.unwrap();
    queue.pause().await.unwrap();
    queue.resume().await.unwrap();
    queue.delete().await.unwrap();
    assert_eq!(
        server.lines(),
        [
            "POST /v2/queues",
            "POST /v2/queues",
            "POST /v2/queues/my-queue_1.x/pause",
            "POST /v2/queues/my-queue_1.x/resume",
            "DELETE /v2/queues/my-queue_1.x",
        ]
    );
    let arrived = server.all();
    assert_eq!(arrived[0].json(), json!({"queueName": "my-queue_1.x", "parallelism": 1, "paused": false}));
    assert_eq!(arrived[1].json(), json!({"queueName": "my-queue_1.x", "parallelism": 3, "paused": true}));
    assert!(arrived[2].body.is_empty());

    let error = queue.upsert(QueueSettings::default().with_parallelism(0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    for name in ["", "a/b", "..", "a b"] {
        assert_eq!(server.client().queue(name).unwrap_err().kind(), ErrorKind::InvalidInput, "{name}");
    }
    assert_eq!(server.count(), 5);
}

#[tokio::test]
async fn queues_are_read() {
    let full = json!({
        "name": "orders", "createdAt": 1_725_323_658_779u64, "updatedAt": "1725323658780", "parallelism": "2", "paused": true, "lag": 7,
    });
    let server = Server::answering(200, &full).await;
    let queue = server.client().queue("orders").unwrap().get().await.unwrap();
    assert_eq!(server.lines(), ["GET /v2/queues/orders"]);
    assert_eq!(queue.name, "orders");
    assert_eq!((queue.created_at, queue.updated_at), (at(1_725_323_658_779), at(1_725_323_658_780)));
    assert_eq!((queue.parallelism, queue.paused, queue.lag), (2, true, 7));

    let server = Server::answering(200, json!([full, {"name": "bare"}])).await;
    let queues = server.client().queues().list().await.unwrap();
    assert_eq!(server.lines(), ["GET /v2/queues"]);
    assert_eq!(queues[0], queue);
    assert_eq!((queues[1].parallelism, queues[1].paused, queues[1].lag, queues[1].created_at), (1, false, 0, None));
    assert_eq!(Server::answering(200, "null").await.client().queues().list().await.unwrap(), []);
}

#[tokio::test]
async fn a_message_for_a_queue_has_its_name_in_the_path() {
    let server =
        Server::giving([answer(200, r#"{"messageId":"msg_1"}"#), answer(200, r#"[{"messageId":"msg_2"}]"#)]).await;
    let queue = server.client().queue("orders").unwrap();
    let message = Message::to_url("https://example.com/a//b?x=1").json(&17).deduplication_id("17");
    assert_eq!(queue.enqueue(message).await.unwrap().message_id, "msg_1");
    assert_eq!(queue.enqueue(Message::to_url_group("group")).await.unwrap()[0].message_id, "msg_2");
    assert_eq!(
        server.lines(),
        ["POST /v2/enqueue/orders/https://example.com/a//b?x=1", "POST /v2/enqueue/orders/group"]
    );
    let arrived = &server.all()[0];
    assert_eq!(arrived.body, "17");
    assert_eq!(arrived.options(), [("upstash-deduplication-id", "17")]);
}

#[tokio::test]
async fn a_queue_takes_no_delay() {
    let server = Server::accepting().await;
    let queue = server.client().queue("orders").unwrap();
    let message = || Message::to_url("https://example.com/");
    for delayed in [
        message().delay(Duration::from_secs(1)),
        message().not_before(SystemTime::now()),
        message().header("Upstash-Delay", "1s"),
    ] {
        let error = queue.enqueue(delayed).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "qstash enqueue: a queue takes no message with a delay");
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn only_calls_that_may_be_repeated_are() {
    let server = Server::answering(503, "{}").await;
    let queue = server.client().queue("orders").unwrap();
    let message = || Message::to_url("https://example.com/");
    assert!(queue.get().await.is_err());
    assert_eq!(server.count(), 3);
    assert!(queue.upsert(QueueSettings::default()).await.is_err());
    assert_eq!(server.count(), 6);
    assert!(queue.delete().await.is_err());
    assert_eq!(server.count(), 7);
    assert!(queue.enqueue(message()).await.is_err());
    assert_eq!(server.count(), 8);
    assert!(queue.enqueue(message().deduplicated()).await.is_err());
    assert_eq!(server.count(), 11);
}
