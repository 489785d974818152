//! What an account holds, and what happens to it: data alone.

mod dead_letter;
mod filter;
mod group;
mod journal;
mod keys;
mod queue;
mod row;
mod run;
mod schedule;

pub(crate) use self::{
    dead_letter::DeadLetter,
    filter::Filter,
    group::{Endpoint, Group},
    journal::{Journal, Nothing, Record},
    keys::Keys,
    queue::Queue,
    row::{Row, State},
    run::{Invoker, KeptEvent, Run, RunEnd, RunEntry, RunStart, RunState, Waiter},
    schedule::{Destination, Schedule},
};
