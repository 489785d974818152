//! A Kafka over REST on this machine, for code and tests that have to go on without the service.

mod answer;
mod broker;
mod group;
mod instance;
mod log;
mod offsets;
mod partitioner;
#[cfg(test)]
mod reload_tests;
mod request;
mod room;
mod server;
mod service;
mod settings;
mod state;
mod topics;

use super::refusal;

pub use self::{
    server::LocalKafka,
    settings::{LocalKafkaBuilder, LocalKafkaRights},
};
