use axum_upstash::client::{ReqwestTransport, Transport, TransportBody, TransportError, TransportErrorKind};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http_body_util::BodyExt;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Loses answers of the server, after it has written them.
pub(crate) struct Losing {
    inner: ReqwestTransport,
    sent: Arc<AtomicUsize>,
    /// Whether the answer to a request is lost: its path, and how many were sent before it.
    loses: fn(&str, usize) -> bool,
}

impl Losing {
    /// With the number of the requests that were sent.
    pub(crate) fn new(loses: fn(&str, usize) -> bool) -> (Self, Arc<AtomicUsize>) {
        let sent = Arc::new(AtomicUsize::new(0));
        let inner = ReqwestTransport::new(ReqwestTransport::client_builder().build().unwrap());
        (Self { inner, sent: Arc::clone(&sent), loses }, sent)
    }
}

impl Transport for Losing {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>> {
        let before = self.sent.fetch_add(1, Ordering::Relaxed);
        let is_lost = (self.loses)(request.uri().path(), before);
        let sent = self.inner.send(request);
        async move {
            let answer = sent.await?;
            if !is_lost {
                return Ok(answer);
            }
            answer.into_body().collect().await.ok();
            let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            Err(TransportError::new(TransportErrorKind::Interrupted, reset))
        }
        .boxed()
    }
}
