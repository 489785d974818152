//! Functions without their types.

use super::{
    board::Board,
    callback::FailedRun,
    context::WorkflowContext,
    driver::Function,
    error::{BoxError, Failure},
    failure::WorkflowFailure,
    function::WorkflowFunction,
    record::json_or_text,
    run::Run,
};
use axum_core::response::Response;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::request::Parts;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fmt, sync::Arc};

/// Why a function does not begin.
pub(super) enum Refused {
    Failed(Failure),
    /// An extractor answered the request.
    Answered(Box<Response>),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A delivery that a function begins with.
pub(super) struct Start {
    pub(super) payload: Bytes,
    pub(super) run: Run,
    pub(super) parts: Parts,
}

type Begin<S> = dyn Fn(Start, Arc<Board>, S) -> BoxFuture<'static, Result<Function, Refused>> + Send + Sync;
type Tell<S> = dyn Fn(FailedRun, Run, Parts, S) -> BoxFuture<'static, Result<Option<String>, Refused>> + Send + Sync;
type Check = dyn Fn(&Value) -> Result<(), BoxError> + Send + Sync;

/// A workflow without the types of its function.
pub(super) struct ErasedFunction<S> {
    begin: Arc<Begin<S>>,
    on_failure: Option<Arc<Tell<S>>>,
    check: Option<Arc<Check>>,
}

impl<S: Clone + Send + Sync + 'static> ErasedFunction<S> {
    pub(super) fn new<F, M, P, T, E>(function: F) -> Self
    where
        F: WorkflowFunction<M, S, WorkflowContext<P>, Output = Result<T, E>>,
        P: DeserializeOwned + Send + Sync + 'static,
        T: Serialize + 'static,
        E: Into<BoxError> + 'static,
    {
        let begin = move |start: Start, board: Arc<Board>, state: S| {
            let function = function.clone();
            let begun: BoxFuture<'static, _> = Box::pin(async move {
                let payload = read_payload(&start.payload)?;
                let context = WorkflowContext::new(payload, Arc::new(start.run), board);
                let begun = function.begin(start.parts, state, context).await;
                let future = begun.map_err(|answer| Refused::Answered(Box::new(answer)))?;
                let function: Function = Box::pin(async move {
                    let result = future.await.map_err(Into::into)?;
                    Ok(Some(serde_json::to_string(&result)?))
                });
                Ok(function)
            });
            begun
        };
        Self { begin: Arc::new(begin), on_failure: None, check: None }
    }

    pub(super) fn tell<G, M, P, R>(&mut self, function: G)
    where
        G: WorkflowFunction<M, S, WorkflowFailure<P>, Output = Result<R, BoxError>>,
        P: DeserializeOwned + Send + Sync + 'static,
        R: Into<Option<String>> + 'static,
    {
        self.on_failure = Some(Arc::new(move |failed, run, parts, state| {
            let function = function.clone();
            Box::pin(async move {
                let payload = read_payload(&failed.payload)?;
                let begun = function.begin(parts, state, WorkflowFailure::new(payload, failed, run)).await;
                let future = begun.map_err(|answer| Refused::Answered(Box::new(answer)))?;
                let result = future.await.map_err(|error| Failure::of_application(&*error, None))?;
                Ok(result.into())
            })
        }));
    }

    pub(super) fn check(&mut self, check: impl Fn(&Value) -> Result<(), BoxError> + Send + Sync + 'static) {
        self.check = Some(Arc::new(check));
    }

    /// The function with the state of its application.
    pub(super) fn with_state(self, state: S) -> StatedFunction {
        let Self { begin, on_failure, check } = self;
        let of_failure = state.clone();
        let tell = on_failure.map(|tell| {
            let tell: Arc<Tell<()>> =
                Arc::new(move |failed, run, parts, ()| tell(failed, run, parts, of_failure.clone()));
            tell
        });
        let begin: Arc<Begin<()>> = Arc::new(move |start, board, ()| begin(start, board, state.clone()));
        StatedFunction(ErasedFunction { begin, on_failure: tell, check })
    }
}

/// A function that needs nothing but a delivery.
#[derive(Debug, Clone)]
pub(super) struct StatedFunction(ErasedFunction<()>);

impl StatedFunction {
    pub(super) async fn begin(&self, start: Start, board: Arc<Board>) -> Result<Function, Refused> {
        if let Some(check) = &self.0.check {
            let payload: Value = read_payload(&start.payload)?;
            // No other try has another payload.
            check(&payload).map_err(|error| Failure::of_application(&*error, None).for_good())?;
        }
        (self.0.begin)(start, board, ()).await
    }

    /// Tells a failure. `None` if the workflow has no function for it.
    pub(super) async fn tell(
        &self,
        failed: impl FnOnce() -> Result<FailedRun, Failure>,
        run: Run,
        parts: Parts,
    ) -> Option<Result<Option<String>, Refused>> {
        let tell = self.0.on_failure.as_ref()?;
        Some(match failed() {
            Ok(failed) => tell(failed, run, parts, ()).await,
            Err(failure) => Err(failure.into()),
        })
    }
}

impl<S> Clone for ErasedFunction<S> {
    fn clone(&self) -> Self {
        Self { begin: Arc::clone(&self.begin), on_failure: self.on_failure.clone(), check: self.check.clone() }
    }
}

impl<S> fmt::Debug for ErasedFunction<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErasedFunction")
    }
}

/// A payload is JSON, or else text. No payload is `null`.
fn read_payload<P: DeserializeOwned>(bytes: &Bytes) -> Result<P, Failure> {
    let bytes: &[u8] = if bytes.is_empty() { b"null" } else { bytes };
    json_or_text(bytes).map_err(|error| {
        // The text of the error may have the payload in it.
        Failure::of_endpoint(format!("the payload is not of the expected type: {:?} error", error.classify()))
    })
}
