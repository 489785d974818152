use axum_upstash::client::{ReqwestTransport, Transport, TransportBody, TransportError, TransportErrorKind};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http_body_util::{BodyExt, Full};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Loses answers of the server, after it has written them: of the requests to a path some, by their numbers. Or it is the
/// server, with one answer.
pub(crate) struct Losing {
    inner: ReqwestTransport,
    path: &'static str,
    sent: Arc<AtomicUsize>,
    loses: fn(usize) -> bool,
    answer: Option<&'static str>,
}

impl Losing {
    pub(crate) fn answering(path: &'static str, answer: &'static str) -> (Self, Arc<AtomicUsize>) {
        let (losing, sent) = Self::new(path, |_| false);
        (Self { answer: Some(answer), ..losing }, sent)
    }

    /// With the number of the requests that were sent to it.
    pub(crate) fn new(path: &'static str, loses: fn(usize) -> bool) -> (Self, Arc<AtomicUsize>) {
        let sent = Arc::new(AtomicUsize::new(0));
        let inner = ReqwestTransport::new(ReqwestTransport::client_builder().build().unwrap());
        (Self { inner, path, sent: Arc::clone(&sent), loses, answer: None }, sent)
    }
}

impl Transport for Losing {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>> {
        let is_meant = request.uri().path().starts_with(self.path);
        let is_lost = is_meant && (self.loses)(self.sent.fetch_add(1, Ordering::Relaxed));
        if let Some(answer) = self.answer {
            return async move {
                Ok(http::Response::new(Full::from(answer).map_err(|never| match never {}).boxed_unsync()))
            }
            .boxed();
        }
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
