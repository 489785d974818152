//! An account: messages, queues, URL groups, schedules, dead letters, log and keys. A state machine without I/O; the time
//! is an argument.

mod accept;
mod attempts;
mod callbacks;
mod cancel;
mod changes;
mod dead_letters;
mod groups;
mod log;
mod queues;
mod recent;
#[cfg(test)]
mod reload_tests;
mod schedules;
mod state;
mod workflows;

pub(crate) use self::{
    accept::{Accepted, Receipt, Submission},
    attempts::Attempt,
    state::Account,
    workflows::{Revival, RunFields, check_step, lists},
};
