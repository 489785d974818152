use super::{KeyLocking, Redis};
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
    read_your_writes: bool,
    key_locking: KeyLocking,
}

impl RedisBuilder {
    pub(super) fn new(url: String, token: String) -> Self {
        Self {
            url,
            token: Secret::new(token),
            names: ("the Redis URL", "the Redis token"),
            rest: RestConfig::default(),
            read_your_writes: true,
            key_locking: KeyLocking::default(),
        }
    }

    rest_setters!();
    named_setters!();

    /// Whether the sync token of each answer goes out with the next request (it does).
    pub fn read_your_writes(mut self, enabled: bool) -> Self {
        self.read_your_writes = enabled;
        self
    }

    /// How scripts ask for key locking.
    pub fn key_locking(mut self, key_locking: KeyLocking) -> Self {
        self.key_locking = key_locking;
        self
    }

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the URL or the token cannot be right.
    pub fn build(self) -> Result<Redis, Error> {
        let url = BaseUrl::parse(self.names.0, &self.url)?;
        let rest = RestClient::new(url, self.names.1, &self.token, self.rest)?;
        Ok(Redis::over(rest, self.read_your_writes, self.key_locking))
    }
}
