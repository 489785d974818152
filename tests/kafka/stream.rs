use crate::{LONG, losing::Losing, reader, start, start_with, wait_for_instances};
use axum_upstash::{
    ErrorKind,
    kafka::{Kafka, Message, Messages, Received},
    local::LocalKafka,
};
use futures_util::StreamExt;
use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

async fn produce(kafka: &Kafka, count: u32) {
    let messages = (0..count).map(|n| Message::text("orders", n.to_string()).partition(n % 3));
    kafka.produce_many(messages).await.unwrap();
}

async fn next(messages: &mut Messages) -> Received {
    let next = tokio::time::timeout(Duration::from_secs(20), messages.next());
    next.await.expect("there is a message").unwrap().unwrap()
}

/// Reads until all of so many were read, whatever fails in between.
async fn read_all(messages: &mut Messages, count: usize) -> Vec<Received> {
    let (mut read, mut values) = (Vec::new(), BTreeSet::new());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while values.len() < count {
        let next = tokio::time::timeout_at(deadline, messages.next()).await;
        let next = next.unwrap_or_else(|_| panic!("{} of {count}", values.len())).unwrap();
        if let Ok(received) = next {
            values.insert(received.value.clone());
            read.push(received);
        }
    }
    read
}

#[tokio::test]
async fn messages_are_a_stream() {
    let (_local, kafka) = start().await;
    produce(&kafka, 30).await;
    let mut messages = reader(&kafka, "a").messages();
    let read = read_all(&mut messages, 30).await;
    for partition in 0..3 {
        let offsets: Vec<i64> = read.iter().filter(|one| one.partition == partition).map(|one| one.offset).collect();
        assert_eq!(offsets, (0..10).collect::<Vec<_>>());
    }
    messages.close().await.unwrap();
    assert_eq!(reader(&kafka, "b").poll(Duration::ZERO).await.unwrap(), []);
}

#[tokio::test]
async fn what_was_received_and_not_given_comes_again() {
    let (_local, kafka) = start_with(LocalKafka::builder().topic("orders", 1)).await;
    kafka.produce_many((0..10).map(|n| Message::text("orders", n.to_string()))).await.unwrap();
    let mut messages = reader(&kafka, "a").messages();
    assert_eq!((next(&mut messages).await.value, next(&mut messages).await.value), ("0".into(), "1".into()));
    messages.close().await.unwrap();
    // The process ends here, and nothing more is committed.
    let mut messages = reader(&kafka, "a").messages();
    assert_eq!(next(&mut messages).await.value, "2");
    drop(messages);
    // Its successor has the same name, and begins at the commit of the group.
    let mut messages = reader(&kafka, "a").auto_commit(false).messages();
    assert_eq!((next(&mut messages).await.value, next(&mut messages).await.value), ("2".into(), "3".into()));
    messages.commit().await.unwrap();
    assert_eq!(next(&mut messages).await.value, "4");
    messages.close().await.unwrap();
    assert_eq!(next(&mut reader(&kafka, "b").messages()).await.value, "4");
}

#[tokio::test]
async fn lost_answers_lose_no_message() {
    let (local, kafka) = start().await;
    let (transport, polls) = Losing::new("/consume", |number| number % 2 == 1);
    let losing = Kafka::builder(local.url(), local.username(), local.password()).transport(transport).build().unwrap();
    produce(&kafka, 3_000).await;
    // Answers have 500 messages.
    let mut messages = reader(&losing, "a").auto_commit_interval(Duration::ZERO).messages();
    let read = read_all(&mut messages, 3_000).await;
    for partition in 0..3 {
        let places = read.iter().filter(|one| one.partition == partition).map(|one| one.offset);
        assert_eq!(
            places.collect::<Vec<_>>(),
            (0..1_000).collect::<Vec<_>>(),
            "what was committed does not come again"
        );
    }
    assert!(polls.load(Ordering::Relaxed) >= 11, "every second one was lost");
}

#[tokio::test]
async fn a_lost_answer_to_a_new_group_loses_no_message() {
    let (local, kafka) = start_with(LocalKafka::builder().topic("orders", 1)).await;
    // The first poll tells nothing: it begins at the message that comes next.
    let (transport, polls) = Losing::new("/consume", |number| number == 0);
    let losing = Kafka::builder(local.url(), local.username(), local.password()).transport(transport).build().unwrap();
    let mut messages = losing.consumer("billing", "a").topic("orders").messages();
    let produce = async {
        while kafka.consumers().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        kafka.produce(Message::text("orders", "1")).await.unwrap();
    };
    let (read, ()) = tokio::join!(read_all(&mut messages, 1), produce);
    assert_eq!((read[0].value.as_str(), polls.load(Ordering::Relaxed)), ("1", 2));
}

#[tokio::test]
async fn a_commit_that_was_not_found_loses_no_message() {
    let (local, kafka) = start_with(LocalKafka::builder().topic("orders", 1)).await;
    kafka.produce_many((0..700).map(|n| Message::text("orders", n.to_string()))).await.unwrap();
    // As a proxy answers while a server is replaced: the instance is there, and has handed out what follows.
    let (transport, commits) = Losing::not_finding("/commit", |number| number == 3);
    let other = Kafka::builder(local.url(), local.username(), local.password()).transport(transport).build().unwrap();
    let mut messages = reader(&other, "a").auto_commit_interval(Duration::ZERO).messages();
    let read = read_all(&mut messages, 700).await;
    assert_eq!(read.iter().map(|one| one.offset).collect::<BTreeSet<_>>(), (0..700).collect());
    assert!(commits.load(Ordering::Relaxed) > 4);
}

#[tokio::test]
async fn streams_of_one_name_share_the_partitions() {
    let (_local, kafka) = start().await;
    let (mut one, mut other) = (reader(&kafka, "a").messages(), reader(&kafka, "a").messages());
    let both_join = async {
        wait_for_instances(&kafka, 2).await;
        produce(&kafka, 30).await;
    };
    // Of three partitions one has two, and the other one.
    let ((), first, second) = tokio::join!(both_join, next(&mut one), next(&mut other));
    let mut values = BTreeSet::from([first.value, second.value]);
    let deadline = tokio::time::Instant::now() + LONG;
    while values.len() < 30 {
        let next = futures_util::future::select(one.next(), other.next());
        let next = tokio::time::timeout_at(deadline, next).await.expect("there is a message").factor_first().0;
        values.insert(next.unwrap().unwrap().value);
    }
    one.close().await.unwrap();
    other.close().await.unwrap();
    assert_eq!(reader(&kafka, "b").poll(Duration::ZERO).await.unwrap(), []);
}

#[tokio::test]
async fn a_server_that_does_not_wait_is_not_asked_without_end() {
    let (transport, polls) = Losing::answering("/consume", "[]");
    let kafka = Kafka::builder("http://127.0.0.1:9", "user", "password").transport(transport).build().unwrap();
    let mut messages = reader(&kafka, "a").messages();
    // The time of the runtime is the only one that passes.
    tokio::time::pause();
    assert!(tokio::time::timeout(Duration::from_secs(10), messages.next()).await.is_err());
    assert!((20..60).contains(&polls.load(Ordering::Relaxed)));
}

#[tokio::test]
async fn an_instance_that_has_ended_goes_on_at_its_commit() {
    let (local, kafka) = start_with(LocalKafka::builder().topic("orders", 1)).await;
    kafka.produce_many((0..6).map(|n| Message::text("orders", n.to_string()))).await.unwrap();
    let mut messages = reader(&kafka, "a").messages();
    for _ in 0..3 {
        next(&mut messages).await;
    }
    messages.commit().await.unwrap();
    assert_eq!(next(&mut messages).await.value, "3");
    local.advance(Duration::from_secs(121));
    assert_eq!(messages.commit().await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(next(&mut messages).await.value, "3");
}

#[tokio::test]
async fn a_stream_ends_when_no_repetition_can_help() {
    let (local, kafka) = start().await;
    let other = Kafka::new(local.url(), local.username(), "wrong").unwrap();
    for (consumer, kind) in
        [(reader(&other, "a"), ErrorKind::Unauthorized), (reader(&kafka, ""), ErrorKind::InvalidInput)]
    {
        let mut messages = consumer.messages();
        assert_eq!(messages.next().await.unwrap().unwrap_err().kind(), kind);
        assert!(messages.next().await.is_none());
    }
    // A topic that is missing may come.
    let mut messages = kafka.consumer("billing", "b").topic("later").messages();
    assert_eq!(messages.next().await.unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    kafka.produce(Message::text("later", "1")).await.unwrap();
    let received = tokio::spawn(async move { messages.next().await.unwrap().unwrap().value });
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !received.is_finished() {
        assert!(tokio::time::Instant::now() < deadline);
        kafka.produce(Message::text("later", "2")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(received.await.unwrap(), "2");
}
