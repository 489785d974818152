use super::{CacheBody, ResponseCacheLayer, ResponseFuture};
use crate::response_cache::{cache::Cache, lookup::Lookup};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};
use tower_layer::Layer;
use tower_service::Service;

/// The service of [`ResponseCacheLayer`](super::ResponseCacheLayer).
#[derive(Debug, Clone)]
pub struct ResponseCacheService<S> {
    inner: S,
    cache: Arc<Cache>,
}

impl<S> Layer<S> for ResponseCacheLayer {
    type Service = ResponseCacheService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ResponseCacheService::new(inner, Arc::new(self.cache()))
    }
}

impl<S> ResponseCacheService<S> {
    pub(super) fn new(inner: S, cache: Arc<Cache>) -> Self {
        Self { inner, cache }
    }

    inner_service!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for ResponseCacheService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ReqBody: Body,
    ResBody: Body<Data = Bytes>,
{
    type Response = Response<CacheBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        // The one that was polled to readiness is the one to call.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        let lookup = Lookup::new(Arc::clone(&self.cache), &request);
        ResponseFuture::new(lookup, ready, request)
    }
}
