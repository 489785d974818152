use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle, time::timeout};

use super::{
    front::Front,
    listener::{Handler, serve, url_of},
};
use crate::local::LocalError;

/// How long requests may go on after a shutdown began.
const GRACE: Duration = Duration::from_secs(2);

/// A port that is listened on. Nothing is answered yet.
#[derive(Debug)]
pub(in crate::local) struct Port {
    listener: TcpListener,
    address: SocketAddr,
}

/// A server that answers. Dropping it accepts no more connections.
#[derive(Debug)]
pub(in crate::local) struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Port {
    pub(in crate::local) async fn listen(address: SocketAddr) -> Result<Self, LocalError> {
        let failed = |source| LocalError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Whether this machine alone can reach it.
    pub(in crate::local) fn is_loopback(&self) -> bool {
        self.address.ip().to_canonical().is_loopback()
    }

    /// The URL for clients on this machine.
    pub(in crate::local) fn url(&self) -> String {
        url_of(self.address)
    }

    /// Answers requests.
    pub(in crate::local) fn serve<H: Handler>(self, handler: Arc<H>, read_timeout: Duration) -> Running {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(self.listener, handler, read_timeout, stopped));
        Running { address: self.address, stop: Some(stop), task }
    }

    /// Answers the requests of an API.
    pub(in crate::local) fn serve_api<H: Handler>(self, handler: Arc<H>, front: &Front) -> Running {
        self.serve(handler, front.read_timeout())
    }
}

impl Running {
    pub(in crate::local) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more connections.
    pub(in crate::local) fn stop(&mut self) {
        self.stop.take();
    }

    /// Waits so long until every connection has ended, and gives up then.
    pub(in crate::local) async fn ended(&mut self, within: Duration) {
        if timeout(within, &mut self.task).await.is_err() {
            tracing::debug!("a connection is still open at shutdown");
            self.task.abort();
        }
    }

    /// Accepts no more connections, tells requests that wait to leave, and gives the others some time.
    pub(in crate::local) async fn shut_down(&mut self, front: &Front) {
        self.stop();
        front.gate.drain();
        self.ended(GRACE).await;
    }
}
