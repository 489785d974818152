use axum_upstash::client::{ReqwestTransport, Transport, TransportBody, TransportError, TransportErrorKind};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http_body_util::{BodyExt, Full};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Loses answers of the server, after it has written them: of the requests to a path some, by their numbers. Or it
/// answers them itself.
pub(crate) struct Losing {
    inner: ReqwestTransport,
    path: &'static str,
    sent: Arc<AtomicUsize>,
    loses: fn(usize) -> bool,
    /// The answer in place of one that is lost.
    answer: Option<(u16, &'static str)>,
}

impl Losing {
    /// Answers some of the requests itself, that there is no such thing.
    pub(crate) fn not_finding(path: &'static str, is_meant: fn(usize) -> bool) -> (Self, Arc<AtomicUsize>) {
        let (losing, sent) = Self::new(path, is_meant);
        (Self { answer: Some((404, r#"{"error": "not found", "status": 404}"#)), ..losing }, sent)
    }

    /// Answers all requests itself.
    pub(crate) fn answering(path: &'static str, answer: &'static str) -> (Self, Arc<AtomicUsize>) {
        let (losing, sent) = Self::new(path, |_| true);
        (Self { answer: Some((200, answer)), ..losing }, sent)
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
        if let Some((status, answer)) = self.answer.filter(|_| is_lost) {
            let body = Full::from(answer).map_err(|never| match never {}).boxed_unsync();
            return async move { Ok(http::Response::builder().status(status).body(body).unwrap()) }.boxed();
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
