//! Durable functions.

mod answer;
mod board;
mod call;
mod callback;
mod context;
mod delivery;
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
mod serve;
mod step;
mod submission;

pub use self::{
    call::{CallRequest, CallResponse},
    context::WorkflowContext,
    error::WorkflowError,
    event::EventOutcome,
    failure::WorkflowFailure,
    record::StepKind,
    serve::{Workflow, WorkflowService, serve},
    step::{RunStep, Step},
};
