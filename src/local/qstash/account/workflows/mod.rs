//! Runs of workflows: their entries, the messages that bring them further, and what becomes of those that fail.

mod attempts;
mod begin;
mod changes;
mod end;
mod entries;
mod failure;
mod fields;
mod hold;
#[cfg(test)]
mod hold_tests;
mod letters;
mod revive;
#[cfg(test)]
mod revive_tests;
mod runs;
mod send;
mod waits;

pub(crate) use self::{
    begin::check_step,
    fields::{RunFields, lists},
    revive::Revival,
};
