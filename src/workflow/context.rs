use super::{
    board::{Board, Place},
    call::{CallRequest, CallResponse, read_call},
    derived,
    event::{EventOutcome, read_event, read_notified},
    fields::is_id,
    invocation::Invocation,
    invoke::{InvokeOutcome, read_invoked},
    order::{Action, Order},
    run::Run,
    step::{RunStep, Step, read_json, read_nothing},
    webhook::{Webhook, WebhookRequest, read_webhook_request},
};
use crate::{
    Clock,
    hex::hex,
    qstash::{seconds_text, whole_seconds},
};
use http::HeaderMap;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// One run of a workflow, as its function sees it.
///
/// ```
/// use axum_upstash::workflow::{WorkflowContext, WorkflowError, serve};
///
/// async fn price(sku: u32) -> Result<u32, WorkflowError> {
///     Ok(sku * 100)
/// }
///
/// async fn prices(ctx: WorkflowContext<[u32; 2]>) -> Result<u32, WorkflowError> {
///     let [one, two] = *ctx.payload();
///     // Side by side, each in a delivery of its own.
///     let (one, two) = tokio::join!(ctx.run("one", price(one)), ctx.run("two", price(two)));
///     Ok(one + two)
/// }
/// # let _: axum::Router<axum_upstash::Upstash> =
/// #     axum::Router::new().route("/", axum::routing::post(axum_upstash::workflow::serve(prices)));
/// ```
pub struct WorkflowContext<P> {
    payload: Arc<P>,
    run: Arc<Run>,
    board: Arc<Board>,
    /// The values that were derived so far.
    derived: Arc<AtomicU64>,
}

impl<P> WorkflowContext<P> {
    pub(super) fn new(payload: P, run: Arc<Run>, board: Arc<Board>) -> Self {
        Self { payload: Arc::new(payload), run, board, derived: Arc::default() }
    }

    /// The payload that the run began with.
    #[must_use]
    pub fn payload(&self) -> &P {
        &self.payload
    }

    /// The id of the run.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run.id
    }

    /// The URL of the workflow.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.run.url
    }

    /// The headers that the run was triggered with.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.run.headers
    }

    /// The number of times that this delivery was tried before.
    #[must_use]
    pub fn retried(&self) -> u32 {
        self.run.retried
    }

    /// The labels of the run.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.run.labels
    }

    /// The time at which the run was triggered, if the server says so.
    #[must_use]
    pub fn created_at(&self) -> Option<SystemTime> {
        self.run.created_at()
    }

    /// Does some work, and keeps its value: the work is begun again only if it fails, or if its value was lost.
    ///
    /// The future is polled by the delivery that reaches the step, and is dropped unpolled by those that come later. Its error
    /// ends this delivery, and QStash makes another. A failure that the function handles is a value: `Ok(Err(..))`.
    pub fn run<W, T, E>(&self, name: impl Into<String>, work: W) -> RunStep<W>
    where
        W: Future<Output = Result<T, E>>,
        T: Serialize + DeserializeOwned,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        RunStep::new(self.place(name, Action::Run), work)
    }

    /// Waits for so long, in whole seconds. No process waits meanwhile.
    pub fn sleep(&self, name: impl Into<String>, time: Duration) -> Step<()> {
        Step::new(self.place(name, Action::SleepFor(whole_seconds(time).into())), read_nothing)
    }

    /// Waits until a time, in whole seconds.
    pub fn sleep_until(&self, name: impl Into<String>, time: SystemTime) -> Step<()> {
        let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Step::new(self.place(name, Action::SleepUntil(whole_seconds(time))), read_nothing)
    }

    /// Lets QStash make a request, and waits for its answer, whatever its status. No process waits meanwhile.
    pub fn call(&self, name: impl Into<String>, request: CallRequest) -> Step<CallResponse> {
        let problem = request.problem;
        Step::new(self.place(name, Action::Call(Box::new(request))), read_call).refused(problem)
    }

    /// Waits for an event, for so long at the most. No process waits meanwhile.
    pub fn wait_for_event<T: DeserializeOwned>(
        &self,
        name: impl Into<String>,
        event: impl Into<String>,
        timeout: Duration,
    ) -> Step<EventOutcome<T>> {
        let (event, timeout) = (event.into(), seconds_text(timeout));
        let problem = (!is_id(&event)).then_some("waits for an event whose id is not one");
        Step::new(self.place(name, Action::Wait { event, timeout }), read_event).refused(problem)
    }

    /// Tells an event to all who wait for it. The result is the number of those.
    pub fn notify(&self, name: impl Into<String>, event: impl Into<String>, data: &impl Serialize) -> Step<usize> {
        let (event, shown) = (event.into(), serde_json::to_value(data));
        let id_problem = (!is_id(&event)).then_some("tells an event whose id is not one");
        let data_problem = shown.is_err().then_some("tells an event whose data cannot be written as JSON");
        let shown = shown.unwrap_or_default();
        let data = shown.as_str().map_or_else(|| shown.to_string(), str::to_owned).into_bytes();
        let step = Step::new(self.place(name, Action::Notify { event, data, shown }), read_notified);
        step.refused(id_problem).refused(data_problem)
    }

    /// Runs another workflow of the same [route](crate::workflow::serve_many), and waits for its end. No process waits
    /// meanwhile.
    pub fn invoke<T: DeserializeOwned>(
        &self,
        name: impl Into<String>,
        invocation: Invocation<T>,
    ) -> Step<InvokeOutcome<T>> {
        let Invocation { mut order, problem, .. } = invocation;
        if order.run_id.is_none() {
            // The same in each delivery, so that an invocation that is repeated begins no other run.
            order.run_id = Some(hex(&self.derive())[..32].to_owned());
        }
        Step::new(self.place(name, Action::Invoke(Box::new(order))), read_invoked).refused(problem)
    }

    /// Makes a URL that a third party calls, for [`wait_for_webhook`](Self::wait_for_webhook). A call that comes before the
    /// wait is kept.
    pub fn create_webhook(&self, name: impl Into<String>) -> Step<Webhook> {
        Step::new(self.place(name, Action::CreateWebhook), read_json)
    }

    /// Waits for a call of a webhook, for so long at the most. No process waits meanwhile.
    pub fn wait_for_webhook(
        &self,
        name: impl Into<String>,
        webhook: &Webhook,
        timeout: Duration,
    ) -> Step<EventOutcome<WebhookRequest>> {
        let action = Action::WaitForWebhook { event: webhook.event.clone(), timeout: seconds_text(timeout) };
        let problem = (!is_id(&webhook.event)).then_some("waits for a webhook whose id is not one");
        Step::new(self.place(name, action), read_webhook_request).refused(problem)
    }

    /// The version of a change of this function: `current` in runs that reach it for the first time, and 0 in those that had
    /// passed this place before the change was there. It is a step, and stands alone: not in a group.
    ///
    /// The code of old runs stays until the last of them has ended.
    pub fn version(&self, change: impl std::fmt::Display, current: u32) -> Step<u32> {
        Step::new(self.place(format!("version: {change}"), Action::Version(current)), read_json)
    }

    /// The time, as a step: every delivery has the same.
    pub async fn now(&self, name: impl Into<String>) -> SystemTime {
        let now = async { Ok::<u64, std::convert::Infallible>(Clock::system().now_ms()) };
        crate::rt::from_unix_ms(self.run(name, now).await)
    }

    /// A UUID (version 8) of this run and place. It takes no step, and every delivery has the same.
    ///
    /// A run that is [resumed](crate::workflow::RunDlq::resume) has another id, and other values. One that has to survive that
    /// is the result of a step.
    #[must_use]
    pub fn uuid(&self) -> String {
        derived::uuid(self.derive())
    }

    /// A random number of this run and place. It takes no step, and every delivery has the same, as for
    /// [`uuid`](Self::uuid).
    #[must_use]
    pub fn random(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.derive();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    fn derive(&self) -> [u8; 32] {
        derived::bytes(&self.run.id, self.derived.fetch_add(1, Ordering::Relaxed))
    }

    /// Ends the run. It has neither a result nor a failure.
    pub async fn cancel(&self) -> std::convert::Infallible {
        self.board.cancel();
        std::future::pending().await
    }

    fn place(&self, name: impl Into<String>, action: Action) -> Place {
        Place::new(&self.board, Order { name: name.into(), action })
    }
}

impl<P> Clone for WorkflowContext<P> {
    fn clone(&self) -> Self {
        Self {
            payload: Arc::clone(&self.payload),
            run: Arc::clone(&self.run),
            board: Arc::clone(&self.board),
            derived: Arc::clone(&self.derived),
        }
    }
}

/// Without payload and headers: they are the application's.
impl<P> fmt::Debug for WorkflowContext<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkflowContext").field("run_id", &self.run.id).finish_non_exhaustive()
    }
}
