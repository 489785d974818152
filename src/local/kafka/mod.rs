//! A Kafka over REST on this machine, for code and tests that have to go on without the service.

mod answer;
mod broker;
mod group;
mod log;
mod partitioner;
mod request;
mod server;
mod service;
mod settings;
mod topics;

use super::refusal;

pub use self::{
    server::LocalKafka,
    settings::{LocalKafkaBuilder, LocalKafkaRights},
};
