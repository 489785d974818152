use super::{
    Destination, Message, QStashClient, QueueName,
    call::{Call, Caller},
    error::invalid,
    publish::hand_over,
    wire::{FromWire, Object, Unreadable, items},
};
use crate::Error;
use serde_json::{Value, json};
use std::time::SystemTime;

/// A queue: its messages are delivered in the order in which they came, each when the one before is delivered or has failed.
///
/// ```no_run
/// use axum_upstash::qstash::{Message, QStashClient};
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// let orders = qstash.queue("orders")?;
/// orders.enqueue(Message::to_url("https://app.example.com/order").json(&17)).await?;
/// println!("{} are waiting", orders.get().await?.lag);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Queue {
    caller: Caller,
    name: QueueName,
}

/// All queues.
///
/// ```no_run
/// # async fn run(qstash: axum_upstash::qstash::QStashClient) -> Result<(), axum_upstash::Error> {
/// for queue in qstash.queues().list().await? {
///     println!("{}: {} waiting", queue.name, queue.lag);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Queues {
    caller: Caller,
}

/// The settings of a [`Queue`]: one delivery at a time, and not paused.
///
/// ```no_run
/// use axum_upstash::qstash::{QStashClient, QueueSettings};
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// qstash.queue("orders")?.upsert(QueueSettings::default().with_parallelism(2)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct QueueSettings {
    parallelism: u32,
    paused: bool,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { parallelism: 1, paused: false }
    }
}

impl QueueSettings {
    /// Sets how many messages are delivered at once (1), at least 1. With more than one their order is not kept.
    pub fn with_parallelism(mut self, parallelism: u32) -> Self {
        self.parallelism = parallelism;
        self
    }

    /// Sets whether deliveries are held back.
    pub fn with_paused(mut self, paused: bool) -> Self {
        self.paused = paused;
        self
    }
}

/// The state of a queue.
///
/// ```no_run
/// # async fn run(qstash: axum_upstash::qstash::QStashClient) -> Result<(), axum_upstash::Error> {
/// let orders = qstash.queue("orders")?.get().await?;
/// println!("{} waiting, {} at once, paused: {}", orders.lag, orders.parallelism, orders.paused);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueInfo {
    /// The name.
    pub name: QueueName,
    /// The time at which it was created.
    pub created_at: Option<SystemTime>,
    /// The time of the last change of its settings.
    pub updated_at: Option<SystemTime>,
    /// The deliveries at once.
    pub parallelism: u32,
    /// Whether deliveries are held back.
    pub paused: bool,
    /// The messages that are not delivered yet, roughly.
    pub lag: u64,
}

impl FromWire for QueueInfo {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        Ok(Self {
            name: object.required_id("name")?,
            created_at: object.time("createdAt"),
            updated_at: object.time("updatedAt"),
            parallelism: object.number("parallelism").unwrap_or(1),
            paused: object.flag("paused"),
            lag: object.number("lag").unwrap_or(0),
        })
    }
}

impl QStashClient {
    /// The queue of this name, which need not exist yet.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if no queue can have that name.
    pub fn queue(&self, name: impl TryInto<QueueName, Error: Into<Error>>) -> Result<Queue, Error> {
        Ok(Queue { caller: self.caller().clone(), name: name.try_into().map_err(Into::into)? })
    }

    /// All queues.
    pub fn queues(&self) -> Queues {
        Queues { caller: self.caller().clone() }
    }
}

impl Queues {
    /// Lists all queues.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn list(&self) -> Result<Vec<QueueInfo>, Error> {
        self.caller.send(Call::get("qstash queues list", "/v2/queues")).await?.read(items)
    }
}

impl Queue {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &QueueName {
        &self.name
    }

    /// Hands over a message for the queue, and creates the queue if it does not exist.
    ///
    /// A message with a [`deduplication_id`](Message::deduplication_id) is sent again after a lost answer.
    ///
    /// # Errors
    /// As [`QStashClient::publish`]; and [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the message has a
    /// delay, which a queue does not take.
    pub async fn enqueue<D: Destination>(&self, message: Message<D>) -> Result<D::Published, Error> {
        const OPERATION: &str = "qstash enqueue";
        let outgoing = message.into_outgoing(&self.caller);
        let outgoing = outgoing.and_then(|outgoing| outgoing.check_for_queue().map(|()| outgoing));
        let outgoing = outgoing.map_err(|error| error.with_operation(OPERATION))?;
        let path = format!("/v2/enqueue/{}/{}", self.name.segment(), outgoing.destination);
        hand_over::<D>(&self.caller, OPERATION, path, outgoing).await
    }

    /// Creates the queue, or replaces its settings.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the parallelism is 0, and
    /// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) if the plan has no more queues or parallelism.
    pub async fn upsert(&self, settings: QueueSettings) -> Result<(), Error> {
        const OPERATION: &str = "qstash queue upsert";
        let QueueSettings { parallelism, paused } = settings;
        if parallelism == 0 {
            return Err(invalid("the parallelism of a queue is at least 1").with_operation(OPERATION));
        }
        let body = json!({"queueName": self.name.as_str(), "parallelism": parallelism, "paused": paused});
        self.caller.send(Call::post(OPERATION, "/v2/queues").json(&body).repeatable()).await.map(drop)
    }

    /// Reads the state of the queue.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it does not exist.
    pub async fn get(&self) -> Result<QueueInfo, Error> {
        self.caller.fetch(Call::get("qstash queue get", self.path(""))).await
    }

    /// Deletes the queue, and the messages that wait in it.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn delete(&self) -> Result<(), Error> {
        self.caller.send(Call::delete("qstash queue delete", self.path(""))).await.map(drop)
    }

    /// Holds back deliveries. Messages are still accepted.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn pause(&self) -> Result<(), Error> {
        self.caller.send(Call::post("qstash queue pause", self.path("/pause")).repeatable()).await.map(drop)
    }

    /// Goes on with deliveries, from the oldest message. It may take a minute.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn resume(&self) -> Result<(), Error> {
        self.caller.send(Call::post("qstash queue resume", self.path("/resume")).repeatable()).await.map(drop)
    }

    fn path(&self, end: &str) -> String {
        format!("/v2/queues/{}{end}", self.name.segment())
    }
}
