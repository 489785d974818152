//! `@upstash/kafka` and our client on one local Kafka.

use crate::node;
use axum_upstash::{
    kafka::{Fetch, Kafka, Message, OffsetReset, OffsetTime, TopicPartition},
    local::LocalKafka,
};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn the_sdk_and_our_client_read_what_the_other_one_has_written() {
    let local = LocalKafka::builder().topic("orders", 3).start().await.unwrap();
    let kafka = Kafka::new(local.url(), local.username(), local.password()).unwrap();
    let message = Message::json("orders", &json!({"order": "ü"})).unwrap().key(17).header("trace", "abc");
    let partition = kafka.produce(message).await.unwrap().partition;
    let sdk = node::run_with("kafka", local.environment(), &json!({"partition": partition})).await;

    assert_eq!(sdk["committed"], json!({"topic": "orders", "partition": partition, "offset": 1}));
    // The key decides about the partition, whichever client sends it.
    assert_eq!((&sdk["one"]["partition"], &sdk["one"]["offset"]), (&json!(partition), &json!(1)));
    assert_eq!((sdk["many"].as_array().unwrap().len(), &sdk["fetched"]["value"]), (2, &json!(r#"{"y":1}"#)));
    let read = kafka.fetch(Fetch::from("orders", partition, 1)).await.unwrap();
    assert_eq!(read[0].json::<serde_json::Value>().unwrap(), json!({"from": "sdk"}));
    assert_eq!((read[0].key.as_str(), read[0].header("a")), ("17", Some("b")));
    let latest = kafka.offsets(OffsetTime::Latest, [TopicPartition::new("orders", partition)]).await.unwrap();
    assert_eq!(sdk["latest"]["offset"], latest[0].offset);
    assert_eq!(sdk["topics"], json!({"orders": 3, "other": 1}));
    assert_eq!(sdk["consumers"][0]["name"], "sdk");
    let group = kafka.consumers().await.unwrap().remove(0);
    assert_eq!((group.name.as_str(), group.instances[0].partitions.len()), ("sdk", 3));
    // Another instance of the same group goes on from the commit of the SDK.
    kafka.consumer("sdk", "1").close().await.unwrap();
    let ours = kafka.consumer("sdk", "2").topic("orders").offset_reset(OffsetReset::Earliest);
    let read = ours.poll(Duration::from_secs(5)).await.unwrap();
    assert!(read.iter().any(|one| one.partition == partition && one.offset == 1), "{read:?}");
}
