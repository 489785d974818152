use super::serve::Workflow;
use std::{collections::BTreeMap, fmt};

#[cfg(feature = "axum")]
use axum_core::response::{IntoResponse, Response};

/// Several workflows at one route, each by its id. It comes from [`serve_many`].
#[must_use = "workflows are served by a route"]
pub struct ManyWorkflows<S = ()> {
    by_id: BTreeMap<String, Workflow<S>>,
}

/// Serves several workflows at one route, whose last part is the id of one: they can
/// [invoke](crate::workflow::WorkflowContext::invoke) each other.
///
/// ```
/// use axum::{Router, routing::post};
/// use axum_upstash::{Upstash, workflow::{Invocation, WorkflowContext, WorkflowError, serve, serve_many}};
///
/// async fn mail(ctx: WorkflowContext<String>) -> Result<u32, WorkflowError> {
///     Ok(ctx.run("send", async { Ok::<_, WorkflowError>(17) }).await)
/// }
///
/// async fn order(ctx: WorkflowContext<u32>) -> Result<Option<u32>, WorkflowError> {
///     Ok(ctx.invoke("confirm", Invocation::new("mail").json("thank you")).await.returned())
/// }
///
/// let workflows = serve_many([("mail", serve(mail)), ("order", serve(order))]);
/// let app: Router<Upstash> = Router::new().route("/workflows/{id}", post(workflows));
/// ```
pub fn serve_many<S>(workflows: impl IntoIterator<Item = (impl Into<String>, Workflow<S>)>) -> ManyWorkflows<S> {
    ManyWorkflows { by_id: workflows.into_iter().map(|(id, workflow)| (id.into(), workflow)).collect() }
}

#[cfg(feature = "axum")]
impl<S> axum::handler::Handler<(), S> for ManyWorkflows<S>
where
    Workflow<S>: axum::handler::Handler<(), S>,
    S: Clone + Send + Sync + 'static,
{
    type Future = futures_core::future::BoxFuture<'static, Response>;

    fn call(self, request: axum_core::extract::Request, state: S) -> Self::Future {
        let id = request.uri().path().rsplit('/').next().unwrap_or_default();
        let workflow = self.by_id.get(id).cloned();
        Box::pin(async move {
            match workflow {
                Some(workflow) => axum::handler::Handler::call(workflow, request, state).await,
                None => (http::StatusCode::NOT_FOUND, "there is no such workflow").into_response(),
            }
        })
    }
}

impl<S> fmt::Debug for ManyWorkflows<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_id.keys()).finish()
    }
}

impl<S> Clone for ManyWorkflows<S> {
    fn clone(&self) -> Self {
        Self { by_id: self.by_id.clone() }
    }
}
