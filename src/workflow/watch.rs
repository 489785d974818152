use super::driver::Starts;
use std::{fmt, sync::Arc};

/// Something that happened in a run, for an [observer](super::Workflow::with_observer).
///
/// ```
/// use axum_upstash::workflow::{WorkflowEvent, WorkflowContext, WorkflowError, serve};
/// use axum::{Router, routing::post};
/// use axum_upstash::Upstash;
///
/// async fn one(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
///     Ok(ctx.run("one", async { Ok::<_, WorkflowError>(1) }).await)
/// }
///
/// let one = serve(one).with_observer(|run_id, event| match event {
///     WorkflowEvent::StepDone { step, .. } => println!("{run_id}: {step} is done"),
///     event => println!("{run_id}: {event:?}"),
/// });
/// let app: Router<Upstash> = Router::new().route("/one", post(one));
/// ```
///
/// A delivery that is made again tells its events again.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkflowEvent<'a> {
    /// The first delivery of the run has come.
    RunStarted,
    /// A step is executed now, or handed to QStash.
    StepStarted {
        /// The name of the step.
        step: &'a str,
    },
    /// A step is done: its result has come back.
    #[non_exhaustive]
    StepDone {
        /// The name of the step.
        step: &'a str,
        /// The result as JSON, if it has one.
        out: Option<&'a str>,
    },
    /// The function has returned, and QStash has its result.
    #[non_exhaustive]
    RunCompleted {
        /// The result as JSON.
        result: Option<&'a str>,
    },
    /// The function has cancelled the run.
    RunCanceled,
    /// A delivery failed: it is made again, unless that was the last one.
    #[non_exhaustive]
    DeliveryFailed {
        /// The step that failed, if it is known.
        step: Option<&'a str>,
        /// The message of the error.
        error: &'a str,
        /// Whether the error says that the run fails at once.
        is_final: bool,
    },
    /// The run has failed, and the failure function is called.
    RunFailed,
}

/// Without results: they are the application's.
impl fmt::Debug for WorkflowEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RunStarted => f.write_str("RunStarted"),
            Self::StepStarted { step } => f.debug_struct("StepStarted").field("step", step).finish(),
            Self::StepDone { step, .. } => f.debug_struct("StepDone").field("step", step).finish_non_exhaustive(),
            Self::RunCompleted { .. } => f.write_str("RunCompleted"),
            Self::RunCanceled => f.write_str("RunCanceled"),
            Self::DeliveryFailed { step, is_final, .. } => {
                let mut shown = f.debug_struct("DeliveryFailed");
                shown.field("step", step).field("is_final", is_final).finish_non_exhaustive()
            }
            Self::RunFailed => f.write_str("RunFailed"),
        }
    }
}

/// A function that sees events, if there is one.
#[derive(Clone, Default)]
pub(super) struct Observer(Option<Arc<Observe>>);

type Observe = dyn Fn(&str, WorkflowEvent<'_>) + Send + Sync;

impl Observer {
    pub(super) fn new(observe: impl Fn(&str, WorkflowEvent<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observe)))
    }

    /// Sees the steps of one run.
    pub(super) fn of_run<'a>(&'a self, run_id: &'a str) -> RunObserver<'a> {
        RunObserver { observer: self, run_id }
    }

    pub(super) fn see(&self, run_id: &str, event: WorkflowEvent<'_>) {
        if let Some(observe) = &self.0 {
            observe(run_id, event);
        }
    }
}

/// Tells of the steps of a run that are executed.
#[derive(Debug)]
pub(super) struct RunObserver<'a> {
    observer: &'a Observer,
    run_id: &'a str,
}

impl Starts for RunObserver<'_> {
    fn starts(&self, step: &str) {
        tracing::Span::current().record("workflow.step.name", step);
        self.observer.see(self.run_id, WorkflowEvent::StepStarted { step });
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observer").field(&self.0.is_some()).finish()
    }
}
