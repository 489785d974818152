use super::{
    ResponseFuture, SessionLayer,
    scheme::{is_plain_http, warn_of_insecure, watch_secure},
};
use crate::{
    PrivateResponse, ResponseBody,
    session::{Session, config::SessionConfig, inner::Inner, presented::Presented},
};
use http::{Request, Response};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};
use tower_layer::Layer;
use tower_service::Service;

/// The service of [`SessionLayer`](super::SessionLayer).
#[derive(Debug, Clone)]
pub struct SessionService<S> {
    inner: S,
    config: Arc<SessionConfig>,
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService::new(inner, Arc::clone(&self.config))
    }
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
    type Future = ResponseFuture<S::Future, ResBody, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let config = &self.config;
        if let Some(outer) = request.extensions().get::<Session>()
            && outer.config().cookie.name() == config.cookie.name()
        {
            // One cookie is one session, and the layer that has it commits it.
            if !outer.config().is(config) {
                tell_of_nested(&config.told);
            }
            return ResponseFuture::nested(self.inner.call(request));
        }
        let presented = Presented::of(config, request.headers());
        let mut may_be_lost = false;
        if config.cookie.is_local() {
            warn_of_insecure(request.headers(), request.uri());
        } else if presented.first.is_some() {
            watch_secure(&config.returned, true);
        } else {
            may_be_lost = is_plain_http(request.headers(), request.uri());
        }
        let private = PrivateResponse::of(request.extensions_mut());
        let session = Session::new(Inner::new(Arc::clone(config), presented, private, may_be_lost));
        request.extensions_mut().insert(session.clone());
        ResponseFuture::new(self.inner.call(request), session)
    }
}

/// Two layers for one cookie that do not agree.
fn tell_of_nested(told: &AtomicBool) {
    if !told.swap(true, Ordering::Relaxed) {
        tracing::error!(
            "a SessionLayer is inside another one for the same cookie, with other settings: the outer one counts. \
             Use one layer and its clones, or give the inner one a cookie of another name"
        );
    }
}
