use super::{
    answer,
    context::WorkflowContext,
    endpoint::Endpoint,
    error::{BoxError, Failure},
    failure::WorkflowFailure,
    function::{ErasedFunction, on_failure},
};
use crate::{
    original_uri::original_uri,
    qstash::{QStashClient, Receiver},
    rt::spawn,
};
use axum_core::response::Response;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{HeaderMap, Request, header::HOST};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    convert::Infallible,
    future::Future,
    task::{Context, Poll},
};
use tokio::sync::oneshot;
use tower_service::Service;

/// The longest body of a request, in bytes.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// A durable function, to be served at a URL. It comes from [`serve`].
///
/// ```
/// use axum::{Router, routing::post};
/// use axum_upstash::{Upstash, workflow::{WorkflowContext, WorkflowError, WorkflowFailure, serve}};
///
/// async fn charge(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
///     Ok(ctx.run("charge", async { Err::<u32, _>(WorkflowError::non_retryable("no card")) }).await)
/// }
///
/// let charge = serve(charge).on_failure(|failure: WorkflowFailure<u32>| async move {
///     println!("run {} failed: {}", failure.run_id, failure.message);
///     Ok(None)
/// });
/// let app: Router<Upstash> = Router::new().route("/workflows/charge", post(charge));
/// ```
#[derive(Debug, Clone)]
#[must_use = "a workflow is served by a route"]
pub struct Workflow {
    function: ErasedFunction,
    base_url: Option<String>,
    is_unverified: bool,
    body_limit: usize,
}

/// Makes a workflow of a function: `post(serve(function))` is its route.
pub fn serve<F, Fut, P, T, E>(function: F) -> Workflow
where
    F: Fn(WorkflowContext<P>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    P: DeserializeOwned + Send + Sync + 'static,
    T: Serialize,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    Workflow { function: ErasedFunction::new(function), base_url: None, is_unverified: false, body_limit: BODY_LIMIT }
}

impl Workflow {
    /// Calls a function when a run has failed. Its text is kept with the run.
    pub fn on_failure<G, GFut, P, R>(mut self, function: G) -> Self
    where
        G: Fn(WorkflowFailure<P>) -> GFut + Send + Sync + 'static,
        GFut: Future<Output = Result<R, Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
        P: DeserializeOwned + Send + Sync + 'static,
        R: Into<Option<String>> + 'static,
    {
        self.function.on_failure = Some(on_failure(function));
        self
    }

    /// Sets scheme and host of the workflow, such as `https://app.example.com`, if those of requests are others.
    pub fn with_base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into().trim_end_matches('/').to_owned());
        self
    }

    /// Verifies no signatures: anyone may call the endpoint, and tell it any history.
    pub fn without_verification(mut self) -> Self {
        self.is_unverified = true;
        self
    }

    /// Sets the longest body of a request, in bytes (64 MiB).
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// A tower service, which needs no axum.
    #[must_use]
    pub fn into_service(self, qstash: QStashClient, receiver: Receiver) -> WorkflowService {
        let receiver = (!self.is_unverified).then_some(receiver);
        let endpoint = Endpoint { function: self.function, qstash, receiver };
        WorkflowService { endpoint, base_url: self.base_url, body_limit: self.body_limit }
    }
}

#[cfg(feature = "axum")]
impl<S> axum::handler::Handler<(), S> for Workflow
where
    QStashClient: axum_core::extract::FromRef<S>,
    Receiver: axum_core::extract::FromRef<S>,
    S: Send + Sync + 'static,
{
    type Future = BoxFuture<'static, Response>;

    fn call(self, request: axum_core::extract::Request, state: S) -> Self::Future {
        use axum_core::extract::FromRef;
        let service = self.into_service(QStashClient::from_ref(&state), Receiver::from_ref(&state));
        Box::pin(async move { service.answer(request).await })
    }
}

/// A [`Workflow`] as a tower service.
///
/// ```
/// use axum_upstash::{Upstash, workflow::{WorkflowContext, WorkflowError, serve}};
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// async fn one(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
///     Ok(ctx.run("one", async { Ok::<_, WorkflowError>(1) }).await)
/// }
/// let upstash = Upstash::builder().or_memory().build()?;
/// let service = serve(one).into_service(upstash.qstash(), upstash.receiver());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct WorkflowService {
    endpoint: Endpoint,
    base_url: Option<String>,
    body_limit: usize,
}

impl WorkflowService {
    async fn answer<B>(self, request: Request<B>) -> Response
    where
        B: Body + Send,
        B::Error: Into<BoxError>,
    {
        let url = self.url(&request);
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, self.body_limit).collect().await else {
            return answer::failed(&Failure::of_endpoint("the body of the request is too long, or broke off"));
        };
        answer_in_full(self.endpoint, parts.headers, body.to_bytes(), url).await
    }

    /// The URL of the workflow, as far as a request tells.
    fn url<B>(&self, request: &Request<B>) -> String {
        let uri = original_uri(request.extensions(), request.uri());
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        if let Some(base) = &self.base_url {
            return format!("{base}{path}");
        }
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| uri.authority().map(|authority| authority.as_str())).unwrap_or("localhost");
        format!("{}://{host}{path}", uri.scheme_str().unwrap_or("http"))
    }
}

/// Answers in a task of its own: between the effect of a step and its submission nothing may end the work, such as a
/// connection that breaks.
async fn answer_in_full(endpoint: Endpoint, headers: HeaderMap, body: Bytes, url: String) -> Response {
    let (sender, receiver) = oneshot::channel();
    let work = async move {
        let _ = sender.send(endpoint.answer(&headers, body, url).await);
    };
    if let Err(work) = spawn(work) {
        work.await;
    }
    let lost = |_| answer::failed(&Failure::of_endpoint("the runtime stopped before the delivery was done"));
    receiver.await.unwrap_or_else(lost)
}

impl<B> Service<Request<B>> for WorkflowService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}
