use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use super::{
    broker::Broker,
    service::{Service, Shared},
    settings::{Credential, LocalKafkaBuilder, LocalKafkaRights},
    state::State,
};
use crate::local::{
    LocalError,
    clock::LocalClock,
    http::{Front, Port, Running},
    journal::Nothing,
    secret::Secret,
};

/// A Kafka over REST on this machine, as Upstash offered it until March 2025: for code and tests that have to go on.
/// Dropping it stops it.
///
/// ```
/// use axum_upstash::{kafka::{Kafka, Message}, local::LocalKafka};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let local = LocalKafka::start().await?;
/// let kafka = Kafka::new(local.url(), local.username(), local.password())?;
/// kafka.produce(Message::text("orders", "17").key("customer-1")).await?;
/// assert_eq!(kafka.topics().await?["orders"], 1);
/// # Ok(())
/// # }
/// ```
pub struct LocalKafka {
    url: String,
    username: String,
    password: Secret,
    service: Arc<Service>,
    server: Running,
}

impl LocalKafka {
    /// Starts a server on a free port of the loopback interface.
    ///
    /// # Errors
    /// If there is no such port.
    pub async fn start() -> Result<Self, LocalError> {
        Self::builder().start().await
    }

    /// Sets up a server.
    pub fn builder() -> LocalKafkaBuilder {
        LocalKafkaBuilder::new()
    }

    async fn start_with(settings: LocalKafkaBuilder) -> Result<Self, LocalError> {
        if let Some(problem) = settings.problem {
            return Err(problem);
        }
        let password = match settings.password {
            Some(password) => password,
            None => Secret::random().map_err(|_| LocalError::Random)?,
        };
        let full = Credential {
            username: settings.username.clone(),
            password: password.clone(),
            rights: LocalKafkaRights::Full,
        };
        let credentials: Vec<Credential> = settings.credentials.into_iter().chain([full]).collect();
        let is_valid = |known: &Credential| {
            known.password.is_valid() && !known.username.is_empty() && !known.username.contains(':')
        };
        if !credentials.iter().all(is_valid) {
            return Err(LocalError::InvalidToken);
        }
        let broker = Broker::new(
            State::new(settings.creates_topics, settings.retention, Box::new(Nothing)),
            LocalClock::new(1.0),
        );
        for (name, partitions) in &settings.topics {
            let reason = "topics have names of 1 to 249 letters, digits, -, _ and ., and there are at most 1,000";
            broker.create(name, *partitions).map_err(|_| LocalError::InvalidSetting { reason })?;
        }
        let port = Port::listen(settings.address).await?;
        let service =
            Arc::new(Service { broker, credentials, front: Front::new(port.is_loopback(), settings.read_timeout) });
        let (url, username) = (port.url(), settings.username);
        let server = port.serve_api(Arc::new(Shared(Arc::clone(&service))), &service.front);
        Ok(Self { url, username, password, service, server })
    }

    /// The URL for clients, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The user who may do everything.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The password of that user.
    #[must_use]
    pub fn password(&self) -> &str {
        self.password.expose()
    }

    /// The address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The environment variables from which clients read the URL and the user.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("UPSTASH_KAFKA_REST_URL", self.url.clone()),
            ("UPSTASH_KAFKA_REST_USERNAME", self.username.clone()),
            ("UPSTASH_KAFKA_REST_PASSWORD", self.password().to_owned()),
        ]
    }

    /// The number of HTTP requests answered so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.service.front.requests()
    }

    /// Moves the server's clock forward: instances end that have not come back in time, and the next poll of the others
    /// commits what is done.
    pub fn advance(&self, by: Duration) {
        self.service.broker.advance(by);
    }

    /// Stops the server: no connection is accepted, and requests have two seconds to end.
    pub async fn shutdown(mut self) {
        self.server.shut_down(&self.service.front).await;
        self.service.front.emptied().await;
    }
}

impl LocalKafkaBuilder {
    /// Starts the server.
    ///
    /// # Errors
    /// If the address is in use, or a setting cannot be used.
    pub async fn start(self) -> Result<LocalKafka, LocalError> {
        LocalKafka::start_with(self).await
    }
}

impl Drop for LocalKafka {
    fn drop(&mut self) {
        self.service.front.close();
    }
}

impl fmt::Debug for LocalKafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKafka").field("url", &self.url).finish_non_exhaustive()
    }
}
