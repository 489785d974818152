use super::{
    answer,
    endpoint::Endpoint,
    error::{BoxError, Failure},
};
use crate::{original_uri::original_uri, rt::spawn};
use axum_core::response::Response;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::{Request, header::HOST, request::Parts};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use std::{
    convert::Infallible,
    task::{Context, Poll},
};
use tokio::sync::oneshot;
use tower_service::Service;

/// A [`Workflow`](super::Workflow) as a tower service.
///
/// ```
/// use axum_upstash::{Upstash, workflow::{WorkflowContext, WorkflowError, serve}};
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// async fn one(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
///     Ok(ctx.run("one", async { Ok::<_, WorkflowError>(1) }).await)
/// }
/// let upstash = Upstash::builder().or_memory().build()?;
/// let service = serve(one).into_service(upstash.qstash(), upstash.receiver(), ());
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
    pub(super) fn new(endpoint: Endpoint, base_url: Option<String>, body_limit: usize) -> Self {
        Self { endpoint, base_url, body_limit }
    }

    pub(super) async fn answer<B>(self, request: Request<B>) -> Response
    where
        B: Body + Send,
        B::Error: Into<BoxError>,
    {
        let url = self.url(&request);
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, self.body_limit).collect().await else {
            return answer::failed(&Failure::of_endpoint("the body of the request is too long, or broke off"));
        };
        answer_in_full(self.endpoint, parts, body.to_bytes(), url).await
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
async fn answer_in_full(endpoint: Endpoint, parts: Parts, body: Bytes, url: String) -> Response {
    let (sender, receiver) = oneshot::channel();
    let work = async move {
        let _ = sender.send(endpoint.answer(parts, body, url).await);
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
