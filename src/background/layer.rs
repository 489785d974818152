use super::Background;
use futures_core::future::BoxFuture;
use http::{Request, Response};
use pin_project_lite::pin_project;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tower_layer::Layer;
use tower_service::Service;

/// Lets each response wait until the work in the background is done, for hosts that stop when it has gone out.
///
/// Add it last, so that it is around all other layers. Work that a body causes while it is sent is not waited for. On
/// wasm32 a response waits for the work that is kept, and not for that of other requests.
///
/// ```
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
///     .layer(RateLimitLayer::new("all", limiter).with_key(|_| "everybody").skip_successful())
///     .layer(background.layer());
/// let response = app.oneshot(Request::get("/").body(Body::empty())?).await?;
/// assert_eq!(response.status(), 200); // the refund is made by now
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct BackgroundLayer {
    background: Background,
}

impl Background {
    /// A layer that lets each response wait until the work is done.
    pub fn layer(&self) -> BackgroundLayer {
        BackgroundLayer { background: self.clone() }
    }
}

impl<S> Layer<S> for BackgroundLayer {
    type Service = BackgroundService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BackgroundService { inner, background: self.background.clone() }
    }
}

/// The service of [`BackgroundLayer`].
#[derive(Debug, Clone)]
pub struct BackgroundService<S> {
    inner: S,
    background: Background,
}

impl<S> BackgroundService<S> {
    inner_service!();
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for BackgroundService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        ResponseFuture {
            state: State::Calling { future: self.inner.call(request) },
            background: self.background.clone(),
        }
    }
}

pin_project! {
    /// The future of [`BackgroundService`].
    pub struct ResponseFuture<F, R> {
        #[pin]
        state: State<F, R>,
        background: Background,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, R> {
        Calling { #[pin] future: F },
        Finishing { work: BoxFuture<'static, ()>, result: Option<R> },
    }
}

impl<F, R> Future for ResponseFuture<F, R>
where
    F: Future<Output = R>,
{
    type Output = R;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Calling { future } => {
                    let result = Some(ready!(future.poll(cx)));
                    let background = this.background.clone();
                    let work = Box::pin(async move {
                        if cfg!(target_arch = "wasm32") {
                            background.do_kept().await;
                        } else {
                            background.finished().await;
                        }
                    });
                    this.state.set(State::Finishing { work, result });
                }
                StateProj::Finishing { work, result } => {
                    ready!(work.as_mut().poll(cx));
                    let Some(result) = result.take() else { return Poll::Pending };
                    return Poll::Ready(result);
                }
            }
        }
    }
}

impl<F, R> fmt::Debug for ResponseFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("background", &self.background).finish_non_exhaustive()
    }
}
