use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::{limits::Limits, rest::RestConfig};
use crate::local::secret::Secret;

const DEFAULT_MAX_REQUEST_BYTES: usize = 10 * 1024 * 1024;
const DEFAULT_MAX_PIPELINE_COMMANDS: usize = 10_000;
const DEFAULT_MAX_STREAMS: usize = 256;
const DEFAULT_MAX_CONNECTIONS: usize = 16;
const DEFAULT_READ_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_READ_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
/// The sum of the replies to a pipeline in sizes of a request: 100 MiB, the largest record of the smaller plans of Upstash.
const REPLIES_PER_REQUEST: usize = 10;

/// The settings of a [`LocalRedis`](super::LocalRedis).
///
/// The default listens on a free port of the loopback interface, makes up a token, and starts its own Redis.
///
/// ```
/// use axum_upstash::local::{LocalRedisConfig, LocalRedis};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = LocalRedisConfig::default().with_token("secret").with_daily_commands(10_000);
/// let local = LocalRedis::start_with(config).await?;
/// assert_eq!(local.token(), "secret");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct LocalRedisConfig {
    address: Option<SocketAddr>,
    token: Option<Secret>,
    redis_url: Option<Secret>,
    read_only_token: Option<Secret>,
    max_request_bytes: Option<usize>,
    max_pipeline_reply_bytes: Option<usize>,
    max_pipeline_commands: Option<usize>,
    max_streams: Option<usize>,
    max_connections: Option<usize>,
    daily_commands: Option<u64>,
    max_requests: Option<u64>,
    read_timeout: Option<Duration>,
}

impl LocalRedisConfig {
    /// Listens on this address (`127.0.0.1:0`, which takes any free port).
    pub fn with_address(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// The token that requests must carry, in visible ASCII characters. The default is a random one per server.
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Secret::new(token));
        self
    }

    /// Uses this Redis instead of starting one: `redis://[user:password@]host[:port][/database]` or `unix:///path`.
    pub fn with_redis_url(mut self, url: impl Into<String>) -> Self {
        self.redis_url = Some(Secret::new(url));
        self
    }

    /// A second token, which allows reads alone. The default is a random one per server.
    pub fn with_read_only_token(mut self, token: impl Into<String>) -> Self {
        self.read_only_token = Some(Secret::new(token));
        self
    }

    /// Refuses pipelines and transactions of more commands. The default is 10 000; Upstash knows no limit but that of
    /// the request's size.
    pub fn with_max_pipeline_commands(mut self, commands: usize) -> Self {
        self.max_pipeline_commands = Some(commands);
        self
    }

    /// Refuses more subscriptions and monitors at the same time. The default is 256.
    pub fn with_max_streams(mut self, streams: usize) -> Self {
        self.max_streams = Some(streams);
        self
    }

    /// Sets how many connections to Redis the requests share (16, at least 1). Streams have their own.
    pub fn with_max_connections(mut self, connections: usize) -> Self {
        self.max_connections = Some(connections);
        self
    }

    /// Refuses every command after so many, as Upstash does when the daily limit of a plan is reached. The default is
    /// none. It is counted from the server's start, whatever the day.
    pub fn with_daily_commands(mut self, commands: u64) -> Self {
        self.daily_commands = Some(commands);
        self
    }

    /// Refuses every command after so many, as Upstash does when the requests of a plan are used up. The default is
    /// none.
    pub fn with_max_requests(mut self, commands: u64) -> Self {
        self.max_requests = Some(commands);
        self
    }

    /// Refuses requests that are larger, and replaces larger replies by an error, one by one in a pipeline. The default
    /// is 10 MiB, as on the smaller plans of Upstash.
    pub fn with_max_request_bytes(mut self, bytes: usize) -> Self {
        self.max_request_bytes = Some(bytes);
        self
    }

    /// The size of all replies to a pipeline or transaction, beyond which the next ones are replaced by an error. The
    /// default is ten times the size of a request.
    pub fn with_max_pipeline_reply_bytes(mut self, bytes: usize) -> Self {
        self.max_pipeline_reply_bytes = Some(bytes);
        self
    }

    /// Closes a connection whose first request does not begin within this time (60 s, a day at the most). Over HTTP/1 the
    /// same holds for the head of each later request. A body that takes longer is answered by HTTP 408.
    pub fn with_read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = Some(timeout);
        self
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    pub(super) fn token(&self) -> Option<&Secret> {
        self.token.as_ref()
    }

    pub(super) fn redis_url(&self) -> Option<&Secret> {
        self.redis_url.as_ref()
    }

    pub(super) fn read_only_token(&self) -> Option<&Secret> {
        self.read_only_token.as_ref()
    }

    pub(super) fn max_connections(&self) -> usize {
        self.max_connections.unwrap_or(DEFAULT_MAX_CONNECTIONS).max(1)
    }

    pub(super) fn limits(&self) -> Limits {
        let max_reply_bytes = self.max_request_bytes();
        Limits {
            daily_commands: self.daily_commands,
            max_requests: self.max_requests,
            max_reply_bytes,
            max_pipeline_reply_bytes: self
                .max_pipeline_reply_bytes
                .unwrap_or_else(|| max_reply_bytes.saturating_mul(REPLIES_PER_REQUEST)),
        }
    }

    pub(super) fn read_timeout(&self) -> Duration {
        // A time that no clock reaches cannot be added to one.
        self.read_timeout.unwrap_or(DEFAULT_READ_TIMEOUT).min(MAX_READ_TIMEOUT)
    }

    pub(super) fn rest(&self, loopback: bool) -> RestConfig {
        RestConfig {
            max_request_bytes: self.max_request_bytes(),
            max_pipeline_commands: self.max_pipeline_commands.unwrap_or(DEFAULT_MAX_PIPELINE_COMMANDS),
            max_streams: self.max_streams.unwrap_or(DEFAULT_MAX_STREAMS),
            read_timeout: self.read_timeout(),
            loopback,
        }
    }

    fn max_request_bytes(&self) -> usize {
        self.max_request_bytes.unwrap_or(DEFAULT_MAX_REQUEST_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::LocalRedisConfig;

    #[test]
    fn debug_hides_the_token_and_the_redis_url() {
        let config = LocalRedisConfig::default().with_token("hunter2").with_redis_url("redis://:hunter2@localhost");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
