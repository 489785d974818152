use crate::{reader, start_with};
use axum_upstash::{
    kafka::{Kafka, Message, Received},
    local::LocalKafka,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const PRODUCERS: u32 = 4;
const EACH: u32 = 150;
const PARTITIONS: u32 = 5;

/// Polls as one of the group, and leaves it after a few polls, as a process that is restarted does.
async fn consume(kafka: Kafka, name: u32, log: Arc<Mutex<Vec<Received>>>, is_over: Arc<AtomicBool>) {
    let mut life = 0;
    while !is_over.load(Ordering::Relaxed) {
        let consumer = reader(&kafka, &format!("consumer-{name}-{life}")).auto_commit_interval(Duration::ZERO);
        for _ in 0..3 + (name + life) % 4 {
            let received = consumer.poll(Duration::from_millis(30)).await.unwrap();
            log.lock().unwrap().extend(received);
        }
        consumer.close().await.unwrap();
        life += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_producers_and_consumers_come_and_go() {
    let (_local, kafka) = start_with(LocalKafka::builder().topic("orders", PARTITIONS)).await;
    let (log, is_over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let consumers: Vec<_> =
        (0..3).map(|name| tokio::spawn(consume(kafka.clone(), name, Arc::clone(&log), Arc::clone(&is_over)))).collect();
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| {
            let kafka = kafka.clone();
            tokio::spawn(async move {
                for n in 0..EACH {
                    kafka.produce(Message::text("orders", format!("{producer}-{n}")).key(producer)).await.unwrap();
                }
            })
        })
        .collect();
    for producer in producers {
        producer.await.unwrap();
    }
    let all: BTreeSet<String> =
        (0..PRODUCERS).flat_map(|producer| (0..EACH).map(move |n| format!("{producer}-{n}"))).collect();
    let read = || -> BTreeSet<String> { log.lock().unwrap().iter().map(|one: &Received| one.value.clone()).collect() };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while read().len() < all.len() {
        assert!(tokio::time::Instant::now() < deadline, "{} of {}", read().len(), all.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    is_over.store(true, Ordering::Relaxed);
    for consumer in consumers {
        consumer.await.unwrap();
    }
    assert_eq!(read(), all);

    // Of each key the first reading of each message is in the order in which it was stored.
    let mut places: BTreeMap<(u32, i64), String> = BTreeMap::new();
    for one in log.lock().unwrap().iter() {
        let known = places.entry((one.partition, one.offset)).or_insert_with(|| one.value.clone());
        assert_eq!(*known, one.value, "a place holds one message");
    }
    for producer in 0..PRODUCERS {
        let start = format!("{producer}-");
        let of_key: Vec<u32> =
            places.values().filter_map(|value| value.strip_prefix(&start)).map(|n| n.parse().unwrap()).collect();
        assert_eq!(of_key, (0..EACH).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn partitions_are_shared_by_the_instances_that_there_are() {
    let (_local, kafka) = start_with(LocalKafka::builder().topic("orders", 5)).await;
    let shares = async || -> Vec<Vec<u32>> {
        let groups = kafka.consumers().await.unwrap();
        let instances = groups.into_iter().flat_map(|group| group.instances);
        instances.map(|one| one.partitions.into_iter().map(|place| place.partition).collect()).collect()
    };
    let soon = Duration::from_millis(1);
    let (a, b) = (reader(&kafka, "a"), reader(&kafka, "b"));
    a.poll(soon).await.unwrap();
    assert_eq!(shares().await, [[0, 1, 2, 3, 4]]);
    b.poll(soon).await.unwrap();
    assert_eq!(shares().await, [vec![0, 1, 2], vec![3, 4]]);
    a.close().await.unwrap();
    assert_eq!(shares().await, [[0, 1, 2, 3, 4]]);
    for n in 0..6 {
        reader(&kafka, &format!("c{n}")).poll(soon).await.unwrap();
    }
    let shares = shares().await;
    assert_eq!(shares.iter().map(Vec::len).sum::<usize>(), 5);
    assert!(shares.iter().all(|share| share.len() <= 1));
}
