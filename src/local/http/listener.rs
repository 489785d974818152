//! The HTTP connections of the server: HTTP/1 and HTTP/2 without TLS, each with a limit for what it keeps waiting.

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum_core::body::Body;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::sleep,
};

/// The pause after running out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// HTTP/2 connections on which nothing happens are asked whether their client is still there.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Answers requests.
pub(in crate::local) trait Handler: Send + Sync + 'static {
    /// Answers a request, which has the peer's [`SocketAddr`](std::net::SocketAddr) among its extensions.
    fn handle(&self, request: http::Request<Body>) -> impl Future<Output = http::Response<Body>> + Send;
}

/// Serves until the other end of `stopped` is dropped, and then until every connection has ended.
pub(in crate::local) async fn serve<H: Handler>(
    listener: TcpListener,
    handler: Arc<H>,
    read_timeout: Duration,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(read_timeout);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(PING_INTERVAL);
    let builder = Arc::new(builder);
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (builder, handler, watcher) = (Arc::clone(&builder), Arc::clone(&handler), connections.watcher());
                tokio::spawn(connection(stream, peer, builder, handler, read_timeout, watcher));
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection<H: Handler>(
    stream: TcpStream,
    peer: SocketAddr,
    builder: Arc<Builder<TokioExecutor>>,
    handler: Arc<H>,
    read_timeout: Duration,
    watcher: Watcher,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps Nagle's algorithm");
    }
    let began = Arc::new(AtomicBool::new(false));
    let service = {
        let began = Arc::clone(&began);
        service_fn(move |request: http::Request<hyper::body::Incoming>| {
            began.store(true, Ordering::Relaxed);
            let handler = Arc::clone(&handler);
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            async move { Ok::<_, Infallible>(handler.handle(request).await) }
        })
    };
    let served = watcher.watch(builder.serve_connection(TokioIo::new(stream), service));
    tokio::pin!(served);
    // The builder has no limit for the bytes by which it tells the versions of HTTP apart.
    let first = tokio::select! {
        result = &mut served => Some(result),
        () = sleep(read_timeout) => None,
    };
    let result = match first {
        Some(result) => result,
        None if began.load(Ordering::Relaxed) => served.await,
        None => return,
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Whether the fault is that of one connection, which its client ended before it was accepted.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset)
}

/// The URL of a server for clients on this machine, in which loopback replaces `0.0.0.0` and `[::]`.
pub(in crate::local) fn url_of(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}
