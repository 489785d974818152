use std::{error::Error, fmt, io, net::SocketAddr, time::Duration};

/// Why a [`LocalRedis`](super::LocalRedis) did not start, or could not do what it was asked.
///
/// The text is one line, and holds neither the token nor the password of a Redis.
///
/// ```
/// use axum_upstash::local::{LocalRedisConfig, LocalError, LocalRedis};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = LocalRedisConfig::default().with_redis_url("redis://127.0.0.1:1");
/// let error: LocalError = LocalRedis::start_with(config).await.unwrap_err();
/// println!("{error}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum LocalError {
    /// Neither `redis-server` nor `valkey-server` is on `PATH`, and no Redis URL was given.
    NoRedisFound,
    /// A Redis was found but could not be started.
    StartRedis {
        /// The step that failed.
        step: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The Redis that was started ended at once.
    RedisExited {
        /// The last lines that it printed.
        output: String,
    },
    /// The Redis that was started did not answer in time.
    RedisNotReady {
        /// How long it was waited for.
        waited: Duration,
        /// The last lines that it printed.
        output: String,
    },
    /// The Redis URL cannot be used.
    InvalidRedisUrl {
        /// The fault that was found.
        reason: &'static str,
    },
    /// The Redis of the Redis URL could not be reached, or did not accept its credentials.
    RedisUnreachable {
        /// The address that was tried, without credentials.
        address: String,
        /// What went wrong.
        source: io::Error,
    },
    /// Redis was started by someone else, so it cannot be stopped here.
    RedisNotOwned,
    /// The token is empty, or has characters other than visible ASCII.
    InvalidToken,
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The operating system gave no random bytes for a token.
    Random,
    /// A setting cannot be used.
    InvalidSetting {
        /// The values that it may have.
        reason: &'static str,
    },
    /// A file of settings cannot be read as one.
    InvalidFile {
        /// The fault that was found, and its place.
        reason: String,
    },
    /// The HTTP client that delivers messages could not be set up.
    HttpClient {
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl fmt::Display for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRedisFound => f.write_str(
                "no redis-server or valkey-server on PATH: install one \
                 (`apt install redis-server`, `brew install redis`) or set REDIS_URL to a running Redis",
            ),
            Self::StartRedis { step, source } => write!(f, "cannot start a Redis: {step}: {source}"),
            Self::RedisExited { output } => {
                write!(f, "the Redis that was started ended at once: {output}")
            }
            Self::RedisNotReady { waited, output } => {
                write!(f, "the Redis that was started did not answer within {} s: {output}", waited.as_secs())
            }
            Self::InvalidRedisUrl { reason } => write!(f, "invalid REDIS_URL: {reason}"),
            Self::RedisUnreachable { address, source } => {
                write!(f, "cannot use the Redis at {address}: {source}")
            }
            Self::RedisNotOwned => f.write_str("this server did not start its Redis, so it cannot stop or restart it"),
            Self::InvalidToken => f.write_str("the token must be one or more visible ASCII characters"),
            Self::Listen { address, source } => write!(f, "cannot listen on {address}: {source}"),
            Self::Random => f.write_str("the operating system gave no random bytes for a token"),
            Self::InvalidSetting { reason } => f.write_str(reason),
            Self::InvalidFile { reason } => write!(f, "the file of indexes cannot be used: {reason}"),
            Self::HttpClient { source } => write!(f, "the HTTP client cannot be set up: {source}"),
        }
    }
}

impl Error for LocalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::StartRedis { source, .. } | Self::RedisUnreachable { source, .. } | Self::Listen { source, .. } => {
                Some(source)
            }
            Self::HttpClient { source } => Some(&**source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LocalError;

    #[test]
    fn a_missing_redis_says_how_to_get_one() {
        let text = LocalError::NoRedisFound.to_string();
        for part in ["apt install redis-server", "brew install redis", "REDIS_URL"] {
            assert!(text.contains(part), "{part}");
        }
    }
}
