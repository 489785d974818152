//! What an account holds, and what happens to it: data alone.

mod dead_letter;
mod filter;
mod group;
mod journal;
mod keys;
mod queue;
mod row;
mod run;
mod run_filter;
mod schedule;
mod waiter;

pub(crate) use self::{
    dead_letter::DeadLetter,
    filter::Filter,
    group::{Endpoint, Group},
    journal::{Journal, Nothing, Record},
    keys::Keys,
    queue::Queue,
    row::{Row, State},
    run::{FailureCall, FailureState, Invoker, KeptEvent, Left, Run, RunEnd, RunError, RunStart, RunState},
    run_filter::RunFilter,
    schedule::{Destination, Schedule},
    waiter::Waiter,
};
