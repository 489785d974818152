use futures_core::future::BoxFuture;
use std::{fmt, future::Future};

/// Steps that undo what others have done: in reverse order, if the workflow gives up.
///
/// ```
/// use axum_upstash::workflow::{Saga, WorkflowContext, WorkflowError};
///
/// async fn book(seat: u32) -> Result<u32, WorkflowError> {
///     Ok(seat)
/// }
///
/// async fn free(seat: u32) -> Result<(), WorkflowError> {
///     Ok(())
/// }
///
/// async fn charge() -> Result<Result<(), String>, WorkflowError> {
///     Ok(Err("no card".to_owned())) // a failure that the workflow handles is a value
/// }
///
/// async fn travel(ctx: WorkflowContext<u32>) -> Result<(), WorkflowError> {
///     let mut saga = Saga::new();
///     let seat = ctx.run("book", book(*ctx.payload())).await;
///     saga.push(ctx.run("free", free(seat)));
///     if let Err(why) = ctx.run("charge", charge()).await {
///         saga.compensate().await;
///         return Err(WorkflowError::non_retryable(why));
///     }
///     Ok(())
/// }
/// # let _: axum::Router<axum_upstash::Upstash> =
/// #     axum::Router::new().route("/", axum::routing::post(axum_upstash::workflow::serve(travel)));
/// ```
#[derive(Default)]
#[must_use = "its steps are taken when it compensates"]
pub struct Saga<'a> {
    steps: Vec<BoxFuture<'a, ()>>,
}

impl<'a> Saga<'a> {
    /// A saga that has nothing to undo.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a step, which is not taken yet.
    pub fn push(&mut self, step: impl Future + Send + 'a) {
        self.steps.push(Box::pin(async move { drop(step.await) }));
    }

    /// Takes the steps, the last one first.
    pub async fn compensate(self) {
        for step in self.steps.into_iter().rev() {
            step.await;
        }
    }
}

impl fmt::Debug for Saga<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saga").field("steps", &self.steps.len()).finish()
    }
}
