#[cfg(feature = "redis-tcp")]
use super::tcp::Tcp;
use super::{
    Cmd, Reply,
    auto_pipeline::{AutoPipeline, Limits},
    commands::table,
    encode,
    event_source::{EventSource, over_rest},
    node::Node,
    rest::{Rest, RestSettings},
};
use crate::{
    Error,
    client::{Repeat, RestClient},
    rt::Deadline,
};
use std::{fmt, sync::Arc, time::Duration};

/// How commands reach a Redis. Their errors do not name the command yet.
pub(super) enum Backend {
    /// REST, with or without the lane that puts commands together.
    Rest { rest: Arc<Rest>, lane: Option<Arc<AutoPipeline>> },
    /// TCP, whose connection itself combines the commands of one moment.
    #[cfg(feature = "redis-tcp")]
    Tcp(Arc<Tcp>),
}

impl Backend {
    pub(super) fn rest(rest: Rest, auto_pipeline: Option<Limits>) -> Self {
        let rest = Arc::new(rest);
        let lane = auto_pipeline.map(|limits| Arc::new(AutoPipeline::new(Arc::clone(&rest), limits)));
        Self::Rest { rest, lane }
    }

    #[cfg(feature = "redis-tcp")]
    pub(super) fn tcp(tcp: Tcp) -> Self {
        Self::Tcp(Arc::new(tcp))
    }

    /// Fails with what has to be set.
    pub(super) fn not_configured(reason: String) -> Self {
        Self::rest(Rest::new(RestClient::not_configured(reason), RestSettings::default()), None)
    }

    /// The time until a call with this deadline, or the client's, has to be answered.
    pub(super) fn deadline(&self, timeout: Option<Duration>) -> Deadline {
        match self {
            Self::Rest { rest, .. } => rest.deadline(timeout),
            #[cfg(feature = "redis-tcp")]
            Self::Tcp(tcp) => tcp.deadline(timeout),
        }
    }

    pub(super) async fn single(&self, cmd: &Cmd, timeout: Option<Duration>, repeatable: bool) -> Result<Reply, Error> {
        let repeat = if repeatable { Repeat::Safe } else { table::repeat(cmd) };
        match self {
            Self::Rest { rest, lane } => {
                let (encoded, deadline) = (encode::single(cmd)?, rest.deadline(timeout));
                match lane {
                    Some(lane) if encoded.is_json && lane.takes(&encoded.body, timeout) => {
                        lane.run(encoded.body, repeat, deadline).await
                    }
                    // Boxed: its future is large, and most commands go the other way.
                    _ => Box::pin(rest.queued(encoded, repeat, deadline)).await,
                }
            }
            #[cfg(feature = "redis-tcp")]
            Self::Tcp(tcp) => tcp.single(cmd, repeat, timeout).await,
        }
    }

    /// The primaries of a cluster; nothing if there is one server, or one address for all.
    #[allow(clippy::unused_async, reason = "over TCP it asks")]
    pub(super) async fn primaries(&self) -> Result<Option<Vec<Node>>, Error> {
        match self {
            Self::Rest { .. } => Ok(None),
            #[cfg(feature = "redis-tcp")]
            Self::Tcp(tcp) => tcp.primaries().await,
        }
    }

    /// Sends a command that only reads to one node.
    pub(super) async fn at(&self, cmd: &Cmd, node: Option<&Node>) -> Result<Reply, Error> {
        match (self, node) {
            #[cfg(feature = "redis-tcp")]
            (Self::Tcp(tcp), Some(node)) => tcp.at(cmd, node).await,
            _ => self.single(cmd, None, false).await,
        }
    }

    /// Events of a streaming end point, with the channels or patterns in its path.
    pub(super) fn events(&self, endpoint: &'static str, names: &[String]) -> EventSource {
        match self {
            Self::Rest { rest, .. } => {
                let (rest, path) = (Arc::clone(rest), encode::stream_path(endpoint, names));
                EventSource::new(move || {
                    let (rest, path) = (Arc::clone(&rest), path.clone());
                    Box::pin(async move { over_rest(rest, path?).await })
                })
            }
            #[cfg(feature = "redis-tcp")]
            Self::Tcp(tcp) => super::tcp::source(tcp, endpoint, names),
        }
    }

    pub(super) async fn several(
        &self,
        cmds: &[Cmd],
        atomic: bool,
        timeout: Option<Duration>,
    ) -> Result<Vec<Result<Reply, Error>>, Error> {
        match self {
            Self::Rest { rest, .. } => rest.several(cmds, atomic, rest.deadline(timeout)).await,
            #[cfg(feature = "redis-tcp")]
            Self::Tcp(tcp) => tcp.several(cmds, atomic, timeout).await,
        }
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rest { rest, .. } => rest.fmt(f),
            #[cfg(feature = "redis-tcp")]
            Self::Tcp(tcp) => tcp.fmt(f),
        }
    }
}
