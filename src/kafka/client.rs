use super::{
    Consumer, Fetch, GroupInfo, Message, OffsetTime, Produced, Received, TopicPartition, TopicPartitionOffset,
    call::{Call, send},
};
use crate::{
    Error, ErrorKind,
    client::{RestClient, RestConfig, Secret},
    env,
    problems::Problems,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use std::{collections::BTreeMap, fmt};

/// The headers by which a request is sent, which would take the place of the client's own.
const OF_THE_REQUEST: [&str; 12] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const PRODUCE: &str = "kafka produce";

/// A client of Kafka over REST. Cloning is cheap, and clones share everything.
///
/// ```no_run
/// use axum_upstash::kafka::{Kafka, Message};
///
/// # async fn run() -> Result<(), axum_upstash::Error> {
/// let kafka = Kafka::from_env()?;
/// let produced = kafka.produce(Message::text("orders", "17")).await?;
/// println!("{} {}", produced.partition, produced.offset);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Kafka {
    pub(super) rest: RestClient,
}

/// Sets up a [`Kafka`].
///
/// ```
/// use axum_upstash::{client::RetryPolicy, kafka::Kafka};
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let kafka = Kafka::builder("http://127.0.0.1:8092", "user", "password").retry(RetryPolicy::never()).build()?;
/// # drop(kafka);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct KafkaBuilder {
    url: String,
    username: String,
    password: Secret,
    names: [&'static str; 3],
    rest: RestConfig,
}

impl KafkaBuilder {
    rest_setters!();

    pub(crate) fn rest(mut self, rest: RestConfig) -> Self {
        self.rest = rest;
        self
    }

    pub(crate) fn names(mut self, url: &'static str, username: &'static str, password: &'static str) -> Self {
        self.names = [url, username, password];
        self
    }

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if the URL, the user or the password cannot be right.
    pub fn build(self) -> Result<Kafka, Error> {
        Problems::collect(|problems| self.build_into(problems))
    }

    /// The same with the problems of other clients.
    pub(crate) fn build_into(self, problems: &mut Problems) -> Option<Kafka> {
        let [url, username, password] = self.names;
        if self.username.is_empty() || self.username.contains(':') {
            problems.add(format!("{username} is empty, or has a colon"));
        }
        let user = (self.username.as_str(), &self.password);
        let rest = RestClient::with_user((url, password), &self.url, user, self.rest, problems)?;
        Some(Kafka { rest })
    }
}

impl Kafka {
    /// A client, by an address and a user.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if the URL, the user or the password cannot be right.
    pub fn new(
        url: impl Into<String>,
        username: impl Into<String>,
        password: impl Into<String>,
    ) -> Result<Self, Error> {
        Self::builder(url, username, password).build()
    }

    /// The client of `UPSTASH_KAFKA_REST_URL`, `UPSTASH_KAFKA_REST_USERNAME` and `UPSTASH_KAFKA_REST_PASSWORD`.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if a variable is not set, or cannot be right.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_env_with(|name| std::env::var(name).ok())
    }

    /// Reads the variables from somewhere else: a test, a file, the bindings of an edge runtime.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_env_with(mut lookup: impl FnMut(&str) -> Option<String>) -> Result<Self, Error> {
        let mut read = |variable: env::Variable| lookup(variable.name).filter(|value| !value.is_empty());
        let variables = [env::KAFKA_URL, env::KAFKA_USERNAME, env::KAFKA_PASSWORD];
        let values = variables.map(&mut read);
        let is_telemetry = read(env::DISABLE_TELEMETRY).is_none();
        Problems::collect(|problems| {
            for (variable, _) in variables.iter().zip(&values).filter(|(_, value)| value.is_none()) {
                problems.add(format!("{} is not set", variable.name));
            }
            let [url, username, password] = values;
            let [url_name, username_name, password_name] = variables.map(|variable| variable.name);
            let rest = RestConfig::default();
            let rest = RestConfig { telemetry: rest.telemetry && is_telemetry, ..rest };
            let builder = Self::builder(url?, username?, password?).names(url_name, username_name, password_name);
            builder.rest(rest).build_into(problems)
        })
    }

    /// Sets up a client with settings of its own.
    pub fn builder(url: impl Into<String>, username: impl Into<String>, password: impl Into<String>) -> KafkaBuilder {
        KafkaBuilder {
            url: url.into(),
            username: username.into(),
            password: Secret::new(password),
            names: ["the Kafka URL", "the Kafka user", "the Kafka password"],
            rest: RestConfig::default(),
        }
    }

    /// A client whose every call fails with what has to be set.
    pub(crate) fn not_configured(reason: impl Into<String>) -> Self {
        Self { rest: RestClient::not_configured(reason) }
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.rest.is_configured()
    }

    /// Stores a message. It is not sent again if the answer is lost: it may be stored all the same.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such topic or partition, and those of the service.
    pub async fn produce(&self, message: Message) -> Result<Produced, Error> {
        let produced = self.produce_many([message]).await?.pop();
        produced.ok_or_else(|| Error::new(ErrorKind::Decode, "the answer has no message").with_operation(PRODUCE))
    }

    /// Stores several messages, of any topics: all, or none. The answers are in the order of the messages.
    ///
    /// # Errors
    /// As [`produce`](Self::produce).
    pub async fn produce_many(&self, messages: impl IntoIterator<Item = Message>) -> Result<Vec<Produced>, Error> {
        let messages: Vec<Message> = messages.into_iter().collect();
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let produced: Vec<Produced> = send(&self.rest, Call::new(PRODUCE, "/produce").json(&messages)?).await?;
        if produced.len() != messages.len() {
            let message = format!("{} messages were sent, and the answer has {}", messages.len(), produced.len());
            return Err(Error::new(ErrorKind::Decode, message).with_operation(PRODUCE));
        }
        Ok(produced)
    }

    /// Stores a short text that is sent in the path, with a key if there is one.
    ///
    /// # Errors
    /// As [`produce`](Self::produce).
    pub async fn produce_in_path(&self, topic: &str, text: &str, key: Option<&str>) -> Result<Produced, Error> {
        let mut call = Call::new(PRODUCE, "/produce").get().segment(topic)?.segment(text)?;
        if let Some(key) = key {
            call = call.parameter("key", key);
        }
        send(&self.rest, call).await
    }

    /// Stores a body as a webhook does. Headers become headers of the message, unless they are of HTTP itself: those of a
    /// request that is passed on are left out.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if a header cannot be sent, and as [`produce`](Self::produce).
    pub async fn webhook<'a>(
        &self,
        topic: &str,
        body: impl Into<Bytes>,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Produced, Error> {
        let invalid = || Error::new(ErrorKind::InvalidInput, "a header cannot be sent").with_operation(PRODUCE);
        let mut fields = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::try_from(name).map_err(|_| invalid())?;
            let value = HeaderValue::try_from(value).map_err(|_| invalid())?;
            if !OF_THE_REQUEST.contains(&name.as_str()) {
                fields.append(name, value);
            }
        }
        let call = Call::new(PRODUCE, "/webhook").parameter("topic", topic).headers(fields).body(body.into());
        let produced: Vec<Produced> = send(&self.rest, call).await?;
        let one = produced.into_iter().next();
        one.ok_or_else(|| Error::new(ErrorKind::Decode, "the answer has no message").with_operation(PRODUCE))
    }

    /// An instance of a consumer group. It is made by its first poll.
    pub fn consumer(&self, group: impl Into<String>, instance: impl Into<String>) -> Consumer {
        Consumer::new(self.rest.clone(), group.into(), instance.into())
    }

    /// Reads messages from an offset on, without a group. It waits for the first one as long as [`Fetch::wait`] says.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such topic or partition, and those of the service.
    pub async fn fetch(&self, fetch: Fetch) -> Result<Vec<Received>, Error> {
        let (body, waits) = fetch.into_body();
        send(&self.rest, Call::new("kafka fetch", "/fetch").json(&body)?.safe().waits(waits)).await
    }

    /// The topics with the numbers of their partitions.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn topics(&self) -> Result<BTreeMap<String, u32>, Error> {
        send(&self.rest, Call::new("kafka topics", "/topics").get().safe()).await
    }

    /// The groups with their instances.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn consumers(&self) -> Result<Vec<GroupInfo>, Error> {
        send(&self.rest, Call::new("kafka consumers", "/consumers").get().safe()).await
    }

    /// The offsets of partitions at a time: of the first message that is not older.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such topic or partition, and those of the service.
    pub async fn offsets(
        &self,
        at: OffsetTime,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<Vec<TopicPartitionOffset>, Error> {
        let partitions: Vec<TopicPartition> = partitions.into_iter().collect();
        let call = Call::new("kafka offsets", "/offsets").segment(&at.segment())?.json(&json!(partitions))?.safe();
        send(&self.rest, call).await
    }
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kafka").field(&self.rest).finish()
    }
}
