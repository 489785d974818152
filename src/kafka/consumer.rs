use super::{
    Received, TopicPartition, TopicPartitionOffset,
    call::{Call, send},
};
use crate::{Error, client::RestClient};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use std::{fmt, time::Duration};

/// An instance of a consumer group. The group shares the partitions of its topics among its instances.
///
/// ```no_run
/// use axum_upstash::kafka::{Kafka, OffsetReset};
/// use futures_util::StreamExt;
///
/// # async fn run(kafka: Kafka) -> Result<(), axum_upstash::Error> {
/// let consumer = kafka.consumer("billing", "instance-1").topic("orders").offset_reset(OffsetReset::Earliest);
/// let mut messages = consumer.messages();
/// while let Some(received) = messages.next().await {
///     println!("{}", received?.value);
/// }
/// # Ok(())
/// # }
/// ```
///
/// Settings count when the instance is made, by its first poll. It is polled by one request at a time, and ends if it is not
/// polled for the [session timeout](Self::session_timeout).
#[derive(Clone)]
#[must_use]
pub struct Consumer {
    rest: RestClient,
    group: String,
    pub(super) instance: String,
    topics: Vec<String>,
    settings: HeaderMap,
    pub(super) auto_commit: bool,
    pub(super) commit_interval: Duration,
}

/// The place at which a group begins that has committed none.
///
/// ```
/// use axum_upstash::kafka::OffsetReset;
///
/// assert_eq!(OffsetReset::default(), OffsetReset::Latest);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OffsetReset {
    /// The messages that come next.
    #[default]
    Latest,
    /// The first message that is kept.
    Earliest,
    /// A poll is an error.
    Fail,
}

/// The offsets that go in one request.
const MAX_OFFSETS: usize = 1_000;

impl Consumer {
    pub(super) fn new(rest: RestClient, group: String, instance: String) -> Self {
        Self {
            rest,
            group,
            instance,
            topics: Vec::new(),
            settings: HeaderMap::new(),
            auto_commit: true,
            commit_interval: Duration::from_secs(5),
        }
    }

    /// Adds a topic to read.
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topics.push(topic.into());
        self
    }

    /// Sets the place at which the group begins if it has committed none (the messages that come next).
    pub fn offset_reset(self, reset: OffsetReset) -> Self {
        let reset = match reset {
            OffsetReset::Latest => "latest",
            OffsetReset::Earliest => "earliest",
            OffsetReset::Fail => "none",
        };
        self.setting("kafka-auto-offset-reset", HeaderValue::from_static(reset))
    }

    /// Whether a poll commits the messages of those before it (it does).
    pub fn auto_commit(mut self, is_on: bool) -> Self {
        self.auto_commit = is_on;
        self.setting("kafka-enable-auto-commit", HeaderValue::from_static(if is_on { "true" } else { "false" }))
    }

    /// Sets the time between automatic commits, to milliseconds (5 s).
    pub fn auto_commit_interval(mut self, interval: Duration) -> Self {
        self.commit_interval = interval;
        self.setting("kafka-auto-commit-interval", milliseconds(interval).into())
    }

    /// Sets the time without a poll after which the instance ends, to milliseconds (2 min; at most 30).
    pub fn session_timeout(self, timeout: Duration) -> Self {
        self.setting("kafka-session-timeout-ms", milliseconds(timeout).into())
    }

    fn setting(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.settings.insert(HeaderName::from_static(name), value);
        self
    }

    /// The next messages, in the order of each partition. It waits so long for the first one, at most a minute, and gives none
    /// then.
    ///
    /// The server takes the next poll as word that the messages of the one before are done, and goes on after them. An answer
    /// can be lost, or this future dropped, after the server has handed messages out: [close](Self::close) an instance without
    /// automatic commits then, and its next poll begins at the last commit. [`messages`](Self::messages) does all of that.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such topic, and those of the service.
    pub async fn poll(&self, wait: Duration) -> Result<Vec<Received>, Error> {
        let body = json!({"topics": self.topics, "timeout": milliseconds(wait)});
        let call = self.call("kafka consume", "/consume")?.headers(self.settings.clone()).json(&body)?.waits(wait);
        send(&self.rest, call).await
    }

    /// Commits everything that was handed out to the instance.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the instance has ended, and those of the service.
    pub async fn commit(&self) -> Result<(), Error> {
        let call = self.call("kafka commit", "/commit")?.safe();
        send::<IgnoredAny>(&self.rest, call).await.map(drop)
    }

    /// Commits offsets, up to 1,000 in a request: the group goes on from them.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub async fn commit_offsets(&self, offsets: impl IntoIterator<Item = TopicPartitionOffset>) -> Result<(), Error> {
        let offsets: Vec<TopicPartitionOffset> = offsets.into_iter().collect();
        // An empty list would commit everything.
        for offsets in offsets.chunks(MAX_OFFSETS) {
            let call = self.call("kafka commit", "/commit")?.json(&offsets)?.safe();
            send::<IgnoredAny>(&self.rest, call).await?;
        }
        Ok(())
    }

    /// The offsets that the group has committed, -1 for none.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub async fn committed(
        &self,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<Vec<TopicPartitionOffset>, Error> {
        let partitions: Value = partitions.into_iter().map(|partition| json!(partition)).collect();
        send(&self.rest, self.call("kafka committed", "/committed")?.json(&partitions)?.safe()).await
    }

    /// Ends the instance: its partitions go to the others of the group. Messages that were handed out are committed if
    /// commits are automatic.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub async fn close(&self) -> Result<(), Error> {
        let call = self.call("kafka delete-consumer", "/delete-consumer")?;
        send::<IgnoredAny>(&self.rest, call).await.map(drop)
    }

    fn call(&self, operation: &'static str, path: &'static str) -> Result<Call, Error> {
        Call::new(operation, path).segment(&self.group)?.segment(&self.instance)
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("group", &self.group)
            .field("instance", &self.instance)
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}
