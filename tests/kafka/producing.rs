use crate::{losing::Losing, start, start_with};
use axum_upstash::{
    ErrorKind,
    kafka::{Fetch, Kafka, Message, OffsetTime, TopicPartition, TopicPartitionOffset},
    local::LocalKafka,
};
use std::{
    sync::atomic::Ordering,
    time::{Duration, UNIX_EPOCH},
};

#[tokio::test]
async fn messages_come_back_as_they_were_stored() {
    let (_local, kafka) = start().await;
    let time = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
    let message = Message::json("orders", &[1, 2]).unwrap().key(17).header("a", "1").header("a", "ü").timestamp(time);
    let produced = kafka.produce(message).await.unwrap();
    // The key decides, as in Kafka's own clients.
    let again = kafka.produce(Message::text("orders", "two").key("17")).await.unwrap();
    assert_eq!((produced.offset, again.offset, again.partition), (0, 1, produced.partition));
    let by_path = kafka.produce_in_path("orders", "a/b c", Some("17")).await.unwrap();
    assert_eq!((by_path.partition, by_path.offset), (produced.partition, 2));

    let read = kafka.fetch(Fetch::from("orders", produced.partition, 0)).await.unwrap();
    assert_eq!(read[0].json::<Vec<u8>>().unwrap(), [1, 2]);
    assert_eq!((read[0].parse_key::<u32>().unwrap(), read[0].time(), read[0].header("a")), (17, time, Some("1")));
    assert_eq!(read[0].headers().collect::<Vec<_>>(), [("a", "1"), ("a", "ü")]);
    assert_eq!((read[2].value.as_str(), read.len()), ("a/b c", 3));
    assert!(read[1].json::<u8>().is_err() && !format!("{:?}", read[1]).contains("two"));

    // The headers of a request that is passed on take the place of none of the client's own.
    let passed_on = [("x-event", "paid"), ("authorization", "Bearer other"), ("host", "example.com")];
    let webhook = kafka.webhook("hooks", "body", passed_on).await.unwrap();
    let read = kafka.fetch(Fetch::from("hooks", 0, webhook.offset)).await.unwrap();
    assert_eq!(read[0].value, "body");
    assert_eq!(read[0].headers().collect::<Vec<_>>(), [("x-event", "paid")]);
}

#[tokio::test]
async fn several_messages_are_stored_together_or_not_at_all() {
    let (local, kafka) = start().await;
    assert_eq!(kafka.produce_many([]).await.unwrap(), []);
    assert_eq!(local.requests(), 0);
    let messages = |last: u32| {
        [
            Message::text("orders", "1").partition(0),
            Message::text("other", "2"),
            Message::text("orders", "3").partition(last),
        ]
    };
    let error = kafka.produce_many(messages(3)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(kafka.topics().await.unwrap().len(), 1);
    let produced = kafka.produce_many(messages(2)).await.unwrap();
    assert_eq!(
        produced.iter().map(|one| (one.topic.as_str(), one.partition)).collect::<Vec<_>>(),
        [("orders", 0), ("other", 0), ("orders", 2)]
    );
    // Without a key they go round.
    let mut partitions = Vec::new();
    for _ in 0..6 {
        partitions.push(kafka.produce(Message::text("orders", "x")).await.unwrap().partition);
    }
    partitions.sort_unstable();
    assert_eq!(partitions, [0, 0, 1, 1, 2, 2]);
}

#[tokio::test]
async fn offsets_are_looked_up_by_time() {
    let (_local, kafka) = start().await;
    for (at, value) in (0..).zip(["a", "b", "c"]) {
        let time = UNIX_EPOCH + Duration::from_secs(1_000 + at * 10);
        kafka.produce(Message::text("orders", value).partition(1).timestamp(time)).await.unwrap();
    }
    let at = |seconds: u64| OffsetTime::At(UNIX_EPOCH + Duration::from_secs(seconds));
    for (time, offset) in
        [(OffsetTime::Earliest, 0), (OffsetTime::Latest, 3), (at(0), 0), (at(1_001), 1), (at(1_020), 2), (at(9_999), 3)]
    {
        let offsets = kafka.offsets(time, [TopicPartition::new("orders", 1)]).await.unwrap();
        assert_eq!(offsets, [TopicPartitionOffset::new("orders", 1, offset)], "{time:?}");
    }
}

#[tokio::test]
async fn old_messages_go_and_what_is_fetched_begins_after_them() {
    let (_local, kafka) = start_with(LocalKafka::builder().topic("orders", 1).retention(10, 1_000_000)).await;
    for n in 0..25 {
        kafka.produce(Message::text("orders", n.to_string())).await.unwrap();
    }
    let values = async |offset: i64| -> Vec<String> {
        let fetch = Fetch::from("orders", 0, offset).wait(Duration::ZERO);
        kafka.fetch(fetch).await.unwrap().into_iter().map(|received| received.value).collect()
    };
    assert_eq!(values(0).await, (15..25).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(values(-5).await.len(), 10);
    assert_eq!(values(i64::MIN).await.len(), 10);
    assert_eq!(values(23).await, ["23", "24"]);
    assert_eq!(values(25).await, [""; 0]);
    assert_eq!(values(i64::MAX).await, [""; 0]);
}

#[tokio::test]
async fn a_message_whose_answer_is_lost_is_not_sent_again() {
    let (local, kafka) = start().await;
    let (transport, sent) = Losing::new("/", |_| true);
    let losing = Kafka::builder(local.url(), local.username(), local.password()).transport(transport).build().unwrap();
    let error = losing.produce(Message::text("orders", "once").partition(0)).await.unwrap_err();
    assert_eq!((error.kind(), sent.load(Ordering::Relaxed)), (ErrorKind::Interrupted, 1));
    assert_eq!(kafka.fetch(Fetch::from("orders", 0, 0)).await.unwrap().len(), 1);
    // A read may be.
    assert!(losing.topics().await.is_err());
    assert_eq!(sent.load(Ordering::Relaxed), 5);
}

#[tokio::test]
async fn new_topics_beyond_the_limit_store_nothing() {
    let builder = (0..999).fold(LocalKafka::builder(), |builder, n| builder.topic(format!("topic-{n}"), 1));
    let (_local, kafka) = start_with(builder).await;
    let both = [Message::text("new-1", "a"), Message::text("new-2", "b")];
    assert_eq!(kafka.produce_many(both).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(kafka.topics().await.unwrap().len(), 999);
    kafka.produce(Message::text("new-1", "a")).await.unwrap();
    assert_eq!(kafka.topics().await.unwrap().len(), 1_000);
}
