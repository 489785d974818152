//! What begins runs of workflows, and manages them.

#[allow(clippy::module_inception, reason = "the file of the type that users name")]
mod client;
mod dlq;
mod dlq_entry;
mod filter;
mod run_info;
mod run_step;
mod waiter;

pub use self::{
    client::{RunError, Triggered, WorkflowClient},
    dlq::{RevivedRun, RunDlq},
    dlq_entry::RunDlqEntry,
    filter::{RunDlqFilter, RunFilter},
    run_info::{FailureInfo, FailureState, RunInfo, RunState},
    run_step::{RunStepInfo, StepError, StepGroup, StepState},
    waiter::Waiter,
};
