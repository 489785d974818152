//! Kafka over REST, for code and tests that have to go on: Upstash discontinued the service in March 2025.
//!
//! ```
//! use axum_upstash::{kafka::{Kafka, Message, OffsetReset}, local::LocalKafka};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let local = LocalKafka::start().await?;
//! let kafka = Kafka::new(local.url(), local.username(), local.password())?; // Kafka::from_env()? in an application
//! kafka.produce(Message::json("orders", &17)?.key("customer-1")).await?;
//!
//! let consumer = kafka.consumer("billing", "instance-1").topic("orders").offset_reset(OffsetReset::Earliest);
//! for received in consumer.poll(Duration::from_secs(1)).await? {
//!     println!("order {} of {}", received.json::<u64>()?, received.key);
//! }
//! consumer.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! - **Producing** is not repeated after a lost answer, as a message would come twice. Reading and committing are.
//! - **Consuming** by [`Messages`] is at least once: a message is done when the next one is asked for, and those whose answer was
//!   lost come again. A [`poll`](Consumer::poll) by hand leaves that to the application. One instance is polled by one request
//!   at a time.
//! - The server is [`LocalKafka`](crate::local::LocalKafka), or what an application had put in its place.
//!
//! For a Kafka of your own use a client of its protocol: [rdkafka](https://docs.rs/rdkafka), which has everything and needs
//! librdkafka, or [rskafka](https://docs.rs/rskafka), which is pure Rust and has no consumer groups. They gain throughput,
//! exactly-once transactions and streaming; they lose HTTP, and so wasm32 and edge runtimes. There is no bridge here.

mod call;
mod client;
mod consumer;
mod fetch;
mod message;
mod messages;
mod metadata;
mod steps;

pub use self::{
    client::{Kafka, KafkaBuilder},
    consumer::{Consumer, OffsetReset},
    fetch::Fetch,
    message::{Message, Produced, Received},
    messages::Messages,
    metadata::{GroupInfo, InstanceInfo, OffsetTime, TopicPartition, TopicPartitionOffset},
};
