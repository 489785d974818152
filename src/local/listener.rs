//! The HTTP connections of the server: HTTP/1 and HTTP/2 without TLS, each with a limit for what it keeps waiting.

use std::{
    convert::Infallible,
    io,
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

use super::redis::Rest;

/// The pause after running out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// HTTP/2 connections on which nothing happens are asked whether their client is still there.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Serves until the other end of `stopped` is dropped, and then until every connection has ended.
pub(super) async fn serve(
    listener: TcpListener,
    rest: Arc<Rest>,
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
            Ok((stream, _)) => {
                let (builder, rest, watcher) = (Arc::clone(&builder), Arc::clone(&rest), connections.watcher());
                tokio::spawn(connection(stream, builder, rest, read_timeout, watcher));
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

async fn connection(
    stream: TcpStream,
    builder: Arc<Builder<TokioExecutor>>,
    rest: Arc<Rest>,
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
            let rest = Arc::clone(&rest);
            async move { Ok::<_, Infallible>(rest.handle(request.map(Body::new)).await) }
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
