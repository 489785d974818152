use super::{cluster::Cluster, refused, server::Server};
use crate::{
    Error,
    client::Repeat,
    redis::{Cmd, Reply, node::Node},
    rt::Deadline,
};
use std::{fmt, time::Duration};

/// Commands over TCP.
pub(in crate::redis) struct Tcp {
    pub(super) target: Target,
    timeout: Duration,
}

/// One server or a cluster.
pub(super) enum Target {
    Server(Server),
    Cluster(Box<Cluster>),
}

impl Tcp {
    pub(super) fn new(target: Target, timeout: Duration) -> Self {
        Self { target, timeout }
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
        refused::check(cmd)?;
        let deadline = self.deadline(timeout);
        match &self.target {
            Target::Server(server) => server.single(cmd, repeat, deadline).await,
            Target::Cluster(cluster) => Box::pin(cluster.single(cmd, repeat, deadline)).await,
        }
    }

    pub(in crate::redis) async fn several(
        &self,
        cmds: &[Cmd],
        atomic: bool,
        timeout: Option<Duration>,
    ) -> Result<Vec<Result<Reply, Error>>, Error> {
        cmds.iter().try_for_each(refused::check)?;
        let deadline = self.deadline(timeout);
        match &self.target {
            Target::Server(server) if atomic => server.transaction(cmds, deadline).await,
            Target::Server(server) => server.pipeline(cmds, deadline).await,
            Target::Cluster(cluster) if atomic => Box::pin(cluster.transaction(cmds, deadline)).await,
            Target::Cluster(cluster) => Ok(Box::pin(cluster.pipeline(cmds, deadline)).await),
        }
    }

    /// The primaries of a cluster; nothing if there is one server.
    pub(in crate::redis) async fn primaries(&self) -> Result<Option<Vec<Node>>, Error> {
        match &self.target {
            Target::Server(_) => Ok(None),
            Target::Cluster(cluster) => cluster.primaries(self.deadline(None)).await.map(Some),
        }
    }

    /// Sends a command that only reads to one node of a cluster.
    pub(in crate::redis) async fn at(&self, cmd: &Cmd, node: &Node) -> Result<Reply, Error> {
        match &self.target {
            Target::Server(server) => server.single(cmd, Repeat::Safe, self.deadline(None)).await,
            Target::Cluster(cluster) => cluster.at(cmd, node, self.deadline(None)).await,
        }
    }
}

impl fmt::Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A client knows its password.
        let target = match self.target {
            Target::Server(_) => "one server",
            Target::Cluster(_) => "a cluster",
        };
        f.debug_struct("Tcp").field("target", &target).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
