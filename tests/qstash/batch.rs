use crate::server::Server;
use axum_upstash::{
    ErrorKind,
    qstash::{BatchItem, BatchPublished, Message},
};
use http::Method;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn items_of_all_kinds_travel_as_one_list() {
    let answer = json!([
        {"messageId": "msg_1", "url": "https://example.com/"},
        [{"messageId": "msg_2", "url": "https://a/"}, {"messageId": "msg_3", "url": "https://b/", "deduplicated": true}],
        {"error": "quota maxRetries exceeded"},
        {"messageId": "msg_4"},
    ]);
    let server = Server::answering(200, answer).await;
    let to = |path: &str| Message::to_url(format!("https://example.com/{path}"));
    let items = [
        to("a?x=1")
            .json(&json!({"order": 17}))
            .delay(Duration::from_secs(10))
            .header("X-Key", "1")
            .header("x-key", "2")
            .into(),
        Message::to_url_group("my-group").body("text").into(),
        to("b").method(&Method::GET).retries(9).into(),
        BatchItem::enqueue("my-queue", to("c").label("l")).unwrap(),
    ];
    let outcomes = server.client().batch(items).await.unwrap();

    let arrived = server.only();
    assert_eq!(arrived.line, "POST /v2/batch");
    assert_eq!(arrived.options(), []);
    assert_eq!(
        arrived.json(),
        json!([
            {
                "destination": "https://example.com/a?x=1",
                "headers": {"content-type": "application/json", "upstash-delay": "10s", "upstash-forward-x-key": "1, 2"},
                "body": "{\"order\":17}",
            },
            {"destination": "my-group", "headers": {}, "body": "text"},
            {"destination": "https://example.com/b", "headers": {"upstash-method": "GET", "upstash-retries": "9"}},
            {"destination": "https://example.com/c", "headers": {"upstash-label": "l"}, "queue": "my-queue"},
        ])
    );

    let ids: Vec<Vec<&str>> = outcomes
        .iter()
        .flatten()
        .map(|taken| taken.messages().iter().map(|message| message.message_id.as_str()).collect())
        .collect();
    assert_eq!(ids, [vec!["msg_1"], vec!["msg_2", "msg_3"], vec!["msg_4"]]);
    assert!(matches!(&outcomes[1], Ok(BatchPublished::Group { messages, .. }) if messages[1].deduplicated));
    let refused = outcomes[2].as_ref().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::LimitExceeded);
    assert_eq!(refused.to_string(), "qstash batch: quota maxRetries exceeded");
}

#[tokio::test]
async fn without_items_nothing_is_sent() {
    let server = Server::answering(200, "[]").await;
    assert!(server.client().batch(Vec::<BatchItem>::new()).await.unwrap().is_empty());
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn one_item_that_cannot_be_sent_stops_all_and_is_named() {
    let server = Server::answering(200, "[]").await;
    let good = || Message::to_url("https://example.com/");
    for (bad, named) in [
        (BatchItem::from(Message::to_url("secret")), "item 1: the destination"),
        (good().body(b"\xff".as_slice()).into(), "item 1: the body is not UTF-8"),
        (good().header("x", "\u{fc}").into(), "item 1: the header upstash-forward-x is not ASCII"),
        (BatchItem::enqueue("q", good().delay(Duration::from_secs(1))).unwrap(), "item 1: a queue takes no message"),
    ] {
        let error = server.client().batch([good().into(), bad]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with(&format!("qstash batch: {named}")), "{error}");
    }
    assert!(BatchItem::enqueue("", good()).is_err());
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_lone_object_is_the_answer_to_one_item() {
    let server = Server::answering(200, r#"{"messageId":"msg_1"}"#).await;
    let outcomes = server.client().batch([Message::to_url("https://example.com/")]).await.unwrap();
    assert_eq!(outcomes[0].as_ref().unwrap().messages()[0].message_id, "msg_1");
    let error =
        server.client().batch([Message::to_url("https://a/"), Message::to_url("https://b/")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("2 items were sent, and the answer has 1"), "{error}");
}

#[tokio::test]
async fn it_is_repeated_only_if_every_message_is_recognised() {
    let plain = || Message::to_url("https://example.com/");
    for (messages, requests) in [
        ([plain().deduplication_id("1"), plain().deduplicated()], 3),
        ([plain().deduplication_id("1"), plain().content_based_deduplication()], 1),
        ([plain().deduplication_id("1"), plain()], 1),
    ] {
        let server = Server::answering(503, "{}").await;
        assert_eq!(server.client().batch(messages).await.unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(server.count(), requests);
    }
}

#[tokio::test]
async fn what_was_taken_is_not_lost_with_what_was_not() {
    let server = Server::answering(
        200,
        json!([
            [{"messageId": "msg_1"}, {"error": "quota maxRetries exceeded"}, {"messageId": "msg_2"}],
            [{"error": "quota maxRetries exceeded"}],
            {"url": "https://example.com/"},
            {"messageId": "msg_3"},
        ]),
    )
    .await;
    let items = (0..4).map(|_| Message::to_url_group("group"));
    let outcomes = server.client().batch(items).await.unwrap();
    let Ok(BatchPublished::Group { messages, refused }) = &outcomes[0] else { panic!("{:?}", outcomes[0]) };
    assert_eq!(messages.iter().map(|one| one.message_id.as_str()).collect::<Vec<_>>(), ["msg_1", "msg_2"]);
    assert_eq!(refused.iter().map(axum_upstash::Error::kind).collect::<Vec<_>>(), [ErrorKind::LimitExceeded]);
    assert_eq!(outcomes[1].as_ref().unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert_eq!(outcomes[2].as_ref().unwrap_err().kind(), ErrorKind::Decode);
    assert!(outcomes[3].is_ok());
}
