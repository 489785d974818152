//! Durable functions.

mod board;
mod context;
mod driver;
#[cfg(test)]
mod driver_tests;
mod error;
mod fields;
mod group;
mod history;
mod order;
mod record;
mod step;

pub use self::{
    context::WorkflowContext,
    error::WorkflowError,
    record::StepKind,
    step::{RunStep, Step},
};
