use super::{convert, refused};
use crate::{
    Error, ErrorKind,
    http::{Deadline, Repeat, RetryPolicy, Stopwatch, sleep, timeout},
    redis::{Cmd, Reply, RequestEvent, RequestKind, observe::Observer},
};
use redis_rs::{
    AsyncConnectionConfig, Client, RedisError, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use std::{fmt, task::Poll, time::Duration};
use tokio::sync::Mutex;

/// Where connections are made to.
pub(in crate::redis) enum Target {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// What is sent.
#[derive(Clone, Copy)]
enum Sending<'a> {
    One(&'a redis_rs::Cmd),
    /// Of all the replies, those from an offset on, and how many.
    Many(&'a redis_rs::Pipeline, usize, usize),
}

impl Sending<'_> {
    async fn over(self, connection: Connection) -> Result<Vec<Value>, RedisError> {
        match connection {
            Connection::Single(connection) => self.through(connection).await,
            Connection::Cluster(connection) => self.through(connection).await,
        }
    }

    async fn through(self, mut connection: impl ConnectionLike) -> Result<Vec<Value>, RedisError> {
        match self {
            Self::One(cmd) => connection.req_packed_command(cmd).await.map(|value| vec![value]),
            Self::Many(pipeline, offset, count) => connection.req_packed_commands(pipeline, offset, count).await,
        }
    }
}

/// A server over TCP.
pub(in crate::redis) struct Tcp {
    pub(super) target: Target,
    timeout: Duration,
    retry: RetryPolicy,
    observer: Observer,
    current: Mutex<Current>,
}

/// The connection that all share, and how many there were before it.
#[derive(Default)]
struct Current {
    connection: Option<Connection>,
    generation: u64,
}

impl Tcp {
    pub(super) fn new(target: Target, timeout: Duration, retry: RetryPolicy, observer: Observer) -> Self {
        Self { target, timeout, retry, observer, current: Mutex::default() }
    }

    pub(in crate::redis) fn deadline(&self, timeout: Option<Duration>) -> Deadline {
        Deadline::after(timeout.unwrap_or(self.timeout))
    }

    pub(in crate::redis) async fn single(
        &self,
        cmd: &Cmd,
        repeat: Repeat,
        timeout: Option<Duration>,
    ) -> Result<Reply, Error> {
        check(cmd)?;
        let words = convert::command(cmd);
        let values = self.exchange(RequestKind::Single, 1, repeat, timeout, Sending::One(&words)).await?;
        convert::reply(values.into_iter().next().ok_or_else(garbled)?)
    }

    pub(in crate::redis) async fn several(
        &self,
        cmds: &[Cmd],
        atomic: bool,
        timeout: Option<Duration>,
    ) -> Result<Vec<Result<Reply, Error>>, Error> {
        if !atomic && matches!(self.target, Target::Cluster(_)) {
            // Each command has a node of its own.
            cmds.iter().try_for_each(check)?;
            return Ok(together(cmds.iter().map(|cmd| self.single(cmd, cmd.repeat(), timeout))).await);
        }
        let mut pipeline = redis_rs::Pipeline::with_capacity(cmds.len());
        for cmd in cmds {
            check(cmd)?;
            pipeline.add_command(convert::command(cmd));
        }
        // A transaction has the replies of all its commands in that of EXEC, which is the last.
        let (kind, offset, count) = if atomic {
            pipeline.atomic();
            (RequestKind::Transaction, cmds.len() + 1, 1)
        } else {
            (RequestKind::Pipeline, 0, cmds.len())
        };
        let repeat = Cmd::repeat_all(cmds);
        let sending = Sending::Many(&pipeline, offset, count);
        let mut values = self.exchange(kind, cmds.len(), repeat, timeout, sending).await?;
        if atomic {
            values = match values.pop() {
                Some(Value::Array(values)) => values,
                Some(error @ Value::ServerError(_)) => return Err(convert::reply(error).err().unwrap_or_else(garbled)),
                _ => return Err(garbled()),
            };
        }
        if values.len() != cmds.len() {
            return Err(garbled());
        }
        Ok(values.into_iter().map(convert::reply).collect())
    }

    /// Exchanges something over the connection, over another one where it is lost, and in time.
    async fn exchange(
        &self,
        kind: RequestKind,
        commands: usize,
        repeat: Repeat,
        limit: Option<Duration>,
        sending: Sending<'_>,
    ) -> Result<Vec<Value>, Error> {
        let (deadline, watch, mut attempts) = (self.deadline(limit), Stopwatch::start(), 0);
        let all = async {
            loop {
                attempts += 1;
                let error = match self.connection().await {
                    Ok((connection, generation)) => match sending.over(connection).await {
                        Ok(value) => return Ok(value),
                        Err(error) => {
                            let broken = error.is_unrecoverable_error() || error.is_connection_dropped();
                            if broken || error.is_io_error() {
                                self.forget(generation).await;
                            }
                            convert::failure(error)
                        }
                    },
                    Err(error) => error,
                };
                let again = match error.kind() {
                    ErrorKind::Connect => self.retry.next_wait(attempts - 1),
                    ErrorKind::Interrupted if repeat == Repeat::Safe => self.retry.next_wait(attempts - 1),
                    _ => None,
                };
                match again {
                    Some(wait) => sleep(wait).await,
                    None => return Err(error),
                }
            }
        };
        let outcome = timeout(deadline.remaining(), all).await.unwrap_or_else(|_| Err(deadline.passed()));
        self.observer.tell(|| {
            let error = outcome.as_ref().err().map(Error::kind);
            RequestEvent { kind, commands, attempts, elapsed: watch.elapsed(), error }
        });
        outcome
    }

    /// The connection that all share. Whoever comes first makes it, and the others wait for that.
    async fn connection(&self) -> Result<(Connection, u64), Error> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((connection.clone(), current.generation));
        }
        // The deadline of the call is the only one.
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let made = match &self.target {
            Target::Single(client) => {
                client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::Single)
            }
            Target::Cluster(client) => client.get_async_connection().await.map(Connection::Cluster),
        };
        let connection = made.map_err(convert::connecting)?;
        current.generation += 1;
        current.connection = Some(connection.clone());
        Ok((connection, current.generation))
    }

    /// Forgets a connection that broke, unless it is another one by now.
    async fn forget(&self, generation: u64) {
        let mut current = self.current.lock().await;
        // A client of a cluster mends its connections itself.
        if current.generation == generation && matches!(current.connection, Some(Connection::Single(_))) {
            current.connection = None;
        }
    }
}

fn check(cmd: &Cmd) -> Result<(), Error> {
    match cmd.refused().or_else(|| refused::reason(cmd)) {
        Some(reason) => Err(cmd.describe(Error::new(ErrorKind::InvalidInput, reason))),
        None => Ok(()),
    }
}

/// Runs futures at the same time, and gives what they gave in their order.
async fn together<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Some(Box::pin(future)), None)).collect();
    std::future::poll_fn(|cx| {
        let mut pending = false;
        for (future, output) in &mut running {
            if let Some(polled) = future {
                match polled.as_mut().poll(cx) {
                    Poll::Ready(done) => (*future, *output) = (None, Some(done)),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    running.into_iter().filter_map(|(_, output)| output).collect()
}

fn garbled() -> Error {
    Error::new(ErrorKind::Decode, "the answer has not one reply for each command")
}

impl fmt::Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A client knows its password.
        let target = match self.target {
            Target::Single(_) => "one server",
            Target::Cluster(_) => "a cluster",
        };
        f.debug_struct("Tcp").field("target", &target).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
