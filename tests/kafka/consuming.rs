use crate::{reader, start};
use axum_upstash::kafka::{Consumer, Kafka, Message, OffsetReset, TopicPartition, TopicPartitionOffset};
use futures_util::StreamExt;
use std::time::Duration;

const SOON: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(20);

async fn produce(kafka: &Kafka, values: std::ops::Range<u32>) {
    let messages = values.map(|n| Message::text("orders", n.to_string()).partition(n % 3));
    kafka.produce_many(messages).await.unwrap();
}

async fn values(consumer: &Consumer, wait: Duration) -> Vec<u32> {
    let mut values: Vec<u32> =
        consumer.poll(wait).await.unwrap().iter().map(|received| received.value.parse().unwrap()).collect();
    values.sort_unstable();
    values
}

#[tokio::test]
async fn a_group_goes_on_from_what_it_has_committed() {
    let (local, kafka) = start().await;
    produce(&kafka, 0..6).await;
    let consumer = reader(&kafka, "a").auto_commit_interval(Duration::from_secs(60));
    assert_eq!(values(&consumer, LONG).await, [0, 1, 2, 3, 4, 5]);
    let partitions = || (0..3).map(|partition| TopicPartition::new("orders", partition));
    let committed = async |consumer: &Consumer| -> Vec<i64> {
        consumer.committed(partitions()).await.unwrap().into_iter().map(|one| one.offset).collect()
    };
    assert_eq!(committed(&consumer).await, [-1, -1, -1]);
    // The next poll says that those are done, and when it is time they are committed.
    local.advance(Duration::from_secs(61));
    assert_eq!(values(&consumer, SOON).await, [0; 0]);
    assert_eq!(committed(&consumer).await, [2, 2, 2]);
    produce(&kafka, 6..9).await;
    assert_eq!(values(&consumer, LONG).await, [6, 7, 8]);
    // An instance that does not come back ends, and what it had not said to be done comes again.
    local.advance(Duration::from_secs(121));
    let other = reader(&kafka, "b");
    assert_eq!(values(&other, LONG).await, [6, 7, 8]);
    assert!(consumer.commit().await.is_err());
    other.close().await.unwrap();
    assert_eq!(values(&reader(&kafka, "c"), SOON).await, [0; 0]);
}

#[tokio::test]
async fn commits_by_hand_are_taken_as_they_are() {
    let (_local, kafka) = start().await;
    produce(&kafka, 0..6).await;
    let consumer = reader(&kafka, "a").auto_commit(false);
    assert_eq!(values(&consumer, LONG).await.len(), 6);
    consumer.commit_offsets([TopicPartitionOffset::new("orders", 0, 1)]).await.unwrap();
    consumer.commit_offsets([]).await.unwrap();
    let partitions = [TopicPartition::new("orders", 0), TopicPartition::new("orders", 1)];
    let offsets = |numbers: [i64; 2]| {
        [TopicPartitionOffset::new("orders", 0, numbers[0]), TopicPartitionOffset::new("orders", 1, numbers[1])]
    };
    assert_eq!(consumer.committed(partitions.clone()).await.unwrap(), offsets([1, -1]));
    consumer.close().await.unwrap();
    // From partition 0 the second one; of the others nothing was committed.
    let consumer = reader(&kafka, "b").auto_commit(false);
    assert_eq!(values(&consumer, LONG).await, [1, 2, 3, 4, 5]);
    consumer.commit().await.unwrap();
    assert_eq!(consumer.committed(partitions).await.unwrap(), offsets([2, 2]));
}

#[tokio::test]
async fn a_new_group_begins_where_it_is_told() {
    let (_local, kafka) = start().await;
    produce(&kafka, 0..3).await;
    let latest = kafka.consumer("latest", "a").topic("orders");
    assert_eq!(values(&latest, SOON).await, [0; 0]);
    produce(&kafka, 3..6).await;
    assert_eq!(values(&latest, LONG).await, [3, 4, 5]);
    let fails = kafka.consumer("fails", "a").topic("orders").offset_reset(OffsetReset::Fail);
    assert_eq!(fails.poll(SOON).await.unwrap_err().status(), Some(400));
}

#[tokio::test]
async fn a_poll_waits_for_the_first_message() {
    let (_local, kafka) = start().await;
    let consumer = reader(&kafka, "a");
    let waiting = tokio::spawn(async move { values(&consumer, LONG).await });
    let deadline = tokio::time::Instant::now() + LONG;
    while kafka.consumers().await.unwrap().is_empty() {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    kafka.produce(Message::text("orders", "7")).await.unwrap();
    assert_eq!(waiting.await.unwrap(), [7]);
}

#[tokio::test]
async fn an_instance_is_polled_by_one_request_and_a_client_that_goes_ends_its_poll() {
    let (_local, kafka) = start().await;
    let consumer = reader(&kafka, "a");
    let first = tokio::spawn({
        let consumer = consumer.clone();
        async move { consumer.poll(LONG).await }
    });
    let deadline = tokio::time::Instant::now() + LONG;
    while kafka.consumers().await.unwrap().is_empty() {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    assert_eq!(consumer.poll(SOON).await.unwrap_err().status(), Some(409));
    first.abort();
    produce(&kafka, 0..3).await;
    // Nothing went with the client that has gone.
    loop {
        match consumer.poll(SOON).await {
            Ok(received) if received.len() == 3 => break,
            Ok(received) => assert!(received.is_empty()),
            Err(error) => assert_eq!(error.status(), Some(409)),
        }
        assert!(tokio::time::Instant::now() < deadline);
    }
}

#[tokio::test]
async fn messages_are_a_stream() {
    let (_local, kafka) = start().await;
    produce(&kafka, 0..30).await;
    let mut messages = reader(&kafka, "a").messages();
    let mut read = Vec::new();
    while read.len() < 30 {
        read.push(messages.next().await.unwrap().unwrap());
    }
    for partition in 0..3 {
        let offsets: Vec<i64> = read.iter().filter(|one| one.partition == partition).map(|one| one.offset).collect();
        assert_eq!(offsets, (0..10).collect::<Vec<_>>());
    }
    messages.consumer().close().await.unwrap();
}
