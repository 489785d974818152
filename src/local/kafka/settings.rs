use std::{net::SocketAddr, time::Duration};

use super::{log::Retention, topics::MAX_PARTITIONS};
use crate::local::{LocalError, secret::Secret};

/// Sets up a [`LocalKafka`](crate::local::LocalKafka).
///
/// The default listens on a free port of the loopback interface, with a random password, and makes topics when they are first
/// produced to.
///
/// ```
/// use axum_upstash::local::LocalKafka;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let kafka = LocalKafka::builder().topic("orders", 3).start().await?;
/// # drop(kafka);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct LocalKafkaBuilder {
    pub(super) address: SocketAddr,
    pub(super) username: String,
    pub(super) password: Option<Secret>,
    pub(super) credentials: Vec<Credential>,
    pub(super) topics: Vec<(String, u32)>,
    pub(super) creates_topics: bool,
    pub(super) retention: Retention,
    pub(super) read_timeout: Duration,
    pub(super) problem: Option<LocalError>,
}

/// The rights of a user of a [`LocalKafka`](crate::local::LocalKafka).
///
/// ```
/// use axum_upstash::local::{LocalKafka, LocalKafkaRights};
///
/// let builder = LocalKafka::builder().credential("writer", "password", LocalKafkaRights::ProduceOnly);
/// # drop(builder);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LocalKafkaRights {
    /// Everything.
    Full,
    /// Producing, and reading topics and offsets.
    ProduceOnly,
    /// Consuming and fetching.
    ConsumeOnly,
}

/// A user.
#[derive(Debug, Clone)]
pub(super) struct Credential {
    pub(super) username: String,
    pub(super) password: Secret,
    pub(super) rights: LocalKafkaRights,
}

impl LocalKafkaBuilder {
    pub(super) fn new() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            username: "local".to_owned(),
            password: None,
            credentials: Vec::new(),
            topics: Vec::new(),
            creates_topics: true,
            retention: Retention { messages: 100_000, bytes: 64 * 1024 * 1024 },
            read_timeout: Duration::from_secs(60),
            problem: None,
        }
    }

    /// Listens on this address (`127.0.0.1:0`, which takes any free port).
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Sets the user who may do everything (`local`, with a random password).
    pub fn user(mut self, username: impl Into<String>, password: impl Into<String>) -> Self {
        (self.username, self.password) = (username.into(), Some(Secret::new(password)));
        self
    }

    /// Adds a user with other rights.
    pub fn credential(
        mut self,
        username: impl Into<String>,
        password: impl Into<String>,
        rights: LocalKafkaRights,
    ) -> Self {
        self.credentials.push(Credential { username: username.into(), password: Secret::new(password), rights });
        self
    }

    /// Makes a topic with 1 to 100 partitions.
    pub fn topic(mut self, name: impl Into<String>, partitions: u32) -> Self {
        if !(1..=MAX_PARTITIONS).contains(&partitions) {
            self.problem.get_or_insert(LocalError::InvalidSetting { reason: "a topic has 1 to 100 partitions" });
        }
        let name = name.into();
        if self.topics.iter().any(|(other, _)| *other == name) {
            self.problem.get_or_insert(LocalError::InvalidSetting { reason: "a topic is there twice" });
        }
        self.topics.push((name, partitions));
        self
    }

    /// Whether a topic with one partition is made when it is first produced to (yes).
    pub fn creates_topics(mut self, creates: bool) -> Self {
        self.creates_topics = creates;
        self
    }

    /// Keeps so many messages (100,000) and bytes (64 MiB) of each partition, of which the oldest ones go.
    pub fn retention(mut self, messages: usize, bytes: usize) -> Self {
        self.retention = Retention { messages, bytes };
        self
    }
}
