use std::net::{Ipv4Addr, SocketAddr};

use super::secret::Secret;

const DEFAULT_MAX_REQUEST_BYTES: usize = 10 * 1024 * 1024;

/// How a [`LocalUpstash`](super::LocalUpstash) is started.
///
/// The default listens on a free port of the loopback interface, makes up a token, and starts its own Redis.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct LocalConfig {
    address: Option<SocketAddr>,
    token: Option<Secret>,
    redis_url: Option<Secret>,
    max_request_bytes: Option<usize>,
}

impl LocalConfig {
    /// Listens on this address. The default is `127.0.0.1:0`, where the port is any free one.
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

    /// Refuses request bodies that are larger. The default is 10 MiB, as on the smaller plans of Upstash.
    pub fn with_max_request_bytes(mut self, bytes: usize) -> Self {
        self.max_request_bytes = Some(bytes);
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

    pub(super) fn max_request_bytes(&self) -> usize {
        self.max_request_bytes.unwrap_or(DEFAULT_MAX_REQUEST_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::LocalConfig;

    #[test]
    fn debug_hides_the_token_and_the_redis_url() {
        let config = LocalConfig::default().with_token("hunter2").with_redis_url("redis://:hunter2@localhost");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
