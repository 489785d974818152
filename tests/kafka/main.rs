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
