use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout, timeout_at},
};

use super::{address::RedisAddress, command::Command, connection::Connection, outage::Outage, resp::Value};

const ACQUIRE_DEADLINE: Duration = Duration::from_secs(5);
const EXCHANGE_DEADLINE: Duration = Duration::from_secs(60);

/// Connections to one Redis, each lent to one request at a time.
pub(crate) struct Pool {
    address: RedisAddress,
    permits: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    /// At most `connections` of them.
    pub(crate) fn new(address: RedisAddress, connections: usize) -> Self {
        Self { address, permits: Semaphore::new(connections), idle: Mutex::default() }
    }

    pub(super) fn database(&self) -> u32 {
        self.address.database
    }

    pub(super) fn address(&self) -> &RedisAddress {
        &self.address
    }

    /// Waits for a connection, with a deadline.
    pub(super) async fn lease(&self) -> Result<Lease<'_>, Outage> {
        let deadline = Instant::now() + ACQUIRE_DEADLINE;
        let permit = match timeout_at(deadline, self.permits.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) | Err(_) => return Err(Outage::Busy),
        };
        let connection = match self.take_idle() {
            Some(connection) => connection,
            None => {
                timeout_at(deadline, Connection::connect(&self.address)).await.map_err(|_| Outage::Unreachable)??
            }
        };
        Ok(Lease { pool: self, connection: Some(connection), _permit: permit })
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
    _permit: SemaphorePermit<'a>,
}

impl Lease<'_> {
    pub(super) async fn exchange(&mut self, commands: &[Command]) -> Result<Vec<Value>, Outage> {
        // Taken out for the exchange: when this future fails or is dropped half-way, the connection is closed.
        let mut connection = self.connection.take().ok_or(Outage::Unreachable)?;
        let replies =
            timeout(EXCHANGE_DEADLINE, connection.exchange(commands)).await.map_err(|_| Outage::TimedOut)??;
        self.connection = Some(connection);
        Ok(replies)
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
