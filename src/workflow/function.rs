use super::{
    board::Board,
    context::WorkflowContext,
    driver::Function,
    error::{BoxError, Failure},
    failure::{FailureFunction, WorkflowFailure},
    record::json_or_text,
    run::Run,
};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, future::Future, sync::Arc};

/// Begins a function for a payload.
type Begin = dyn Fn(&Bytes, Run, Arc<Board>) -> Result<Function, Failure> + Send + Sync;

/// A workflow without its types.
#[derive(Clone)]
pub(super) struct ErasedFunction {
    begin: Arc<Begin>,
    pub(super) on_failure: Option<FailureFunction>,
}

impl ErasedFunction {
    pub(super) fn new<F, Fut, P, T, E>(function: F) -> Self
    where
        F: Fn(WorkflowContext<P>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        P: DeserializeOwned + Send + Sync + 'static,
        T: Serialize,
        E: Into<BoxError>,
    {
        let begin = move |payload: &Bytes, run: Run, board: Arc<Board>| -> Result<Function, Failure> {
            let payload = read_payload(payload)?;
            let future = function(WorkflowContext::new(payload, Arc::new(run), board));
            let function: Function = Box::pin(async move {
                let result = future.await.map_err(Into::into)?;
                Ok(Some(serde_json::to_string(&result)?))
            });
            Ok(function)
        };
        Self { begin: Arc::new(begin), on_failure: None }
    }

    pub(super) fn begin(&self, payload: &Bytes, run: Run, board: Arc<Board>) -> Result<Function, Failure> {
        (self.begin)(payload, run, board)
    }
}

impl fmt::Debug for ErasedFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErasedFunction")
    }
}

/// A payload is JSON, or else text. No payload is `null`.
pub(super) fn read_payload<P: DeserializeOwned>(bytes: &Bytes) -> Result<P, Failure> {
    let bytes: &[u8] = if bytes.is_empty() { b"null" } else { bytes };
    json_or_text(bytes).map_err(|error| {
        // The text of the error may have the payload in it.
        Failure::of_endpoint(format!("the payload is not of the expected type: {:?} error", error.classify()))
    })
}

pub(super) fn on_failure<G, GFut, P, R>(function: G) -> FailureFunction
where
    G: Fn(WorkflowFailure<P>) -> GFut + Send + Sync + 'static,
    GFut: Future<Output = Result<R, BoxError>> + Send + 'static,
    P: DeserializeOwned + Send + Sync + 'static,
    R: Into<Option<String>>,
{
    FailureFunction::new(move |failed, run| {
        let payload = read_payload(&failed.payload);
        let future = payload.map(|payload| function(WorkflowFailure::new(payload, failed, run)));
        Box::pin(async move {
            let result = future?.await.map_err(|error| Failure::of_application(&*error, None))?;
            Ok(result.into())
        })
    })
}
