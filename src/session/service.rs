use super::{ResponseFuture, Session, config::SessionConfig};
use crate::{Personal, ResponseBody};
use http::{Request, Response};
use std::{
    sync::Arc,
    task::{Context, Poll},
};
use tower_service::Service;

/// The service of [`SessionLayer`](super::SessionLayer).
#[derive(Debug, Clone)]
pub struct SessionService<S> {
    inner: S,
    config: Arc<SessionConfig>,
}

impl<S> SessionService<S> {
    pub(super) fn new(inner: S, config: Arc<SessionConfig>) -> Self {
        Self { inner, config }
    }

    inner_service!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SessionService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let config = &self.config;
        // A forged, foreign or malformed cookie costs a hash, and no request to the store.
        let presented =
            config.cookie.values(request.headers()).find_map(|value| config.keys.verify(config.cookie.name(), value));
        let personal = Personal::of(request.extensions_mut());
        let session = Session::new(Arc::clone(config), presented, personal);
        request.extensions_mut().insert(session.clone());
        ResponseFuture::new(self.inner.call(request), session)
    }
}
