//! Workflows: durable functions as routes. There is no worker: QStash calls the route for each step, and keeps its results.
//!
//! ```
//! use axum::{Router, routing::post};
//! use axum_upstash::{Upstash, workflow::{CallRequest, Trigger, WorkflowContext, WorkflowError, serve}};
//! use serde::{Deserialize, Serialize};
//! use std::time::Duration;
//!
//! #[derive(Serialize, Deserialize)]
//! struct Order {
//!     sku: u32,
//! }
//!
//! async fn reserve(sku: u32) -> Result<String, WorkflowError> {
//!     Ok(format!("reservation of {sku}"))
//! }
//!
//! async fn order(ctx: WorkflowContext<Order>) -> Result<String, WorkflowError> {
//!     let reservation = ctx.run("reserve", reserve(ctx.payload().sku)).await;
//!     ctx.sleep("let them think", Duration::from_secs(3600)).await; // no process waits
//!     let charge = CallRequest::post("https://pay.example.com/charges").json(&reservation);
//!     let paid = ctx.call("charge", charge).await; // nor does one for the answer
//!     Ok(format!("{reservation}, paid: {}", paid.is_success()))
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let upstash = Upstash::from_env()?;
//! let app: Router = Router::new().route("/workflows/order", post(serve(order))).with_state(upstash.clone());
//!
//! // Anywhere else:
//! let trigger = Trigger::new("https://app.example.com/workflows/order").json(&Order { sku: 9 });
//! let run = upstash.workflow().trigger(trigger).await?;
//! let result: String = upstash.workflow().wait_for_result(&run.run_id, Duration::from_secs(7200)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # How it runs
//! Each delivery runs the function from its beginning. Steps that are done give their recorded results; the first that is
//! not is executed, and the function is dropped there. So the code between steps runs once for each delivery: it should
//! have no effects, and do the same each time. Values that differ come from a step, or from
//! [`uuid`](WorkflowContext::uuid), [`random`](WorkflowContext::random) and [`now`](WorkflowContext::now).
//!
//! An error of a step, or of the function, ends a delivery, and QStash makes another: 3 times, or as the
//! [trigger](Trigger::retries) says. [`WorkflowError`] says otherwise. A failure that the function handles is a value:
//! `Ok(Err(..))`.
//!
//! # Steps
//! | step | what happens |
//! |---|---|
//! | [`run`](WorkflowContext::run) | the endpoint does some work, and its value is kept |
//! | [`sleep`](WorkflowContext::sleep), [`sleep_until`](WorkflowContext::sleep_until) | nothing, for a while |
//! | [`call`](WorkflowContext::call) | QStash makes a request, which may take hours |
//! | [`wait_for_event`](WorkflowContext::wait_for_event), [`notify`](WorkflowContext::notify) | a run waits until an event is told |
//! | [`invoke`](WorkflowContext::invoke) | another workflow of the same [route](serve_many) runs |
//! | [`create_webhook`](WorkflowContext::create_webhook), [`wait_for_webhook`](WorkflowContext::wait_for_webhook) | a third party calls a URL |
//! | [`version`](WorkflowContext::version) | runs that were under way keep the old code |
//!
//! Steps that are awaited together, by `join!` or `join_all`, are executed side by side, each by a delivery of its own. The
//! function goes on when all have ended; branches with several steps go on level by level. Races (`select!`, a timeout
//! around a step) are refused. A group of `n` steps costs `2 n` deliveries, a step alone one.
//!
//! # What is guaranteed
//! A result that QStash has is never computed again. The work of a step runs at least once: a second time if the process
//! dies, or QStash is not reached, between its effect and the submission of its result. Make it repeatable, or keyed by
//! [`run_id`](WorkflowContext::run_id).
//!
//! # Changing the code
//! Runs under way have a history, and the function has to ask for the same steps in the same order. A step whose name or
//! kind is another, or a group of another size, is an error that names it. There are three ways to change a function:
//! - Add steps at the end.
//! - Guard a change by [`version`](WorkflowContext::version): runs that had passed its place go on as before.
//! - Name the [version of the function](Workflow::version), and keep [the old one](Workflow::with_old) for its runs.
//!
//! Builds with debug assertions run the function twice in each delivery, and refuse one that does not
//! [repeat itself](Workflow::with_replay_check), such as one that walks through a `HashMap`.
//!
//! # State, and what happens
//! Functions have [extractors](WorkflowFunction) before their context. Layers of tower work as on any route. An
//! [observer](Workflow::with_observer) sees steps begin and end. Each delivery is a span of `tracing` with the names of
//! OpenTelemetry: `messaging.*`, `error.type`, `otel.status_code`, and `workflow.step.name`. A delivery that ends before the
//! function does is no error, in spans either.
//!
//! # Runs that fail
//! A run fails when the retries of a delivery are used up. Its [failure function](Workflow::on_failure) is called, and it is
//! in a [dead letter queue](WorkflowClient::dlq): from there it is resumed, with the results that it has, or restarted.
//!
//! # Signatures
//! A route verifies each request by the [`Receiver`](crate::qstash::Receiver) of its state, and answers 401 otherwise: so a
//! run is begun through QStash. [`without_verification`](Workflow::without_verification) is for development.
//!
//! # On this machine
//! [`LocalQStash`](https://docs.rs/axum-upstash/latest/axum_upstash/local/struct.LocalQStash.html), of the feature `local`, runs
//! workflows without an account.

mod answer;
mod board;
mod call;
mod callback;
mod client;
mod context;
mod delivery;
mod derived;
mod driver;
#[cfg(test)]
mod driver_tests;
mod endpoint;
mod erased;
mod error;
mod event;
mod failure;
mod fields;
mod function;
mod group;
mod history;
mod invocation;
mod invoke;
mod order;
mod record;
mod run;
mod saga;
mod serve;
mod serve_many;
mod service;
mod span;
mod step;
mod submission;
#[cfg(test)]
mod submission_tests;
mod trigger;
mod versions;
mod watch;
mod webhook;

pub use self::{
    call::{CallRequest, CallResponse},
    client::{
        FailureInfo, FailureState, RevivedRun, RunDlq, RunDlqEntry, RunDlqFilter, RunError, RunFilter, RunInfo,
        RunState, RunStepInfo, StepError, StepGroup, StepState, Triggered, Waiter, WorkflowClient,
    },
    context::WorkflowContext,
    error::WorkflowError,
    event::EventOutcome,
    failure::WorkflowFailure,
    function::{Begun, WorkflowFunction},
    invocation::{Invocation, WorkflowId},
    invoke::InvokeOutcome,
    record::StepKind,
    saga::Saga,
    serve::{Workflow, serve},
    serve_many::{ManyWorkflows, serve_many},
    service::WorkflowService,
    step::{RunStep, Step},
    trigger::Trigger,
    watch::WorkflowEvent,
    webhook::{Webhook, WebhookRequest},
};
