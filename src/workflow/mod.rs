//! Durable functions.

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
mod error;
mod event;
mod failure;
mod fields;
mod function;
mod group;
mod history;
mod order;
mod record;
mod run;
mod run_info;
mod saga;
mod serve;
mod step;
mod submission;
mod trigger;

pub use self::{
    call::{CallRequest, CallResponse},
    client::{RunError, Triggered, WorkflowClient},
    context::WorkflowContext,
    error::WorkflowError,
    event::EventOutcome,
    failure::WorkflowFailure,
    record::StepKind,
    run_info::{RunInfo, RunState},
    saga::Saga,
    serve::{Workflow, WorkflowService, serve},
    step::{RunStep, Step},
    trigger::Trigger,
};
