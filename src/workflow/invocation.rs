use super::fields::is_id;
use crate::qstash::{FlowControl, RetryDelay};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use std::{borrow::Borrow, fmt, marker::PhantomData};

/// A run of another workflow of the same [route](super::serve_many), by its id, for
/// [`invoke`](super::WorkflowContext::invoke). `T` is its result.
///
/// ```
/// use axum_upstash::workflow::Invocation;
///
/// let mail: Invocation<u32> = Invocation::new("mail").json(&"thank you").label("thanks").retries(5);
/// ```
#[must_use]
pub struct Invocation<T> {
    pub(super) order: Invoked,
    pub(super) problem: Option<&'static str>,
    result: PhantomData<fn() -> T>,
}

/// An invocation without its type.
#[derive(Clone)]
pub(super) struct Invoked {
    pub(super) workflow: String,
    pub(super) body: Option<String>,
    /// The id of the run, without `wfr_`.
    pub(super) run_id: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) labels: Vec<String>,
    pub(super) retries: Option<u32>,
    pub(super) retry_delay: Option<RetryDelay>,
    pub(super) flow_control: Option<FlowControl>,
}

impl<T> Invocation<T> {
    /// A run of the workflow of that id, without a payload.
    pub fn new(workflow: impl Into<String>) -> Self {
        let workflow = workflow.into();
        let problem = (!is_id(&workflow)).then_some("invokes a workflow whose id is not one");
        let order = Invoked {
            workflow,
            body: None,
            run_id: None,
            headers: HeaderMap::new(),
            labels: Vec::new(),
            retries: None,
            retry_delay: None,
            flow_control: None,
        };
        Self { order, problem, result: PhantomData }
    }

    /// Sets the payload, as it is.
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.order.body = Some(body.into());
        self
    }

    /// Sets the payload to a value as JSON.
    pub fn json(mut self, payload: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_string(payload) {
            Ok(text) => self.order.body = Some(text),
            Err(_) => self.problem = Some("invokes a workflow with a payload that cannot be written as JSON"),
        }
        self
    }

    /// Adds a header, which each delivery of the run has. It has those of this run anyway.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        match (HeaderName::try_from(name.as_ref()), HeaderValue::from_str(value.as_ref())) {
            (Ok(name), Ok(value)) => {
                self.order.headers.insert(name, value);
            }
            _ => self.problem = Some("invokes a workflow with a header that cannot be sent"),
        }
        self
    }

    /// Sets the id of the run, after `wfr_` (one of this run and place).
    pub fn run_id(mut self, id: impl Into<String>) -> Self {
        let id = id.into();
        if !is_id(&id) {
            self.problem = Some("invokes a workflow with a run id that is none");
        }
        self.order.run_id = Some(id);
        self
    }

    /// Adds a label, by which logs are filtered.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        let label = label.into();
        if !is_id(&label) {
            self.problem =
                Some("invokes a workflow with a label that has other characters than letters, digits, - _ and .");
        }
        self.order.labels.push(label);
        self
    }

    /// Sets how often each delivery is repeated (3).
    pub fn retries(mut self, retries: u32) -> Self {
        self.order.retries = Some(retries);
        self
    }

    /// Sets the waits before repetitions (12 s, 2 min 28 s, 30 min, 6 h, then 24 h).
    pub fn retry_delay(mut self, delay: impl Borrow<RetryDelay>) -> Self {
        self.order.retry_delay = Some(delay.borrow().clone());
        self
    }

    /// Limits how many deliveries of runs with one key are made at once, or in a period.
    pub fn flow_control(mut self, control: impl Borrow<FlowControl>) -> Self {
        match control.borrow().key() {
            Ok(_) => self.order.flow_control = Some(control.borrow().clone()),
            Err(_) => self.problem = Some("invokes a workflow with a flow control whose key cannot be sent"),
        }
        self
    }
}

/// The id of a workflow, with the types of its payload and of its result: a constant beside its function.
///
/// ```
/// use axum_upstash::workflow::{WorkflowContext, WorkflowError, WorkflowId};
///
/// const MAIL: WorkflowId<str, u32> = WorkflowId::new("mail");
///
/// async fn order(ctx: WorkflowContext<()>) -> Result<Option<u32>, WorkflowError> {
///     let sent = ctx.invoke("confirm", MAIL.with("thank you")).await;
///     Ok(sent.returned())
/// }
/// # let _: axum::Router<axum_upstash::Upstash> =
/// #     axum::Router::new().route("/", axum::routing::post(axum_upstash::workflow::serve(order)));
/// ```
pub struct WorkflowId<P: ?Sized, T> {
    id: &'static str,
    types: PhantomData<fn(&P) -> T>,
}

impl<P: Serialize + ?Sized, T> WorkflowId<P, T> {
    /// The id of a workflow of these types.
    #[must_use]
    pub const fn new(id: &'static str) -> Self {
        Self { id, types: PhantomData }
    }

    /// The id, for [`serve_many`](super::serve_many).
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.id
    }

    /// A run with this payload.
    pub fn with(&self, payload: &P) -> Invocation<T> {
        Invocation::new(self.id).json(payload)
    }
}

impl<P: ?Sized, T> fmt::Debug for WorkflowId<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WorkflowId").field(&self.id).finish()
    }
}

/// Without payload and headers: they are the application's.
impl<T> fmt::Debug for Invocation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.order.fmt(f)
    }
}

impl fmt::Debug for Invoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation").field("workflow", &self.workflow).finish_non_exhaustive()
    }
}
