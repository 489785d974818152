use super::{ResponseFuture, SessionLayer};
use crate::{
    PrivateResponse, ResponseBody,
    session::{Session, config::SessionConfig, inner::Inner, presented::Presented},
};
use http::{HeaderMap, Request, Response, Uri, header::HOST};
use std::{
    net::IpAddr,
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

/// A cookie without `Secure` is for the developer's own machine.
fn warn_of(headers: &HeaderMap, uri: &Uri) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if TOLD.load(Ordering::Relaxed) || is_loopback(headers, uri) || TOLD.swap(true, Ordering::Relaxed) {
        return;
    }
    tracing::warn!(
        "the session cookie is not Secure, and the request was for another host than this machine: whoever is on \
                    the way can read it. SessionCookie::local_development() is for development"
    );
}

fn is_loopback(headers: &HeaderMap, uri: &Uri) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).or_else(|| uri.host()).unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = || host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost");
    host.is_empty() || name() || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
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
        if config.cookie.is_local() {
            warn_of(request.headers(), request.uri());
        }
        let presented = Presented::of(config, request.headers());
        let private = PrivateResponse::of(request.extensions_mut());
        let session = Session::new(Inner::new(Arc::clone(config), presented, private));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_many_names() {
        for (host, wanted) in [
            ("localhost:3000", true),
            ("app.localhost", true),
            ("127.0.0.2:1", true),
            ("[::1]:3000", true),
            ("", true),
            ("example.com", false),
            ("192.168.0.7:3000", false),
            ("localhost.example.com", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            assert_eq!(is_loopback(&headers, &Uri::from_static("/")), wanted, "{host}");
        }
    }
}
