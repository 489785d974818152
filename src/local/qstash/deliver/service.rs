use std::{convert::Infallible, fmt, future::poll_fn, pin::Pin, sync::Arc};

use axum_core::{body::Body, response::IntoResponse, response::Response};
use http::Request;
use tower_service::Service;

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A destination in this process: a tower service, such as a router, that is called without a socket.
#[derive(Clone)]
pub(crate) struct DestinationService(Arc<dyn Fn(Request<Body>) -> Answer + Send + Sync>);

impl DestinationService {
    pub(crate) fn new<S>(service: S) -> Self
    where
        S: Service<Request<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Response: IntoResponse,
        S::Future: Send,
    {
        Self(Arc::new(move |request| {
            let mut service = service.clone();
            Box::pin(async move {
                let ready = poll_fn(|context| service.poll_ready(context)).await;
                let answer = match ready {
                    Ok(()) => service.call(request).await,
                    Err(never) => match never {},
                };
                match answer {
                    Ok(response) => response.into_response(),
                    Err(never) => match never {},
                }
            })
        }))
    }

    pub(super) fn call(&self, request: Request<Body>) -> Answer {
        (self.0)(request)
    }
}

impl fmt::Debug for DestinationService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DestinationService").finish_non_exhaustive()
    }
}
