use super::{
    KeyLocking, Redis, RequestEvent, ResponseFormat,
    auto_pipeline::Limits,
    backend::Backend,
    observe::Observer,
    rest::{Rest, RestSettings},
};
use crate::{
    Error,
    http::{BaseUrl, RestClient, RestConfig, Secret},
};

/// Sets up a [`Redis`] client.
#[derive(Debug, Clone)]
#[must_use]
pub struct RedisBuilder {
    url: String,
    token: Secret,
    names: (&'static str, &'static str),
    rest: RestConfig,
    settings: RestSettings,
    key_locking: KeyLocking,
    auto_pipeline: Option<Limits>,
}

impl RedisBuilder {
    pub(super) fn new(url: String, token: String) -> Self {
        Self {
            url,
            token: Secret::new(token),
            names: ("the Redis URL", "the Redis token"),
            rest: RestConfig::default(),
            settings: RestSettings::default(),
            key_locking: KeyLocking::default(),
            auto_pipeline: Some(Limits::default()),
        }
    }

    rest_setters!();
    named_setters!();

    /// Whether the sync token of each answer goes out with the next request (it does).
    pub fn read_your_writes(mut self, enabled: bool) -> Self {
        self.settings.read_your_writes = enabled;
        self
    }

    /// How scripts ask for key locking.
    pub fn key_locking(mut self, key_locking: KeyLocking) -> Self {
        self.key_locking = key_locking;
        self
    }

    /// How the server is asked to write its replies ([`ResponseFormat::Json`]).
    pub fn response_format(mut self, format: ResponseFormat) -> Self {
        self.settings.format = format;
        self
    }

    /// Whether single commands share requests (they do).
    ///
    /// A command that is issued while nothing is in flight goes out at once, alone. Those that are issued while a
    /// request is in flight go together into the next one, in their order, and each gets its own result: many tasks
    /// then cost few requests, and a command waits for at most the rest of one. A call with a longer deadline than the
    /// client's goes beside them, so that nobody waits for it. Without it each command is a request
    /// of its own, and they run at the same time in no order.
    pub fn auto_pipelining(mut self, enabled: bool) -> Self {
        self.auto_pipeline = enabled.then(Limits::default);
        self
    }

    /// How much goes into one request of automatic pipelining (1000 commands, 1 MiB). Larger commands go alone.
    pub fn auto_pipelining_limits(mut self, commands: usize, bytes: usize) -> Self {
        self.auto_pipeline = Some(Limits { commands, bytes });
        self
    }

    /// Calls `observe` after each request with what it was, to count requests and commands.
    ///
    /// It is called where the answer is read, so it must be quick and must not panic.
    pub fn on_request(mut self, observe: impl Fn(&RequestEvent) + Send + Sync + 'static) -> Self {
        self.settings.observer = Observer::new(observe);
        self
    }

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the URL or the token cannot be right.
    pub fn build(self) -> Result<Redis, Error> {
        let url = BaseUrl::parse(self.names.0, &self.url)?;
        let client = RestClient::new(url, self.names.1, &self.token, self.rest)?;
        let rest = Rest::new(client, self.settings);
        Ok(Redis::over(Backend::rest(rest, self.auto_pipeline), self.key_locking))
    }
}
