use super::{QStashLayer, ResponseFuture, layer::Config};
use crate::{ResponseBody, qstash::verification::Verification};
use axum_core::{BoxError, body::Body};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use std::{
    fmt,
    marker::PhantomData,
    mem,
    sync::Arc,
    task::{Context, Poll},
};
use tower_layer::Layer;
use tower_service::Service;

/// The service of [`QStashLayer`].
#[must_use]
pub struct QStashService<S, B = Body> {
    inner: S,
    config: Arc<Config>,
    body: PhantomData<fn() -> B>,
}

impl<S, B> Layer<S> for QStashLayer<B> {
    type Service = QStashService<S, B>;

    fn layer(&self, inner: S) -> Self::Service {
        QStashService { inner, config: Arc::clone(&self.config), body: PhantomData }
    }
}

impl<S, B> QStashService<S, B> {
    inner_service!();
}

impl<S, B, ReqBody, ResBody> Service<Request<ReqBody>> for QStashService<S, B>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
    B: From<Bytes>,
    ReqBody: HttpBody,
    ReqBody::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let verification = Verification::begin(&mut parts, &self.config.receiver);
        match verification.and_then(|verification| verification.check_size(&body).map(|()| verification)) {
            Ok(verification) => {
                // The clone that was polled ready is the one to call; a fresh one takes its place.
                let fresh = self.inner.clone();
                let ready = mem::replace(&mut self.inner, fresh);
                ResponseFuture::reading(ready, parts, body, verification, Arc::clone(&self.config))
            }
            Err(refusal) => ResponseFuture::refused(refusal),
        }
    }
}

impl<S: Clone, B> Clone for QStashService<S, B> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), config: Arc::clone(&self.config), body: PhantomData }
    }
}

impl<S: fmt::Debug, B> fmt::Debug for QStashService<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QStashService").field("inner", &self.inner).field("config", &self.config).finish()
    }
}
