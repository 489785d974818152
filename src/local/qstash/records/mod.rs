//! What an account holds, and what happens to it: data alone.

mod dead_letter;
mod filter;
mod group;
mod keys;
mod queue;
mod record;
mod row;
mod run;
mod run_filter;
mod schedule;
mod waiter;

pub(crate) use self::{
    dead_letter::DeadLetter,
    filter::Filter,
    group::{Endpoint, Group},
    keys::Keys,
    queue::Queue,
    record::Record,
    row::{Row, State},
    run::{FailureCall, FailureState, Invoker, KeptEvent, Left, Run, RunEnd, RunError, RunStart, RunState},
    run_filter::RunFilter,
    schedule::{Destination, Schedule},
    waiter::Waiter,
};
