use std::{
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::task::JoinSet;

use super::{
    account::Account,
    agent::Agent,
    deliver::Courier,
    inspect::{self, LocalMessage},
    records::Keys,
    service::Service,
    settings::LocalQStashBuilder,
    users::USERS,
};
use crate::local::{
    LocalError,
    clock::LocalClock,
    http::{Front, Port, Running},
    journal::Nothing,
    secret::Secret,
};

const REGION: &str = "EU-CENTRAL-1";

/// A QStash on this machine: it takes messages, and delivers them to this machine. Dropping it stops it.
///
/// It has the accounts of the official development server, so that clients of every language find it with their
/// development mode. Their tokens and keys are public knowledge.
///
/// ```
/// use axum::{Json, Router, routing::post};
/// use axum_upstash::{
///     local::LocalQStash,
///     qstash::{Message, QStash, QStashClient, Receiver},
/// };
///
/// async fn send_receipt(QStash(Json(order)): QStash<Json<u64>>) -> String {
///     format!("receipt {order}")
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let receiver = Receiver::new(LocalQStash::CURRENT_SIGNING_KEY, LocalQStash::NEXT_SIGNING_KEY)?;
/// let app = Router::new().route("/webhooks/receipt", post(send_receipt)).with_state(receiver);
/// let local = LocalQStash::builder().destination("https://app.example.com", app).start().await?;
///
/// let qstash = QStashClient::builder(local.token()).url(local.url()).build()?;
/// qstash.publish(Message::to_url("https://app.example.com/webhooks/receipt").json(&17)).await?;
/// local.idle().await;
/// assert_eq!(local.messages()[0].last_status, Some(200));
/// # Ok(())
/// # }
/// ```
pub struct LocalQStash {
    url: String,
    clock: LocalClock,
    service: Arc<Service>,
    server: Running,
    /// Dropping it ends the attempts.
    running: JoinSet<()>,
}

impl LocalQStash {
    /// The token of the account that clients use by default.
    pub const TOKEN: &str = USERS[0].token;
    /// The key that signs deliveries of that account, until it is rotated.
    pub const CURRENT_SIGNING_KEY: &str = USERS[0].current_key;
    /// The key after it.
    pub const NEXT_SIGNING_KEY: &str = USERS[0].next_key;

    /// Starts a server on a free port of the loopback interface.
    ///
    /// # Errors
    /// If there is no such port.
    pub async fn start() -> Result<Self, LocalError> {
        Self::builder().start().await
    }

    /// Sets up a server.
    pub fn builder() -> LocalQStashBuilder {
        LocalQStashBuilder::new()
    }

    async fn start_with(settings: LocalQStashBuilder) -> Result<Self, LocalError> {
        if let Some(problem) = settings.problem {
            return Err(problem);
        }
        let port = Port::listen(settings.address).await?;
        let clock = LocalClock::new(settings.time_scale);
        let limits = Arc::new(settings.limits);
        let courier = Courier::new(settings.targets, clock.clone());
        let courier = Arc::new(courier.map_err(|error| LocalError::HttpClient { source: Box::new(error) })?);
        let mut running = JoinSet::new();
        let agents = USERS.iter().map(|user| {
            let keys = Keys { current: user.current_key.to_owned(), next: user.next_key.to_owned() };
            let account = Account::new(clock.now_ms(), Arc::clone(&limits), keys, Box::new(Nothing));
            let agent = Arc::new(Agent::new(account, clock.clone(), Arc::clone(&courier), REGION, settings.faults));
            running.spawn(Arc::clone(&agent).run());
            (Secret::new(user.token), agent)
        });
        let service = Arc::new(Service {
            agents: agents.collect(),
            front: Front::new(port.is_loopback(), settings.read_timeout),
            faults: settings.faults,
            max_message_bytes: limits.max_message_bytes,
        });
        let url = port.url();
        let server = port.serve_api(Arc::clone(&service), &service.front);
        Ok(Self { url, clock, service, server, running })
    }

    /// The URL for clients, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The token for clients.
    #[must_use]
    pub fn token(&self) -> &str {
        Self::TOKEN
    }

    /// The address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The environment variables from which clients and receivers read the URL, the token and the signing keys.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let (current, next) = self.agent().look(|account, _| {
            let keys = account.keys();
            (keys.current.clone(), keys.next.clone())
        });
        vec![
            ("QSTASH_URL", self.url.clone()),
            ("QSTASH_TOKEN", Self::TOKEN.to_owned()),
            ("QSTASH_CURRENT_SIGNING_KEY", current),
            ("QSTASH_NEXT_SIGNING_KEY", next),
        ]
    }

    /// The number of HTTP requests answered so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.service.front.requests()
    }

    /// The time of the server's clock.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.clock.now_ms())
    }

    /// Moves the server's clock forward: delays, retries, schedules and timeouts until then are due.
    ///
    /// A schedule makes messages once, however many of its times have passed.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Waits until no attempt runs, and none is due. Messages may still wait for their time, or in a queue that is paused.
    pub async fn idle(&self) {
        for (_, agent) in &self.service.agents {
            agent.idle().await;
        }
    }

    /// The messages of the default account, in the order in which they were accepted, callbacks among them. Those that
    /// the log no longer has are left out.
    #[must_use]
    pub fn messages(&self) -> Vec<LocalMessage> {
        inspect::messages(&self.agent().look(|account, _| account.rows()))
    }

    /// Stops the server: no connection is accepted, requests have two seconds to end, and attempts are broken off.
    pub async fn shutdown(mut self) {
        self.server.shut_down(&self.service.front).await;
        for (_, agent) in &self.service.agents {
            agent.close();
        }
        while self.running.join_next().await.is_some() {}
        self.service.front.emptied().await;
    }

    fn agent(&self) -> &Arc<Agent> {
        &self.service.agents[0].1
    }
}

impl LocalQStashBuilder {
    /// Starts the server.
    ///
    /// # Errors
    /// If the address is in use, or a setting cannot be used.
    pub async fn start(self) -> Result<LocalQStash, LocalError> {
        LocalQStash::start_with(self).await
    }
}

impl Drop for LocalQStash {
    fn drop(&mut self) {
        self.service.front.close();
    }
}

impl fmt::Debug for LocalQStash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalQStash").field("url", &self.url).finish_non_exhaustive()
    }
}
