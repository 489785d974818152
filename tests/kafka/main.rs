//! The client of Kafka over REST, and the local server behind it.
#![cfg(all(feature = "kafka", feature = "local"))]

mod consuming;
mod group;
mod losing;
mod producing;
mod refusals;
mod stream;

use axum_upstash::{
    kafka::{Consumer, Kafka, OffsetReset},
    local::{LocalKafka, LocalKafkaBuilder},
};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

async fn start_with(builder: LocalKafkaBuilder) -> (LocalKafka, Kafka) {
    let local = builder.start().await.unwrap();
    let kafka = Kafka::new(local.url(), local.username(), local.password()).unwrap();
    (local, kafka)
}

async fn start() -> (LocalKafka, Kafka) {
    start_with(LocalKafka::builder().topic("orders", 3)).await
}

/// An instance that begins at the first message.
fn reader(kafka: &Kafka, instance: &str) -> Consumer {
    kafka.consumer("billing", instance).topic("orders").offset_reset(OffsetReset::Earliest)
}

/// Waits until the group has so many instances.
async fn wait_for_instances(kafka: &Kafka, count: usize) {
    let deadline = tokio::time::Instant::now() + LONG;
    while kafka.consumers().await.unwrap().iter().map(|group| group.instances.len()).sum::<usize>() < count {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
}
