use crate::{LONG, reader, start, start_with, wait_for_instances};
use axum_upstash::{
    kafka::{Consumer, Kafka, Message, OffsetReset, TopicPartition, TopicPartitionOffset},
    local::LocalKafka,
};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(50);

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
    wait_for_instances(&kafka, 1).await;
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
    wait_for_instances(&kafka, 1).await;
    assert_eq!(consumer.poll(SOON).await.unwrap_err().status(), Some(409));
    first.abort();
    produce(&kafka, 0..3).await;
    let deadline = tokio::time::Instant::now() + LONG;
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
async fn a_commit_is_not_taken_back() {
    let (local, kafka) = start().await;
    produce(&kafka, 0..6).await;
    let consumer = reader(&kafka, "a");
    assert_eq!(values(&consumer, LONG).await.len(), 6);
    consumer.commit().await.unwrap();
    // It does not come back, as a process that polls once a day.
    local.advance(Duration::from_secs(121));
    assert_eq!(values(&reader(&kafka, "b"), SOON).await, [0; 0]);
}

#[tokio::test]
async fn an_instance_that_ends_leaves_its_messages_to_one_that_waits() {
    let (local, kafka) = start_with(LocalKafka::builder().topic("orders", 1)).await;
    let owner = reader(&kafka, "a");
    assert_eq!(values(&owner, SOON).await, [0; 0]);
    for (number, ends) in (0..).zip([true, false]) {
        let waiting = tokio::spawn({
            let other = reader(&kafka, "b");
            async move { values(&other, LONG).await }
        });
        wait_for_instances(&kafka, 2).await;
        kafka.produce(Message::text("orders", number.to_string())).await.unwrap();
        if ends {
            owner.close().await.unwrap();
        } else {
            local.advance(Duration::from_secs(121));
        }
        // Long before its time is over.
        let received = tokio::time::timeout(LONG / 2, waiting).await.expect("it hears of it").unwrap();
        assert_eq!(received, [number]);
        reader(&kafka, "b").close().await.unwrap();
        assert_eq!(values(&owner, SOON).await, [0; 0]);
    }
    // Its time passes, and nothing else happens.
    owner.close().await.unwrap();
    let brief = reader(&kafka, "a").session_timeout(Duration::from_millis(300));
    kafka.produce(Message::text("orders", "2")).await.unwrap();
    assert_eq!(values(&brief, LONG).await, [2]);
    let received = tokio::time::timeout(LONG / 2, values(&reader(&kafka, "b"), LONG)).await;
    assert_eq!(received.expect("it hears of it"), [2]);
}

#[tokio::test]
async fn a_poll_does_not_read_for_an_instance_that_was_made_anew() {
    let (_local, kafka) = start().await;
    let consumer = reader(&kafka, "a");
    let old = tokio::spawn({
        let consumer = consumer.clone();
        async move { consumer.poll(LONG).await }
    });
    wait_for_instances(&kafka, 1).await;
    consumer.close().await.unwrap();
    assert_eq!(old.await.unwrap().unwrap_err().status(), Some(404));
    produce(&kafka, 0..3).await;
    assert_eq!(values(&consumer, LONG).await, [0, 1, 2]);
}

#[tokio::test]
async fn without_a_place_to_begin_nothing_is_skipped() {
    let (local, kafka) = start_with(LocalKafka::builder().topic("orders", 1).topic("bills", 1)).await;
    kafka.produce(Message::text("bills", "1")).await.unwrap();
    let other = reader(&kafka, "a");
    assert_eq!(values(&other, SOON).await, [0; 0]);
    let fails = kafka.consumer("billing", "b").topic("bills").offset_reset(OffsetReset::Fail);
    for _ in 0..3 {
        assert_eq!(fails.poll(SOON).await.unwrap_err().status(), Some(400));
        local.advance(Duration::from_secs(121));
    }
    let earliest = kafka.consumer("billing", "c").topic("bills").offset_reset(OffsetReset::Earliest);
    assert_eq!(values(&earliest, LONG).await, [1]);
}

#[tokio::test]
async fn a_commit_beyond_the_end_skips_nothing() {
    let (_local, kafka) = start_with(LocalKafka::builder().topic("orders", 1)).await;
    kafka.produce(Message::text("orders", "0")).await.unwrap();
    let consumer = reader(&kafka, "a").auto_commit(false);
    assert_eq!(values(&consumer, SOON).await, [0]);
    let commit = async |offset| consumer.commit_offsets([TopicPartitionOffset::new("orders", 0, offset)]).await;
    assert_eq!(commit(2).await.unwrap_err().status(), Some(400));
    commit(1).await.unwrap();
    consumer.close().await.unwrap();
    kafka.produce(Message::text("orders", "1")).await.unwrap();
    assert_eq!(values(&reader(&kafka, "b"), LONG).await, [1]);
}

#[tokio::test]
async fn a_group_that_began_at_the_latest_message_goes_on_from_there() {
    let (_local, kafka) = start_with(LocalKafka::builder().topic("orders", 1)).await;
    let instance = |name: &str| kafka.consumer("billing", name).topic("orders").auto_commit(false);
    assert_eq!(values(&instance("a"), SOON).await, [0; 0]);
    kafka.produce(Message::text("orders", "1")).await.unwrap();
    assert_eq!(values(&instance("a"), LONG).await, [1]);
    // Nothing was committed.
    instance("a").close().await.unwrap();
    assert_eq!(values(&instance("b"), LONG).await, [1]);
}

#[tokio::test]
async fn closing_leaves_a_commit_by_hand_as_it_is() {
    let (_local, kafka) = start_with(LocalKafka::builder().topic("orders", 1)).await;
    kafka.produce_many((0..6).map(|n| Message::text("orders", n.to_string()))).await.unwrap();
    let consumer = reader(&kafka, "a");
    assert_eq!(values(&consumer, LONG).await.len(), 6);
    consumer.commit_offsets([TopicPartitionOffset::new("orders", 0, 4)]).await.unwrap();
    consumer.close().await.unwrap();
    assert_eq!(values(&reader(&kafka, "b"), LONG).await, [4, 5]);
}

#[tokio::test]
async fn a_partition_with_many_messages_leaves_room_for_others() {
    let (_local, kafka) = start_with(LocalKafka::builder().topic("orders", 2)).await;
    let many = (0..2_000).map(|_| Message::text("orders", "0").partition(0));
    kafka.produce_many(many).await.unwrap();
    kafka.produce(Message::text("orders", "1").partition(1)).await.unwrap();
    let consumer = reader(&kafka, "a");
    let (first, second) = (values(&consumer, LONG).await, values(&consumer, LONG).await);
    assert!(first.contains(&1) || second.contains(&1));
}

#[tokio::test]
async fn polls_end_with_the_server() {
    let (local, kafka) = start().await;
    let waiting = tokio::spawn({
        let consumer = reader(&kafka, "a");
        async move { consumer.poll(LONG).await }
    });
    wait_for_instances(&kafka, 1).await;
    local.shutdown().await;
    assert_eq!(waiting.await.unwrap().unwrap(), []);
}

#[tokio::test]
async fn an_instance_without_a_place_to_begin_takes_no_partition_over() {
    let (_local, kafka) = start_with(LocalKafka::builder().topic("orders", 2)).await;
    let produce = async |value: &str| {
        let both = [0, 1].map(|partition| Message::text("orders", value).partition(partition));
        kafka.produce_many(both).await.unwrap();
    };
    produce("0").await;
    let owner = reader(&kafka, "b").auto_commit(false);
    assert_eq!(values(&owner, LONG).await, [0, 0]);
    owner.commit_offsets([TopicPartitionOffset::new("orders", 0, 1)]).await.unwrap();
    // It has the first partition, and waits when it gets the second one, of which nothing is committed.
    let fails = kafka.consumer("billing", "a").topic("orders").offset_reset(OffsetReset::Fail);
    let waiting = tokio::spawn({
        let fails = fails.clone();
        async move { fails.poll(LONG).await }
    });
    wait_for_instances(&kafka, 2).await;
    owner.close().await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err().status(), Some(400));
    produce("1").await;
    assert_eq!(fails.poll(SOON).await.unwrap_err().status(), Some(400));
    // Nothing of the second partition was skipped.
    assert_eq!(values(&reader(&kafka, "c"), LONG).await, [0, 1, 1]);
}

#[tokio::test]
async fn an_instance_that_commits_by_itself_commits_where_it_began() {
    let (_local, kafka) = start().await;
    let consumer = reader(&kafka, "a").auto_commit_interval(Duration::ZERO);
    kafka.produce(Message::text("orders", "1").partition(0)).await.unwrap();
    assert_eq!(values(&consumer, LONG).await, [1]);
    assert_eq!(values(&consumer, SOON).await, [0; 0]);
    consumer.close().await.unwrap();
    // So that another one has a place to begin in the partitions without messages.
    let strict = kafka.consumer("billing", "b").topic("orders").offset_reset(OffsetReset::Fail);
    assert_eq!(values(&strict, SOON).await, [0; 0]);
}
