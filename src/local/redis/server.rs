use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{
    address::RedisAddress,
    config::LocalRedisConfig,
    connection::Connection,
    execute::Executor,
    pool::Pool,
    process::RedisProcess,
    rest::{Rest, Tokens},
    supervisor::Supervisor,
};
use crate::local::{
    LocalError,
    http::{Port, Running},
    secret::Secret,
};

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How long requests may go on after a shutdown began.
const REQUEST_GRACE: Duration = Duration::from_secs(2);
/// How long connections may then take to send what was answered.
const CONNECTION_GRACE: Duration = Duration::from_millis(500);

/// Redis on this machine, over REST: a server in front of a real Redis. Dropping it stops it.
///
/// ```
/// use axum_upstash::{Upstash, local::LocalRedis};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let local = LocalRedis::start().await?;
/// let upstash = Upstash::builder().redis(local.url(), local.token()).build()?;
/// assert_eq!(upstash.redis().incr("visits").await?, 1);
/// local.stop_redis().await?; // to see what an outage does
/// assert!(upstash.redis().incr("visits").await.is_err());
/// # Ok(())
/// # }
/// ```
pub struct LocalRedis {
    url: String,
    token: Secret,
    read_only_token: Secret,
    rest: Arc<Rest>,
    pool: Arc<Pool>,
    redis: Option<Supervisor>,
    server: Running,
}

impl LocalRedis {
    /// Starts a server with its own Redis, on a free port of the loopback interface and with a random token.
    ///
    /// # Errors
    ///
    /// When there is no Redis to start, or it does not start.
    pub async fn start() -> Result<Self, LocalError> {
        Self::start_with(LocalRedisConfig::default()).await
    }

    /// Starts a server as `config` says.
    ///
    /// # Errors
    ///
    /// When Redis cannot be started or reached, the address is in use, or a setting cannot be used.
    pub async fn start_with(config: LocalRedisConfig) -> Result<Self, LocalError> {
        let token = usable_or_random(config.token())?;
        let read_only_token = usable_or_random(config.read_only_token())?;
        // The address first: it is the cheaper thing to find out about.
        let port = Port::listen(config.address()).await?;

        let (redis, redis_address) = match config.redis_url() {
            Some(url) => (None, reachable(RedisAddress::parse(url)?).await?),
            None => {
                let process = RedisProcess::start().await?;
                let redis_address = process.address();
                (Some(process), redis_address)
            }
        };
        let pool = Arc::new(Pool::new(redis_address, config.max_connections()));
        let redis = redis.map(|process| Supervisor::new(process, Arc::clone(&pool)));
        let rest = Arc::new(Rest::new(
            Executor::new(Arc::clone(&pool), redis.is_none(), config.limits()),
            Tokens { standard: token.clone(), read_only: read_only_token.clone() },
            config.rest(port.is_loopback()),
        ));
        let url = port.url();
        let server = port.serve(Arc::clone(&rest), config.read_timeout());
        Ok(Self { url, token, read_only_token, rest, pool, redis, server })
    }

    /// The URL for clients, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The token for clients.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.expose()
    }

    /// The token for clients that may only read. Neither `SCAN` nor `KEYS` is a read here, as at Upstash.
    #[must_use]
    pub fn read_only_token(&self) -> &str {
        self.read_only_token.expose()
    }

    /// The address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The environment variables from which clients read the URL and the token.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![("UPSTASH_REDIS_REST_URL", self.url.clone()), ("UPSTASH_REDIS_REST_TOKEN", self.token.expose().to_owned())]
    }

    /// The number of HTTP requests answered so far. A test counts round trips with it.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.rest.answered()
    }

    /// Kills the Redis behind the server, to see what an outage does. Requests are then answered by HTTP 500.
    ///
    /// # Errors
    ///
    /// When this server did not start its Redis, or cannot stop it.
    pub async fn stop_redis(&self) -> Result<(), LocalError> {
        self.owned_redis()?.stop().await
    }

    /// Starts the Redis behind the server again, empty. One that runs is killed first.
    ///
    /// # Errors
    ///
    /// When this server did not start its Redis, or it does not start again.
    pub async fn restart_redis(&self) -> Result<(), LocalError> {
        self.owned_redis()?.restart().await
    }

    /// Waits until the server gives up its Redis, because it ends or cannot be started again and again, and says why.
    ///
    /// A Redis that ends without [`stop_redis`](Self::stop_redis) is started again, empty, five times in a row at the
    /// most. With a Redis that was not started here, this waits for ever.
    pub async fn redis_failed(&self) -> Arc<LocalError> {
        match &self.redis {
            Some(redis) => redis.failed().await,
            None => std::future::pending().await,
        }
    }

    /// Whether the Redis behind the server was not started here. Its other databases are then in reach of some
    /// commands: see the [module docs](crate::local#a-redis-that-is-shared).
    #[must_use]
    pub fn redis_is_shared(&self) -> bool {
        self.redis.is_none()
    }

    /// Stops the server, and then its Redis.
    ///
    /// No new connection is accepted, and subscriptions end. Requests that are being answered have two seconds to end. Afterwards nothing
    /// reaches Redis any more: a client that is still sending a request then is answered by HTTP 503.
    pub async fn shutdown(mut self) {
        self.server.stop();
        self.rest.drain();
        if timeout(REQUEST_GRACE, self.rest.idle()).await.is_err() {
            tracing::warn!("requests were still running at shutdown");
        }
        self.server.ended(CONNECTION_GRACE).await;
        self.rest.close();
        self.rest.idle().await;
        self.pool.clear();
        if let Some(redis) = &self.redis
            && let Err(error) = redis.stop().await
        {
            tracing::warn!(%error, "Redis was not stopped");
        }
    }

    fn owned_redis(&self) -> Result<&Supervisor, LocalError> {
        self.redis.as_ref().ok_or(LocalError::RedisNotOwned)
    }
}

impl Drop for LocalRedis {
    fn drop(&mut self) {
        self.rest.close();
    }
}

impl fmt::Debug for LocalRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalRedis").field("url", &self.url).field("token", &self.token).finish_non_exhaustive()
    }
}

async fn reachable(address: RedisAddress) -> Result<RedisAddress, LocalError> {
    let connected = timeout(CONNECT_DEADLINE, Connection::connect(&address))
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
    match connected {
        Ok(_) => Ok(address),
        Err(source) => Err(LocalError::RedisUnreachable { address: address.to_string(), source }),
    }
}

fn usable_or_random(token: Option<&Secret>) -> Result<Secret, LocalError> {
    match token {
        Some(token) => usable(token),
        None => Secret::random().map_err(|_| LocalError::Random),
    }
}

fn usable(token: &Secret) -> Result<Secret, LocalError> {
    if token.is_valid() { Ok(token.clone()) } else { Err(LocalError::InvalidToken) }
}
