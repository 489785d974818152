use super::{Background, ResponseBody, finishing::Finishing};
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tower_layer::Layer;
use tower_service::Service;

/// Lets each response wait until the work in the background is done, for hosts that stop when it has gone out.
///
/// Add it outermost, which is last for a [`Router`](https://docs.rs/axum/0.8/axum/struct.Router.html) and first for a
/// `ServiceBuilder`. A response waits for the work that began before it, and its body waits at its end for the work that
/// it caused itself, 10 s at most. Analytics are sent at once then. On wasm32 a response waits for the work that is kept.
///
/// ```
/// # #[cfg(all(feature = "ratelimit", feature = "axum"))] {
/// use axum::{Router, body::Body, routing::get};
/// use axum_upstash::{background::Background, ratelimit::{Analytics, FixedWindow, RateLimitLayer, Ratelimit}};
/// use http::Request;
/// use std::time::Duration;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let background = Background::new();
/// let limiter = Ratelimit::memory(FixedWindow::new(10, Duration::from_secs(60))).with_background(background.clone());
/// let app: Router = Router::new()
///     .route("/", get(|| async { "hello" }))
///     .layer(RateLimitLayer::new("all", limiter).with_key(|_| "all").skip_successful())
///     .layer(background.layer());
/// let response = app.oneshot(Request::get("/").body(Body::empty())?).await?;
/// assert_eq!(response.status(), 200); // the refund is made by now
/// # Ok(())
/// # }
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct BackgroundLayer {
    background: Background,
    timeout: Duration,
}

impl Background {
    /// A layer that lets each response wait until the work is done.
    pub fn layer(&self) -> BackgroundLayer {
        BackgroundLayer { background: self.clone(), timeout: Duration::from_secs(10) }
    }
}

impl BackgroundLayer {
    /// Sets how long a response, and the end of its body, wait for the work (10 s). Work that is not done then is logged, and
    /// goes on as far as the host lets it.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl<S> Layer<S> for BackgroundLayer {
    type Service = BackgroundService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BackgroundService { inner, background: self.background.clone(), timeout: self.timeout }
    }
}

/// The service of [`BackgroundLayer`].
#[derive(Debug, Clone)]
pub struct BackgroundService<S> {
    inner: S,
    background: Background,
    timeout: Duration,
}

impl<S> BackgroundService<S> {
    inner_service!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for BackgroundService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let finishing = || Finishing::new(self.background.clone(), self.timeout);
        let (response, body) = (finishing(), finishing());
        ResponseFuture { future: self.inner.call(request), result: None, response, body: Some(body) }
    }
}

pin_project! {
    /// The future of [`BackgroundService`].
    pub struct ResponseFuture<F, ResBody, E> {
        #[pin]
        future: F,
        result: Option<Result<Response<ResponseBody<ResBody>>, E>>,
        response: Finishing,
        // Taken when the inner future has ended.
        body: Option<Finishing>,
    }
}

impl<F, ResBody, E> Future for ResponseFuture<F, ResBody, E>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
    ResBody: Body,
{
    type Output = Result<Response<ResponseBody<ResBody>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.body.is_some() {
            let result = ready!(this.future.poll(cx));
            let body = this.body.take().unwrap_or_default();
            *this.result = Some(result.map(|response| response.map(|inner| ResponseBody::new(inner, body))));
        }
        ready!(this.response.poll(cx));
        this.result.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<F, ResBody, E> fmt::Debug for ResponseFuture<F, ResBody, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("response", &self.response).finish_non_exhaustive()
    }
}
