use std::time::Duration;

use super::{
    LocalError, LocalKafka, LocalKafkaBuilder, LocalQStash, LocalQStashBuilder, LocalRedis, LocalRedisConfig,
    LocalVector, LocalVectorBuilder,
};

/// All products of Upstash on this machine. Dropping it stops them.
///
/// ```
/// use std::{collections::HashMap, time::Duration};
///
/// use axum::{Router, routing::post};
/// use axum_upstash::{
///     Upstash,
///     local::{LocalQStash, LocalUpstash},
///     qstash::Message,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = Router::new().route("/webhooks/receipt", post(|| async { "received" }));
/// let qstash = LocalQStash::builder().destination("https://app.example.com", app);
/// let local = LocalUpstash::builder().qstash(qstash).start().await?;
///
/// let variables: HashMap<_, _> = local.environment().into_iter().collect();
/// let upstash = Upstash::from_env_with(|name| variables.get(name).cloned())?;
/// upstash.redis().incr("receipts").await?;
/// let receipt = Message::to_url("https://app.example.com/webhooks/receipt").delay(Duration::from_secs(3600));
/// upstash.qstash().publish(receipt.body("17")).await?;
///
/// local.advance(Duration::from_secs(3600));
/// local.idle().await;
/// assert_eq!(local.qstash().messages()[0].last_status, Some(200));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LocalUpstash {
    redis: LocalRedis,
    qstash: LocalQStash,
    vector: LocalVector,
    kafka: LocalKafka,
}

impl LocalUpstash {
    /// Starts each product on a free port of the loopback interface.
    ///
    /// # Errors
    /// If there is no Redis to start, or it does not start.
    pub async fn start() -> Result<Self, LocalError> {
        Self::builder().start().await
    }

    /// Sets up the products.
    pub fn builder() -> LocalUpstashBuilder {
        LocalUpstashBuilder {
            redis: LocalRedisConfig::default(),
            qstash: LocalQStash::builder(),
            vector: LocalVector::builder(),
            kafka: LocalKafka::builder(),
        }
    }

    /// Redis.
    #[must_use]
    pub fn redis(&self) -> &LocalRedis {
        &self.redis
    }

    /// QStash.
    #[must_use]
    pub fn qstash(&self) -> &LocalQStash {
        &self.qstash
    }

    /// Vector.
    #[must_use]
    pub fn vector(&self) -> &LocalVector {
        &self.vector
    }

    /// Kafka.
    #[must_use]
    pub fn kafka(&self) -> &LocalKafka {
        &self.kafka
    }

    /// The environment variables from which clients read URLs, tokens and keys.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = self.redis.environment();
        variables.extend(self.qstash.environment());
        variables.extend(self.vector.environment());
        variables.extend(self.kafka.environment());
        variables
    }

    /// Moves the clocks of [QStash](LocalQStash::advance), [Vector](LocalVector::advance) and [Kafka](LocalKafka::advance) forward. Redis has that of the
    /// system.
    pub fn advance(&self, by: Duration) {
        self.qstash.advance(by);
        self.vector.advance(by);
        self.kafka.advance(by);
    }

    /// Waits until no attempt runs, and none is [due](LocalQStash::idle).
    pub async fn idle(&self) {
        self.qstash.idle().await;
    }

    /// Stops each product: QStash [first](LocalQStash::shutdown), then Vector, Kafka and [Redis](LocalRedis::shutdown).
    pub async fn shutdown(self) {
        self.qstash.shutdown().await;
        self.vector.shutdown().await;
        self.kafka.shutdown().await;
        self.redis.shutdown().await;
    }
}

/// Sets up a [`LocalUpstash`].
///
/// ```
/// use axum_upstash::local::{LocalRedisConfig, LocalUpstash};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let redis = LocalRedisConfig::default().with_daily_commands(10_000);
/// let local = LocalUpstash::builder().redis(redis).time_scale(60.0).start().await?;
/// # drop(local);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct LocalUpstashBuilder {
    redis: LocalRedisConfig,
    qstash: LocalQStashBuilder,
    vector: LocalVectorBuilder,
    kafka: LocalKafkaBuilder,
}

impl LocalUpstashBuilder {
    /// Sets the settings of Redis.
    pub fn redis(mut self, config: LocalRedisConfig) -> Self {
        self.redis = config;
        self
    }

    /// Sets the settings of QStash.
    pub fn qstash(mut self, builder: LocalQStashBuilder) -> Self {
        self.qstash = builder;
        self
    }

    /// Sets the settings of Vector.
    pub fn vector(mut self, builder: LocalVectorBuilder) -> Self {
        self.vector = builder;
        self
    }

    /// Sets the settings of Kafka.
    pub fn kafka(mut self, builder: LocalKafkaBuilder) -> Self {
        self.kafka = builder;
        self
    }

    /// Lets the time of QStash go so many times [as fast](LocalQStashBuilder::time_scale) (1).
    pub fn time_scale(mut self, scale: f64) -> Self {
        self.qstash = self.qstash.time_scale(scale);
        self
    }

    /// Starts the products.
    ///
    /// # Errors
    /// If Redis cannot be started or reached, an address is in use, or a setting cannot be used.
    pub async fn start(self) -> Result<LocalUpstash, LocalError> {
        let Self { redis, qstash, vector, kafka } = self;
        // The cheaper ones first, to find out about their settings.
        let (qstash, vector, kafka) = (qstash.start().await?, vector.start().await?, kafka.start().await?);
        Ok(LocalUpstash { redis: LocalRedis::start_with(redis).await?, qstash, vector, kafka })
    }
}
