use std::{
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout, timeout_at},
};

use super::{
    address::RedisAddress,
    command::Command,
    connection::Connection,
    outage::{Outage, OutageLog},
    resp::{Allowance, Value},
};

const ACQUIRE_DEADLINE: Duration = Duration::from_secs(5);
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
const EXCHANGE_DEADLINE: Duration = Duration::from_secs(60);

/// Connections to one Redis, each lent to one request at a time.
pub(crate) struct Pool {
    address: RedisAddress,
    permits: Semaphore,
    idle: Mutex<Vec<Connection>>,
    log: OutageLog,
}

impl Pool {
    /// At most `connections` of them.
    pub(crate) fn new(address: RedisAddress, connections: usize) -> Self {
        Self { address, permits: Semaphore::new(connections), idle: Mutex::default(), log: OutageLog::default() }
    }

    pub(super) fn address(&self) -> &RedisAddress {
        &self.address
    }

    /// Waits for a connection, with a deadline.
    pub(super) async fn lease(&self) -> Result<Lease<'_>, Outage> {
        let permit = match timeout(ACQUIRE_DEADLINE, self.permits.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) | Err(_) => return Err(Outage::Busy),
        };
        let connection = match self.take_idle() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let deadline = Instant::now() + EXCHANGE_DEADLINE;
        Ok(Lease { pool: self, connection: Some(connection), deadline, _permit: permit })
    }

    /// Makes a connection that is not lent: it does not count, and does not come back.
    pub(super) async fn connect(&self) -> Result<Connection, Outage> {
        let connected = timeout(CONNECT_DEADLINE, Connection::connect(&self.address)).await;
        connected.unwrap_or_else(|_| Err(io::ErrorKind::NotConnected.into())).map_err(|error| self.log.failed(&error))
    }

    /// Closes the idle connections.
    pub(crate) fn clear(&self) {
        self.idle().clear();
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle();
        // A Redis that went away, or that closed an idle connection, leaves dead ones behind.
        std::iter::from_fn(|| idle.pop()).find(Connection::is_fresh)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection for one request. It goes back to the pool only between two complete exchanges.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
    /// The end of all its exchanges: of one request, however many parts that has.
    deadline: Instant,
    _permit: SemaphorePermit<'a>,
}

impl Lease<'_> {
    pub(super) async fn exchange(
        &mut self,
        commands: &[Command],
        allowance: &mut Allowance,
    ) -> Result<Vec<Value>, Outage> {
        // Taken out for the exchange: when this future fails or is dropped half-way, the connection is closed.
        let mut connection = self.connection.take().ok_or(Outage::Unreachable)?;
        let Ok(exchanged) = timeout_at(self.deadline, connection.exchange(commands, allowance)).await else {
            tracing::warn!("Redis took more than {EXCHANGE_DEADLINE:?} over the commands of one request");
            return Err(Outage::TimedOut);
        };
        let replies = exchanged.map_err(|error| self.pool.log.failed(&error))?;
        self.pool.log.answered();
        self.connection = Some(connection);
        Ok(replies)
    }

    /// Sends one command of this server's own, and gives its reply.
    pub(super) async fn ask(&mut self, command: Command) -> Result<Value, Outage> {
        let replies = self.exchange(&[command], &mut Allowance::unlimited()).await?;
        replies.into_iter().next().ok_or(Outage::Garbled)
    }

    /// Closes the connection, because of the state that it is in.
    pub(super) fn discard(mut self) {
        self.connection = None;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.idle().push(connection);
        }
    }
}
