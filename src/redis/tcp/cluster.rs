use super::{convert, settings::Settings, slot_move::SlotMove};
use crate::{
    Error, ErrorKind,
    client::{Repeat, RetryPolicy},
    redis::{Cmd, Reply, RequestEvent, RequestKind, commands::table, node::Node, observe::Observer},
    rt::{Deadline, RuntimeId, Stopwatch, sleep, timeout},
};
use redis_rs::{
    ConnectionInfo, RedisError, Value,
    aio::ConnectionLike,
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    cluster_routing::{RoutingInfo, SingleNodeRoutingInfo},
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};
use std::{future::Future, task::Poll, time::Duration};
use tokio::sync::Mutex;

/// The longest time for a connection to one node: its commands fail sooner than at their deadlines if it is gone.
const NODE_CONNECT: Duration = Duration::from_secs(1);

/// Longer than any call.
const RESPONSE: Duration = Duration::from_secs(24 * 3600);
/// The wait before a transaction is sent again whose slot moves.
const SLOT_WAIT: Duration = Duration::from_millis(50);
/// The runtimes whose connections are kept.
const RUNTIMES: usize = 8;

/// The nodes of a cluster. The library behind it finds them, follows redirections and mends connections.
pub(super) struct Cluster {
    client: ClusterClient,
    retry: RetryPolicy,
    observer: Observer,
    /// The connections of each runtime, which drives them.
    current: Mutex<Vec<(RuntimeId, ClusterConnection)>>,
}

struct Failed {
    error: Error,
    /// Set if nothing was executed because a slot has moved or is moving.
    moved: Option<SlotMove>,
}

/// The commands of one call.
#[derive(Clone, Copy)]
enum Sending<'a> {
    One(&'a redis_rs::Cmd),
    To(&'a redis_rs::Cmd, &'a Node),
    Transaction(&'a redis_rs::Pipeline, usize),
    TransactionTo(&'a redis_rs::Pipeline, usize, &'a Node),
}

impl Sending<'_> {
    async fn over(self, mut connection: ClusterConnection) -> Result<Vec<Value>, RedisError> {
        match self {
            Self::One(cmd) => connection.req_packed_command(cmd).await.map(|value| vec![value]),
            Self::To(cmd, node) => {
                let route = RoutingInfo::SingleNode(address(node));
                connection.route_command(cmd.clone(), route).await.map(|value| vec![value])
            }
            // All replies are in that of EXEC, which is the last.
            Self::Transaction(pipeline, commands) => connection.req_packed_commands(pipeline, commands + 1, 1).await,
            Self::TransactionTo(pipeline, commands, node) => {
                connection.route_pipeline(pipeline.clone(), commands + 1, 1, address(node)).await
            }
        }
    }
}

impl Cluster {
    pub(super) fn new(
        nodes: Vec<ConnectionInfo>,
        settings: &Settings,
        retry: RetryPolicy,
        observer: Observer,
    ) -> Result<Self, Error> {
        let keepalive = TcpKeepalive::new().with_time(settings.keepalive);
        let tcp = TcpSettings::default().set_nodelay(settings.nodelay).set_keepalive(keepalive);
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let tcp = tcp.set_user_timeout(settings.user_timeout);
        let client = ClusterClient::builder(nodes)
            .tcp_settings(tcp)
            .connection_timeout(settings.connect_timeout.min(NODE_CONNECT))
            // Each call has its own deadline. Of what takes longer the library would send a second one.
            .response_timeout(RESPONSE)
            .overall_response_timeout(None)
            .retries(2)
            .min_retry_wait(20)
            .max_retry_wait(200);
        #[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
        let client = match settings.tls.for_cluster() {
            Some(certificates) => client.certs(certificates),
            None => client,
        };
        #[cfg(not(any(feature = "rustls", feature = "rustls-no-provider")))]
        if settings.tls.is_set() {
            let message = "a cluster takes certificates with the feature rustls only";
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        // The library's own text may repeat the URL.
        let wrong = |_| Error::new(ErrorKind::Configuration, "the URLs of the cluster cannot be used together");
        Ok(Self { client: client.build().map_err(wrong)?, retry, observer, current: Mutex::default() })
    }

    pub(super) async fn single(&self, cmd: &Cmd, repeat: Repeat, deadline: Deadline) -> Result<Reply, Error> {
        let words = convert::command(cmd);
        self.one(Sending::One(&words), repeat, deadline).await
    }

    /// Sends a command that only reads to one node.
    pub(super) async fn at(&self, cmd: &Cmd, node: &Node, deadline: Deadline) -> Result<Reply, Error> {
        let words = convert::command(cmd);
        self.one(Sending::To(&words, node), Repeat::Safe, deadline).await
    }

    /// The nodes that hold the slots.
    pub(super) async fn primaries(&self, deadline: Deadline) -> Result<Vec<Node>, Error> {
        let slots = self.single(&Cmd::new("CLUSTER").arg("SLOTS"), Repeat::Safe, deadline).await?;
        let mut nodes: Vec<Node> = Vec::new();
        let Reply::Array(slots) = slots else { return Err(garbled()) };
        for slot in slots {
            let Reply::Array(slot) = slot else { return Err(garbled()) };
            let Some(Reply::Array(primary)) = slot.get(2) else { return Err(garbled()) };
            let (Some(Reply::Bulk(host)), Some(Reply::Int(port))) = (primary.first(), primary.get(1)) else {
                return Err(garbled());
            };
            let node = Node {
                host: String::from_utf8_lossy(host).into_owned(),
                port: u16::try_from(*port).map_err(|_| garbled())?,
            };
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        Ok(nodes)
    }

    /// Each command goes to the node of its key.
    pub(super) async fn pipeline(&self, cmds: &[Cmd], deadline: Deadline) -> Vec<Result<Reply, Error>> {
        together(cmds.iter().map(|cmd| self.single(cmd, table::repeat(cmd), deadline))).await
    }

    pub(super) async fn transaction(
        &self,
        cmds: &[Cmd],
        deadline: Deadline,
    ) -> Result<Vec<Result<Reply, Error>>, Error> {
        let mut pipeline = redis_rs::Pipeline::with_capacity(cmds.len());
        for cmd in cmds {
            pipeline.add_command(convert::command(cmd));
        }
        pipeline.atomic();
        let repeat = table::repeat_all(cmds);
        // The library learns the owner of a slot from the refusal of a command, but not from that of a transaction.
        let probe = cmds.iter().find_map(Cmd::key_bytes).map(|key| convert::command(&Cmd::new("EXISTS").key(key)));
        let exchange = async {
            let mut owner = None;
            loop {
                // The library asks one node for its map, which may be the last to hear of a move.
                let sending = match &owner {
                    Some(node) => Sending::TransactionTo(&pipeline, cmds.len(), node),
                    None => Sending::Transaction(&pipeline, cmds.len()),
                };
                match self.exchange(RequestKind::Transaction, cmds.len(), repeat, deadline, sending).await {
                    // Nothing was executed, and the slot will have moved soon.
                    Err(Failed { moved: Some(moved), .. }) if deadline.remaining() > SLOT_WAIT => {
                        owner = moved.owner;
                        sleep(SLOT_WAIT).await;
                    }
                    other => return other.map_err(|failed| failed.error),
                }
                if let Some(probe) = &probe {
                    let _ = self.one(Sending::One(probe), Repeat::Safe, deadline).await;
                }
            }
        };
        match exchange.await?.pop() {
            Some(Value::Array(values)) if values.len() == cmds.len() => {
                Ok(values.into_iter().map(convert::reply).collect())
            }
            Some(error @ Value::ServerError(_)) => Err(convert::reply(error).err().unwrap_or_else(garbled)),
            _ => Err(garbled()),
        }
    }

    async fn one(&self, sending: Sending<'_>, repeat: Repeat, deadline: Deadline) -> Result<Reply, Error> {
        let exchange = self.exchange(RequestKind::Single, 1, repeat, deadline, sending).await;
        let values = exchange.map_err(|failed| failed.error)?;
        convert::reply(values.into_iter().next().ok_or_else(garbled)?)
    }

    async fn exchange(
        &self,
        kind: RequestKind,
        commands: usize,
        repeat: Repeat,
        deadline: Deadline,
        sending: Sending<'_>,
    ) -> Result<Vec<Value>, Failed> {
        let (watch, mut attempts) = (Stopwatch::start(), 0);
        let all = async {
            loop {
                attempts += 1;
                let failed = match self.connection().await {
                    Ok(connection) => match sending.over(connection).await {
                        Ok(values) => return Ok(values),
                        Err(error) => Failed { moved: SlotMove::of(&error), error: convert::failure(error) },
                    },
                    Err(error) => Failed { moved: None, error },
                };
                let again = match failed.error.kind() {
                    ErrorKind::Connect => self.retry.next_wait(attempts - 1),
                    ErrorKind::Interrupted if repeat == Repeat::Safe => self.retry.next_wait(attempts - 1),
                    _ => None,
                };
                match again {
                    Some(wait) if wait < deadline.remaining() => sleep(wait).await,
                    _ => return Err(failed),
                }
            }
        };
        let late = || Err(Failed { moved: None, error: deadline.passed() });
        let outcome = timeout(deadline.remaining(), all).await.unwrap_or_else(|_| late());
        self.observer.tell(|| {
            let error = outcome.as_ref().err().map(|failed| failed.error.kind());
            RequestEvent { kind, commands, attempts, elapsed: watch.elapsed(), error }
        });
        outcome
    }

    async fn connection(&self) -> Result<ClusterConnection, Error> {
        let here = RuntimeId::current();
        let mut current = self.current.lock().await;
        if let Some((_, connection)) = current.iter().find(|(runtime, _)| *runtime == here) {
            return Ok(connection.clone());
        }
        let connection = self.client.get_async_connection().await.map_err(convert::connecting)?;
        if current.len() >= RUNTIMES {
            // The oldest runtime is the likeliest to be gone.
            current.remove(0);
        }
        current.push((here, connection.clone()));
        Ok(connection)
    }
}

fn address(node: &Node) -> SingleNodeRoutingInfo {
    SingleNodeRoutingInfo::ByAddress { host: node.host.clone(), port: node.port }
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
